import { basename } from 'node:path';
import type { EmbedderState, ModelInfo } from '../../models/embedder/embedder.js';
import { transparencyOf } from '../../models/model-identity.js';
import { howToMend } from '../../models/remedy.js';
import type { ModelLeaf } from '../../methods/leaves.js';
import type { EmbeddingSpace } from '../../database/store.js';

/**
 * Why the model that the server runs cannot serve the space that it was opened for, and what to run, for the operator;
 * undefined where it can.
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
      return failure(state, space, models);
    case 'ready':
      return space === undefined || models.some((model) => transparencyOf(state.model, model) !== undefined)
        ? undefined
        : difference(state.model, space, models);
  }
}

const change =
  'To change the model give the new one a name of its own, then run `semblance spaces create NAME --model ITS-NAME --backfill` and `semblance spaces activate NAME`';

function failure(
  { reason, remedy }: Extract<EmbedderState, { kind: 'failed' }>,
  space: EmbeddingSpace | undefined,
  models: readonly ModelLeaf[],
): string {
  const said = remedy === undefined ? reason : `${reason}; ${remedy}`;
  return space === undefined ? said : `${said}. ${madeWith(space, models, 'The')}`;
}

function difference(info: ModelInfo, space: EmbeddingSpace, models: readonly ModelLeaf[]): string {
  const [model] = models;
  const sameWeights = models.some(({ sha256 }) => sha256 === info.sha256);
  const samePreprocessing = models.some(
    ({ preprocessingSha256 }) => transparencyOf(info, { sha256: info.sha256, preprocessingSha256 }) !== undefined,
  );
  const differs = sameWeights
    ? 'has the same weights and prepares images in another way'
    : `has other weights${samePreprocessing ? '' : ' and prepares images in another way'}`;
  const remedy = model === undefined ? '' : `: ${howToMend(model.model)}`;
  return `${madeWith(space, models, 'the')}, and the model at hand, ${describe({ ...info, model: info.name })}, ${differs}${remedy}. ${change}`;
}

function madeWith(space: EmbeddingSpace, models: readonly ModelLeaf[], the: 'The' | 'the'): string {
  return `${the} active space ${JSON.stringify(space.name)} was made with ${models.map(describe).join(' and ')}`;
}

function describe({ model, sha256 }: Pick<ModelLeaf, 'model' | 'sha256'>): string {
  return `${basename(model)} (SHA-256 ${sha256.slice(0, 12)}…)`;
}
