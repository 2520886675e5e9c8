import type { ModelInfo } from '../embedding/embedder.js';
import type { EmbeddingSpace, NewEmbeddingSpace } from '../store/store.js';
import type { OperationsContext } from './context.js';

type Parts = Pick<OperationsContext, 'store' | 'embedder'>;

/**
 * The active space. Where the database has none, it is empty, and the model at hand makes its first.
 * @returns undefined where there is neither
 * @throws SemblanceError DATABASE_UNAVAILABLE
 */
export async function activeSpace({ store, embedder }: Parts): Promise<EmbeddingSpace | undefined> {
  const space = await store.activeSpace();
  const state = embedder.state;
  return space === undefined && state.kind === 'ready' ? store.ensureSpace(firstSpaceOf(state.model)) : space;
}

/** The space that a model makes of an empty database. */
function firstSpaceOf(model: ModelInfo): NewEmbeddingSpace {
  return {
    name: model.name,
    model: model.name,
    modelSha256: model.sha256,
    preprocessingSha256: model.preprocessingSha256,
    dimensions: model.dimensions,
  };
}
