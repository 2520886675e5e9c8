import { basename } from 'node:path';
import type { EmbedderState, ModelInfo } from '../embedding/embedder.js';
import type { ModelLeaf } from '../retrieval/spaces/leaves.js';
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

/**
 * Why the model that the server runs cannot serve the space that it was opened for, for the operator; undefined where it can.
 * @param models those that the space needs
 */
export function modelProblem(
  state: EmbedderState,
  space: EmbeddingSpace | undefined,
  models: readonly ModelLeaf[],
): string | undefined {
  switch (state.kind) {
    case 'loading':
      return 'the model is loading';
    case 'closed':
      return 'the model is closed';
    case 'failed':
      return state.reason;
    case 'ready':
      return space === undefined || models.some((model) => isSame(state.model, model))
        ? undefined
        : `the active space ${JSON.stringify(space.name)} was made with ${models.map(describe).join(' and ')}, and the model at hand, ${describe({ ...state.model, model: state.model.name })}, has another file or preprocessing: put the former back. To change the model give the new one a name of its own, then run \`semblance spaces create NAME --model ITS-NAME --backfill\` and \`semblance spaces activate NAME\``;
  }
}

/** A model of that file and preprocessing, whatever it is called. */
export function isSame(info: ModelInfo, leaf: Pick<ModelLeaf, 'sha256' | 'preprocessingSha256'>): boolean {
  return info.sha256 === leaf.sha256 && info.preprocessingSha256 === leaf.preprocessingSha256;
}

function describe({ model, sha256 }: Pick<ModelLeaf, 'model' | 'sha256'>): string {
  return `${basename(model)} (SHA-256 ${sha256.slice(0, 12)}…)`;
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
