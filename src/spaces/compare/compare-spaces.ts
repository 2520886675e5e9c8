import { invalidArgument, SemblanceError } from '../../base/errors.js';
import { bootstrapMean, percentile, type Interval } from '../../math/bootstrap.js';
import { overlapAt } from '../../math/overlap.js';
import { cutToBytes } from '../../pixels/filename.js';
import {
  comparisonDepth,
  defaultComparedImages,
  defaultK,
  maxComparedHits,
  maxComparedImages,
  maxComparedLabelBytes,
  maxComparedQueries,
  maxK,
} from '../../base/limits.js';
import type { EmbeddingSpace, SharedSample, SpaceState, Store } from '../../database/store.js';
import type { SearchHit } from '../../database/types.js';
import { checkInteger, checkK, checkSeed } from '../../base/arguments.js';
import { LabelComparer, type LabelComparison } from './compare-labels.js';
import type { OperationsContext } from '../context.js';
import { labelOf } from '../draw-images.js';
import { listMethods } from '../list-methods.js';
import type { OnProgress } from '../../base/progress.js';
import { areGone, requireSpace } from '../spaces.js';

export interface CompareSpacesInput {
  /** Names of two spaces. Differences are b minus a. */
  readonly a: string;
  readonly b: string;
  /** Images to search for, drawn from those that both spaces hold: `defaultComparedImages` unless given. */
  readonly sample?: number | undefined;
  /** 1 unless given. */
  readonly seed?: number | undefined;
  /** Results of each search whose overlap is told: `defaultK` unless given. */
  readonly k?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** How the results of two spaces differ. Plain JSON: it is kept as a job's result. */
export interface SpaceComparison {
  readonly a: ComparedSpace;
  readonly b: ComparedSpace;
  readonly seed: number;
  readonly k: number;
  /** Results that each search was asked for. */
  readonly depth: number;
  readonly images: {
    readonly stored: number;
    /** Held by both spaces: queries and results are of these alone. */
    readonly shared: number;
  };
  /** Images that were searched for, each in both spaces and itself left out. */
  readonly queries: number;
  /** Of the sample, but deleted before it was its turn. */
  readonly deleted: number;
  /** Queries with fewer results than `depth`, for too many of what was found are missing in the other space. */
  readonly short: number;
  /** Mean overlap@k over the queries, with its 95 % interval. */
  readonly overlap: Interval;
  readonly labels: LabelComparison;
  /** The queries of the lowest overlap below 1, the lowest first, equal ones by id. */
  readonly mostDifferent: readonly DifferingQuery[];
}

export interface ComparedSpace {
  readonly name: string;
  /** The notation of what it does: see parseRecipe. */
  readonly description: string;
  readonly state: SpaceState;
  /** Stored images without an embedding in it. */
  readonly missing: number;
  /** Median time of a search in the database, of `depth` results or more. */
  readonly searchMs: number;
  /** Queries that the approximate index answered; the others were compared with every image. */
  readonly byIndex: number;
}

export interface DifferingQuery extends ComparedImage {
  /** Share of the first k. */
  readonly overlap: number;
  /** The first results of each space. */
  readonly a: readonly ComparedHit[];
  readonly b: readonly ComparedHit[];
}

export interface ComparedHit extends ComparedImage {
  readonly similarity: number;
  /** Whether it is among the first k of the other space, too. */
  readonly shared: boolean;
}

export interface ComparedImage {
  readonly imageId: string;
  readonly filename: string;
  /** `metadata.label`, where that is text; the first `maxComparedLabelBytes` of it. */
  readonly label: string | null;
}

/**
 * Searches two spaces for the same stored images, each left out of its own results, as people's searches do: by the index, or
 * by comparing all where a space holds at most `exactSearchMaxImages`. A space that is building takes part with what it holds.
 * @throws SemblanceError BAD_USER_INPUT, NOT_FOUND; CONFLICT for a retired space and where the spaces share fewer than two
 * images; DATABASE_UNAVAILABLE
 */
export async function compareSpaces(
  context: Pick<OperationsContext, 'store' | 'recipes'>,
  input: CompareSpacesInput,
): Promise<SpaceComparison> {
  const { store } = context;
  const { signal, onProgress } = input;
  const { count, seed, k, spaces } = await requireComparable(store, input);
  const sample = await store.sampleShared([spaces[0].id, spaces[1].id], { count, seed });
  requireTwo(sample, spaces);

  const depth = Math.max(k, comparisonDepth);
  const sides = [
    new Side(store, { space: spaces[0], other: spaces[1], missingInOther: sample.stored - sample.held[1], depth }),
    new Side(store, { space: spaces[1], other: spaces[0], missingInOther: sample.stored - sample.held[0], depth }),
  ] as const;
  const labels = new LabelComparer({ depth, k });
  const queries: DifferingQuery[] = [];
  const enough = Math.min(depth, sample.shared - 1);
  let deleted = 0;
  let short = 0;
  for (const [index, image] of sample.images.entries()) {
    signal?.throwIfAborted();
    const hits = await searchBoth(sides, image.id, { bFirst: index % 2 === 1 }).catch(async (error: unknown) => {
      if (!isNotFound(error)) throw error;
      await requireStillThere(store, spaces);
      return undefined;
    });
    onProgress?.({ stage: 'searching both spaces', done: index + 1, total: sample.images.length });
    if (hits === undefined) {
      deleted++;
      continue;
    }
    if (Math.min(hits.a.length, hits.b.length) < enough) short++;
    labels.add(image, hits);
    queries.push(differenceOf(image, hits, k));
  }
  await requireStillThere(store, spaces);
  if (queries.length === 0) throw new SemblanceError('CONFLICT', 'All images of the sample were deleted meanwhile');
  const { spaces: listed } = await listMethods(context);
  const compared = (side: 0 | 1): ComparedSpace => {
    const { id, name, model, state } = spaces[side];
    const description = listed.find((space) => space.id === id)?.description ?? model;
    return { name, description, state, missing: sample.stored - sample.held[side], ...sides[side].summary() };
  };
  return {
    a: compared(0),
    b: compared(1),
    seed,
    k,
    depth,
    images: { stored: sample.stored, shared: sample.shared },
    queries: queries.length,
    deleted,
    short,
    overlap: bootstrapMean(
      queries.map((query) => query.overlap),
      { seed },
    ),
    labels: labels.finish(seed),
    mostDifferent: queries
      .filter((query) => query.overlap < 1)
      .sort((x, y) => x.overlap - y.overlap || (x.imageId < y.imageId ? -1 : 1))
      .slice(0, maxComparedQueries),
  };
}

/** Searches in one of the two spaces, among the images that the other holds as well. */
class Side {
  readonly #times: number[] = [];
  #byIndex = 0;

