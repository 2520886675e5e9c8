import { basename } from 'node:path';
import { sha256Hex } from '../base/identity.js';
import type { NewEmbeddingSpace } from '../database/store.js';
import { dimensionsOf, fittedToJson } from '../methods/fitted.js';
import { describeFitted } from '../methods/notation.js';
import type { FittedRecipe } from '../methods/recipe.js';

/** The row of a space that is made of what was fitted: all but name and job follow from that. */
export function describeSpace(name: string, fitted: FittedRecipe): NewEmbeddingSpace {
  const json = fittedToJson(fitted);
  const dimensions = dimensionsOf(fitted);
  if (fitted.kind === 'model') {
    const { model, sha256, preprocessingSha256 } = fitted;
    return { name, model: basename(model), modelSha256: sha256, preprocessingSha256, dimensions, fitted: json };
  }
  const notation = describeFitted(fitted);
  return {
    name,
    model: notation,
    modelSha256: sha256Hex(Buffer.from(JSON.stringify(json))),
    preprocessingSha256: sha256Hex(Buffer.from(JSON.stringify({ notation, transparency: 'contrast' }))),
    dimensions,
    fitted: json,
  };
}
