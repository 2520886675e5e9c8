import { z } from 'zod';
import { SemblanceError } from '../../base/errors.js';

/** Raised whenever a reader of the old shape would misread the new one. */
export const documentVersion = 1;

const share = z.number().min(0).max(1);
const count = z.int().nonnegative();
const interval = z.object({ mean: z.number(), low: z.number(), high: z.number() });
const byMeasure = <T extends z.ZodType>(value: T): z.ZodRecord<z.ZodString, T> => z.record(z.string(), value);

const exampleSchema = z.object({
  topicId: z.string(),
  className: z.string().optional(),
  /** Of the main measure. */
  value: share,
  results: z.array(z.object({ documentId: z.string(), className: z.string().optional(), relevant: z.boolean() })),
});

const costSchema = z.object({
  /** Decoding and embedding included. */
  perIndexedImageMs: z.number().nonnegative().optional(),
  perQueryMs: z
    .object({ mean: z.number().nonnegative(), median: z.number().nonnegative(), p95: z.number().nonnegative() })
    .optional(),
  /** Of vectors and index. */
  indexBytes: count.optional(),
  /** What stands beside the times: machine, threads, warm or cold. */
  note: z.string().optional(),
});

const methodSchema = z.object({
  /** Different from all others; also the tag of the run file. */
  name: z.string().min(1),
  description: z.string().optional(),
  topics: z.object({
    evaluated: count,
    /** In the qrels, not in the run. */
    missing: count,
    /** In the run, not in the qrels; left out. */
    unjudged: count,
  }),
  measures: byMeasure(interval),
  /** Of this method's means over the baseline's, on the topics of both. Absent for the baseline itself. */
  differences: byMeasure(interval).optional(),
  /** At recall 0, 0.1, … 1. */
  interpolatedPrecision: z.array(share).length(11),
  classes: z.array(z.object({ name: z.string(), queries: count, means: byMeasure(share) })).optional(),
  confusion: z
    .object({
      classes: z.array(z.string()),
      counts: z.array(z.array(count)),
      withoutNeighbour: z.array(count),
    })
    .optional(),
  best: z.array(exampleSchema),
  worst: z.array(exampleSchema),
  cost: costSchema,
});

const documentSchema = z.object({
  schema: z.literal('semblance-evaluation'),
  version: z.literal(documentVersion),
  title: z.string(),
  /** ISO 8601. */
  createdAt: z.iso.datetime(),
  dataset: z.object({
    name: z.string(),
    /** One sentence: what is indexed, what is asked, what counts as relevant. */
    protocol: z.string(),
    galleryImages: count,
    queries: count,
    classes: count.optional(),
    /** Left out of every mean: a qrels file cannot name them. */
    queriesWithoutRelevant: count,
    leftOut: z.array(z.object({ file: z.string(), reason: z.string() })),
  }),
  settings: z.object({
    /** Results asked for each query. */
    depth: count,
    seed: z.int(),
    resamples: z.int().positive(),
    confidence: share,
    meanOver: z.enum(['both', 'judged']),
  }),
  /** The first is the main one: it sorts, and picks best and worst queries. */
  measures: z.array(z.object({ name: z.string(), meaning: z.string(), inTrecEval: z.boolean() })).min(1),
  /** Of `differences`: a method's name. */
  baseline: z.string().optional(),
  methods: z.array(methodSchema).min(1),
  /** Published figures to stand beside ours, without intervals. */
  references: z.array(z.object({ name: z.string(), source: z.string(), measures: byMeasure(share) })),
  /** Sentences for the report's reader: what is remarkable, negative results included. */
  notes: z.array(z.string()),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** The outcome of an evaluation as JSON: docs/evaluation.md describes every field. */
export type EvaluationDocument = DeepReadonly<z.infer<typeof documentSchema>>;
export type MethodDocument = EvaluationDocument['methods'][number];
export type ExampleDocument = MethodDocument['best'][number];
export type CostDocument = MethodDocument['cost'];

/** Refuses what does not have the shape, so that nothing is written that `parseDocument` would not read. */
export function formatDocument(document: EvaluationDocument): string {
  return `${JSON.stringify(documentSchema.parse(document), undefined, 1)}\n`;
}

/** @param name what messages call the file */
export function parseDocument(text: string, name = 'evaluation'): EvaluationDocument {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SemblanceError('BAD_USER_INPUT', `${name} is not JSON`, { cause });
  }
  const parsed = documentSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue?.path.join('.') ?? '';
  throw new SemblanceError('BAD_USER_INPUT', `${name} is not an evaluation: ${at}: ${issue?.message ?? 'unknown'}`);
}
