import { basename } from 'node:path';
import { embeddingDimensions } from '../../base/limits.js';
import { parseRecipe } from '../../methods/notation.js';
import type { Recipe } from '../../methods/recipe.js';

/**
 * Whether a space, described as listMethods does, may have been made by `method`: what a method leaves open, the model that
 * the server runs and the number of words, was decided when the space was made.
 * @throws SemblanceError BAD_USER_INPUT for what is no method
 */
export function isMadeBy(description: string, method: string): boolean {
  return agrees(parseRecipe(method), parseRecipe(description));
}

function agrees(asked: Recipe, made: Recipe): boolean {
  switch (asked.kind) {
    case 'model':
      // A model of more numbers than a space holds is projected to as many.
      if (made.kind === 'pca' && !made.whiten && made.dimensions === embeddingDimensions) return agrees(asked, made.of);
      return made.kind === 'model' && (asked.model === undefined || basename(asked.model) === made.model);
    case 'bag-of-words':
      return made.kind === 'bag-of-words' && (asked.words === undefined || asked.words === made.words);
    case 'fusion':
      return (
        made.kind === 'fusion' &&
        made.parts.length === asked.parts.length &&
        asked.parts.every(({ weight, recipe }, index) => {
          const part = made.parts[index];
          return part?.weight === weight && agrees(recipe, part.recipe);
        })
      );
    case 'pca':
      return (
        made.kind === 'pca' &&
        made.dimensions === asked.dimensions &&
        made.whiten === asked.whiten &&
        made.random === asked.random &&
        agrees(asked.of, made.of)
      );
    case 'class-fusion':
      return made.kind === 'class-fusion' && agrees(asked.of, made.of);
    default:
      return made.kind === asked.kind;
  }
}