  constructor(
    private readonly store: Store,
    private readonly options: {
      readonly space: EmbeddingSpace;
      readonly other: EmbeddingSpace;
      readonly missingInOther: number;
      readonly depth: number;
    },
  ) {}

  /** `depth` hits or fewer. */
  async search(imageId: string): Promise<readonly SearchHit[]> {
    const { space, other, missingInOther, depth } = this.options;
    // What the other lacks falls out: so many more may be needed, and one search gives maxK at most.
    const k = Math.min(maxK, depth + missingInOther);
    const { hits, mode, databaseMs } = await this.store.searchByImage(imageId, { k, spaceId: space.id });
    this.#times.push(databaseMs);
    if (mode === 'hnsw') this.#byIndex++;
    if (missingInOther === 0) return hits;
    const held = await this.store.heldIn(
      other.id,
      hits.map(({ image }) => image.id),
    );
    return hits.filter(({ image }) => held.has(image.id)).slice(0, depth);
  }

  summary(): Pick<ComparedSpace, 'searchMs' | 'byIndex'> {
    return { searchMs: percentile(Float64Array.from(this.#times).sort(), 0.5), byIndex: this.#byIndex };
  }
}

interface BothHits {
  readonly a: readonly SearchHit[];
  readonly b: readonly SearchHit[];
}

/** Taking turns, so that neither space always finds the image's pages read already. */
async function searchBoth(
  [a, b]: readonly [Side, Side],
  imageId: string,
  { bFirst }: { readonly bFirst: boolean },
): Promise<BothHits> {
  const early = await (bFirst ? b : a).search(imageId);
  const late = await (bFirst ? a : b).search(imageId);
  return bFirst ? { a: late, b: early } : { a: early, b: late };
}

function differenceOf(
  { id, filename, label }: SharedSample['images'][number],
  hits: BothHits,
  k: number,
): DifferingQuery {
  const firstOf = (side: readonly SearchHit[]) => side.slice(0, k).map(({ image }) => image.id);
  const a = firstOf(hits.a);
  const b = firstOf(hits.b);
  const shown = (side: readonly SearchHit[], others: readonly string[]): readonly ComparedHit[] =>
    side.slice(0, Math.min(k, maxComparedHits)).map(({ image, similarity }) => ({
      imageId: image.id,
      filename: image.filename,
      label: shownLabel(labelOf(image)),
      similarity,
      shared: others.includes(image.id),
    }));
  return {
    imageId: id,
    filename,
    label: shownLabel(label),
    overlap: overlapAt(a, b, k),
    a: shown(hits.a, b),
    b: shown(hits.b, a),
  };
}

function shownLabel(label: string | undefined): string | null {
  if (label === undefined) return null;
  return Buffer.byteLength(label) <= maxComparedLabelBytes ? label : cutToBytes(label, maxComparedLabelBytes);
}

/** @throws SemblanceError as compareSpaces where that is plain without any search */
export async function requireComparable(
  store: Store,
  input: Pick<CompareSpacesInput, 'a' | 'b' | 'sample' | 'seed' | 'k'>,
): Promise<{
  readonly count: number;
  readonly seed: number;
  readonly k: number;
  readonly spaces: readonly [EmbeddingSpace, EmbeddingSpace];
}> {
  const count = checkInteger('sample', input.sample ?? defaultComparedImages, 2, maxComparedImages);
  const seed = checkSeed(input.seed);
  const k = checkK(input.k ?? defaultK);
  if (input.a === input.b) throw invalidArgument('b', 'the name of another space than a', input.b);
  return { count, seed, k, spaces: [await requireLive(store, input.a), await requireLive(store, input.b)] };
}

/** @throws SemblanceError NOT_FOUND, CONFLICT for a retired one */
async function requireLive(store: Store, name: string): Promise<EmbeddingSpace> {
  const space = await requireSpace(store, name);
  if (space.state !== 'retired') return space;
  throw new SemblanceError(
    'CONFLICT',
    `The space ${JSON.stringify(name)} is retired: no search finds it, so there is nothing to compare`,
  );
}

/** @throws SemblanceError CONFLICT */
function requireTwo({ stored, held, shared }: SharedSample, spaces: readonly [EmbeddingSpace, EmbeddingSpace]): void {
  if (stored < 2) {
    throw new SemblanceError('CONFLICT', `A comparison takes two stored images at least, and there are ${stored}`);
  }
  const empty = spaces.find((_, side) => held[side] === 0);
  if (empty !== undefined) {
    throw new SemblanceError(
      'CONFLICT',
      `The space ${JSON.stringify(empty.name)} holds no image yet: \`semblance spaces backfill ${empty.name}\` embeds them`,
    );
  }
  if (shared >= 2) return;
  const [a, b] = spaces.map(({ name }) => JSON.stringify(name));
  const incomplete = spaces.filter((_, side) => (held[side] ?? 0) < stored).map(({ name }) => name);
  throw new SemblanceError(
    'CONFLICT',
    `A comparison takes two images at least that both spaces hold, and ${a} and ${b} share ${shared}: ${incomplete
      .map((name) => `\`semblance spaces backfill ${name}\``)
      .join(' and ')} embeds what is missing`,
  );
}

/** @throws SemblanceError CONFLICT */
async function requireStillThere(store: Store, spaces: readonly EmbeddingSpace[]): Promise<void> {
  if (!(await areGone(store, spaces))) return;
  const names = spaces.map(({ name }) => JSON.stringify(name)).join(' or ');
  throw new SemblanceError('CONFLICT', `The space ${names} was retired or removed during the comparison`);
}

function isNotFound(error: unknown): boolean {
  return error instanceof SemblanceError && error.code === 'NOT_FOUND';
}
