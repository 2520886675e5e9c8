import type { Transparency } from '../pixels/transparency.js';
import type { ModelInfo } from './embedder/embedder.js';

/** The very model that a space was made with, and how it prepares images. */
export type ModelIdentity = Pick<ModelInfo, 'sha256' | 'preprocessingSha256'>;

/**
 * How a model of these weights and this preprocessing sees transparent pictures: a space of an earlier version goes on seeing
 * them on white.
 * @returns undefined where it is another model, or prepares images otherwise
 */
export function transparencyOf(
  model: Pick<ModelInfo, 'sha256' | 'preprocessingSha256' | 'whitePreprocessingSha256'>,
  { sha256, preprocessingSha256 }: ModelIdentity,
): Transparency | undefined {
  if (model.sha256 !== sha256) return undefined;
  if (model.preprocessingSha256 === preprocessingSha256) return 'contrast';
  return model.whitePreprocessingSha256 === preprocessingSha256 ? 'white' : undefined;
}
