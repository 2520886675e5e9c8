import { z } from 'zod';
import type { JobRecord } from '../../database/store.js';
import type { SpaceComparison } from '../../spaces/compare/compare-spaces.js';

/** What each kind of job is told: JSON, as it lies in the database. Left out is what the operation decides by itself. */
export const jobInputs = {
  create_space: z.object({
    name: z.string(),
    /** See parseRecipe. */
    method: z.string(),
    sampleImages: z.number().optional(),
    seed: z.number().optional(),
    backfill: z.boolean(),
  }),
  backfill_space: z.object({ name: z.string() }),
  compare_spaces: z.object({
    a: z.string(),
    b: z.string(),
    sample: z.number().optional(),
    seed: z.number().optional(),
    k: z.number().optional(),
  }),
  load_sample: z.object({}),
  train_scorer: z.object({
    space: z.string(),
    kind: z.enum(['heuristic', 'labels']),
    seed: z.number().optional(),
    epochs: z.number().optional(),
  }),
  index_regions: z.object({ space: z.string() }),
} as const satisfies Record<string, z.ZodType>;

export type JobKind = keyof typeof jobInputs;

export type JobInput<K extends JobKind> = z.infer<(typeof jobInputs)[K]>;

export const jobKinds = Object.keys(jobInputs) as readonly JobKind[];

/** A kind of job and what it is told. */
export type JobRequest = { [K in JobKind]: { readonly kind: K; readonly input: Readonly<JobInput<K>> } }[JobKind];

/** An image that a job passed over, and why; no more than a client may see. */
export interface JobFailure {
  /** Of a stored image. */
  readonly imageId?: string | undefined;
  /** Of one that was to be stored. */
  readonly filename?: string | undefined;
  readonly message: string;
}

/** What a job answers: JSON. A kind sets what it speaks of; counts are of the last server that worked on it. */
export interface JobResult {
  /** The space that was made, filled, trained or indexed. */
  readonly space?: string | undefined;
  /** The notation of what was fitted. */
  readonly description?: string | undefined;
  readonly dimensions?: number | undefined;
  /** Images that it was fitted on; left out where an earlier server did that. */
  readonly sampled?: number | undefined;
  /** Share of the ten nearest that a projection to what a space holds keeps, 0 to 1: see Narrowing. */
  readonly neighboursKept?: number | undefined;
  readonly embedded?: number | undefined;
  /** Stored images without an embedding in the space. */
  readonly missing?: number | undefined;
  /** Images whose parts were embedded. */
  readonly indexed?: number | undefined;
  /** Images that were stored, and those that were stored already. */
  readonly imported?: number | undefined;
  readonly known?: number | undefined;
  /** Labelled images that a scorer was trained on, and their classes. */
  readonly trainedOn?: number | undefined;
  readonly classes?: number | undefined;
  readonly comparison?: SpaceComparison | undefined;
  readonly failedCount: number;
  /** The first `maxListedFailures`. */
  readonly failed: readonly JobFailure[];
}

/** A job as the operations tell it; its kind and its result are of this version's, or a newer one's. */
export type Job = Omit<JobRecord, 'kind' | 'input' | 'result'> & {
  readonly kind: JobKind;
  /** Names what it works on, as far as that is known: the space, or the two that are compared. */
  readonly spaces: readonly string[];
  readonly result: JobResult | undefined;
};

/** @returns undefined for a kind of a newer version */
export function toJob({ input, result, ...record }: JobRecord): Job | undefined {
  const kind = jobKinds.find((known) => known === record.kind);
  if (kind === undefined) return undefined;
  // Written by runJob alone.
  return { ...record, kind, spaces: spacesOf(kind, input), result: result as JobResult | undefined };
}

function spacesOf(kind: JobKind, input: unknown): readonly string[] {
  const { name, space, a, b } = z
    .object({ name: z.string(), space: z.string(), a: z.string(), b: z.string() })
    .partial()
    .parse(input);
  return kind === 'load_sample' ? [] : [name, space, a, b].filter((text) => text !== undefined);
}
