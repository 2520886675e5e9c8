import type { EmbedderState, ModelInfo } from '../embedding/embedder.js';
import { SemblanceError } from '../errors.js';
import type { EmbeddingSpace, NewEmbeddingSpace } from '../store/store.js';
import type { OperationsContext } from './context.js';

/**
 * The space, if the model at hand makes its embeddings.
 * @throws SemblanceError MODEL_UNAVAILABLE
 */
export function requireModel({ embedder }: OperationsContext, space: EmbeddingSpace | undefined): EmbeddingSpace {
  if (space === undefined || modelProblem(embedder.state, space) !== undefined) {
    throw new SemblanceError(
      'MODEL_UNAVAILABLE',
      'The embedding model is not available; what needs none goes on working',
    );
  }
  return space;
}

/** Why the model cannot serve the space, for the operator; undefined where it can. */
export function modelProblem(state: EmbedderState, space: EmbeddingSpace): string | undefined {
  switch (state.kind) {
    case 'loading':
      return 'the model is loading';
    case 'closed':
      return 'the model is closed';
    case 'failed':
      return state.reason;
    case 'ready':
      return matches(state.model, space)
        ? undefined
        : `the active space "${space.name}" was made with model ${space.model} (SHA-256 ${space.modelSha256.slice(0, 12)}…), and the model at hand, ${state.model.name} (SHA-256 ${state.model.sha256.slice(0, 12)}…), has another file or preprocessing: put the former back, or start with an empty database`;
  }
}

/** The space that a model makes of an empty database. */
export function firstSpaceOf(model: ModelInfo): NewEmbeddingSpace {
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
