import type { ModelInfo } from '../models/embedder/embedder.js';
import { embeddingDimensions } from '../base/limits.js';
import { drawProjected } from '../methods/fitting/fit.js';
import type { EmbeddingSpace, NewEmbeddingSpace } from '../database/store.js';
import type { OperationsContext } from './context.js';
import { describeSpace } from './describe-space.js';

/** Every server draws the same. */
const firstSeed = 1;

type Parts = Pick<OperationsContext, 'store' | 'embedder'>;

/**
 * The active space. Where the database has none, it is empty, and the model at hand makes its first.
 * @returns undefined where there is neither
 * @throws SemblanceError DATABASE_UNAVAILABLE
 */
export async function activeSpace({ store, embedder }: Parts): Promise<EmbeddingSpace | undefined> {
  const space = await store.activeSpace();
  const state = embedder.state;
  return space === undefined && state.kind === 'ready' ? store.ensureSpace(await firstSpaceOf(state.model)) : space;
}

/** The space that a model makes of an empty database. */
async function firstSpaceOf({ name, sha256, preprocessingSha256, dimensions }: ModelInfo): Promise<NewEmbeddingSpace> {
  if (dimensions <= embeddingDimensions)
    return { name, model: name, modelSha256: sha256, preprocessingSha256, dimensions };
  const of = { kind: 'model', model: name, sha256, preprocessingSha256, dimensions } as const;
  // There is no image that a projection could be fitted on.
  return describeSpace(name, await drawProjected(of, embeddingDimensions, { seed: firstSeed }));
}
