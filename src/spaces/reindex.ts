import { indexProblem } from '../database/indexes/indexes.js';
import type { Store, VectorIndex } from '../database/store.js';
import type { OperationsContext } from './context.js';
import type { OnProgress } from '../base/progress.js';
import { requireSpace } from './spaces.js';

export interface ReindexInput {
  /** All of them unless given. */
  readonly space?: string | undefined;
  /** The sound ones too. */
  readonly all: boolean;
  /** Builds nothing. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface Reindexed {
  readonly indexes: readonly (VectorIndex & {
    /** `built` by this run, `cleaned` of what was unfinished, `sound` and left alone, `gone` with its space meanwhile, `due` where this run did not come to it. */
    readonly outcome: 'built' | 'cleaned' | 'sound' | 'gone' | 'due';
  })[];
  /** True where `signal` ended it; the next run goes on there. */
  readonly interrupted: boolean;
}

/**
 * Builds the indexes of the spaces that are missing, invalid or unfinished.
 * @throws SemblanceError NOT_FOUND for an unknown space; CONFLICT where somebody else builds one; FORBIDDEN where the database role
 * may not; DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function reindex({ store }: Pick<OperationsContext, 'store'>, input: ReindexInput): Promise<Reindexed> {
  const { all, dryRun, signal } = input;
  const spaceId = input.space === undefined ? undefined : (await requireSpace(store, input.space)).id;
  const listed = (await store.listVectorIndexes()).filter(
    (index) => spaceId === undefined || index.spaceId === spaceId,
  );
  const indexes: Reindexed['indexes'][number][] = [];
  for (const index of listed) {
    const isDue = all || indexProblem(index) !== undefined;
    if (!isDue) indexes.push({ ...index, outcome: 'sound' });
    else if (dryRun || signal?.aborted === true) indexes.push({ ...index, outcome: 'due' });
    else indexes.push({ ...index, outcome: await rebuild(store, index, input) });
  }
  return { indexes, interrupted: signal?.aborted === true && indexes.some(({ outcome }) => outcome === 'due') };
}

async function rebuild(
  store: Store,
  index: VectorIndex,
  { all, signal, onProgress }: ReindexInput,
): Promise<'built' | 'cleaned' | 'gone' | 'due'> {
  const stage = index.name;
  onProgress?.({ stage, done: 0, total: 0 });
  try {
    const isThere = await store.rebuildVectorIndex(index, {
      keepsSound: !all,
      signal,
      onProgress: ({ done, total }) => onProgress?.({ stage, done, total }),
    });
    if (!isThere) return 'gone';
    return index.state === 'valid' && !all ? 'cleaned' : 'built';
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) return 'due';
    throw error;
  }
}
