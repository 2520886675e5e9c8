import { invalidArgument } from '../base/errors.js';
import type { EmbeddingSpace, SpaceState, Store } from '../database/store.js';
import type { OperationsContext } from './context.js';
import type { FailedImage, OnProgress } from '../base/progress.js';
import { countMissing, requireEncodable, requireSpace } from './spaces.js';
import { imagesPerPage, useStored, workOnPages } from './stored-images.js';

export interface BackfillSpaceInput {
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface BackfilledSpace {
  readonly space: string;
  readonly state: SpaceState;
  /** By this run. */
  readonly embedded: number;
  /** Images that have no embedding in this space: the space stays `building` while they are stored. */
  readonly failed: readonly FailedImage[];
  /** Images without an embedding, the failed among them. */
  readonly missing: number;
  /** True where `signal` ended it; the next run goes on there. */
  readonly interrupted: boolean;
}

/**
 * One row takes milliseconds in an HNSW index, and the embedded database serves nobody else during a statement: queries get their
 * turn between these.
 */
const embeddingsPerWrite = 2;

/**
 * Embeds the stored images that a space lacks, behind all queries. Uploads meanwhile embed for it themselves.
 * @throws SemblanceError NOT_FOUND, BAD_USER_INPUT for a retired space, MODEL_UNAVAILABLE, DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function backfillSpace(context: OperationsContext, input: BackfillSpaceInput): Promise<BackfilledSpace> {
  const { store } = context;
  const { name, signal, onProgress } = input;
  const space = await requireFillable(store, name);
  const { embedded, failed, interrupted } = await embedMissing(context, space, { signal, onProgress });
  const { state, missing } = await complete(context, space);
  return { space: name, state, embedded, failed, missing, interrupted };
}

/** @throws SemblanceError NOT_FOUND, BAD_USER_INPUT for a retired space */
export async function requireFillable(store: Store, name: string): Promise<EmbeddingSpace> {
  const space = await requireSpace(store, name);
  if (space.state === 'retired') throw invalidArgument('name', 'a space that is not retired', name);
  return space;
}

/** Makes a `building` space `ready` where nothing is missing. */
export async function complete(
  { store }: Pick<OperationsContext, 'store'>,
  space: EmbeddingSpace,
): Promise<{ readonly state: SpaceState; readonly missing: number }> {
  if (space.state !== 'building') return { state: space.state, missing: await countMissing(store, space) };
  const { missing } = await store.completeSpace(space.id);
  return { state: missing === 0 ? 'ready' : 'building', missing };
}

async function embedMissing(
  context: OperationsContext,
  space: EmbeddingSpace,
  { signal, onProgress }: Pick<BackfillSpaceInput, 'signal' | 'onProgress'>,
): Promise<Pick<BackfilledSpace, 'embedded' | 'failed' | 'interrupted'>> {
  const { store, encoders } = context;
  const recipes = await requireEncodable(context, [space]);
  const total = await countMissing(store, space);
  let done = 0;
  let embedded = 0;
  const page: { imageId: string; embedding: Float32Array }[] = [];
  onProgress?.({ stage: 'embedding', done, total });
  const worked = await workOnPages({
    next: (after) =>
      store.imagesWithoutEmbedding(space.id, { limit: imagesPerPage, ...(after !== undefined && { after }) }),
    work: async (imageId) => {
      const prepared = await useStored(context, imageId, (image) => encoders.prepare(recipes, image, 'bulk'), signal);
      const [embedding] = await encoders.encode(recipes, prepared, imageId, 'bulk', signal);
      if (embedding !== undefined) page.push({ imageId, embedding });
    },
    finishPage: async () => {
      for (let start = 0; start < page.length; start += embeddingsPerWrite) {
        embedded += await store.insertEmbeddings(space.id, page.slice(start, start + embeddingsPerWrite));
      }
      page.length = 0;
    },
    onImage: () => {
      done += 1;
      onProgress?.({ stage: 'embedding', done, total: Math.max(total, done) });
    },
    signal,
  });
  return { embedded, ...worked };
}
