import type { EmbedderState, ModelInfo } from '../embedding/embedder.js';
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

/** Why the model cannot serve the space, for the operator; undefined where it can. */
export function modelProblem(state: EmbedderState, space: EmbeddingSpace | undefined): string | undefined {
  switch (state.kind) {
    case 'loading':
      return 'the model is loading';
    case 'closed':
      return 'the model is closed';
    case 'failed':
      return state.reason;
    case 'ready':
      return space === undefined || matches(state.model, space)
        ? undefined
        : `the active space "${space.name}" was made with model ${space.model} (SHA-256 ${space.modelSha256.slice(0, 12)}…), and the model at hand, ${state.model.name} (SHA-256 ${state.model.sha256.slice(0, 12)}…), has another file or preprocessing: put the former back, or start with an empty database`;
  }
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

function matches(model: ModelInfo, space: EmbeddingSpace): boolean {
  return (
    model.sha256 === space.modelSha256 &&
    model.preprocessingSha256 === space.preprocessingSha256 &&
    model.dimensions === space.dimensions
  );
}
