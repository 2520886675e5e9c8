import { basename } from 'node:path';
import { parseRecipe } from '../retrieval/spaces/notation.js';
import type { Recipe } from '../retrieval/spaces/recipe.js';

/**
 * Whether a space whose `model` says what it was made by may have been made by `method`: what a method leaves open, the
 * model that the server runs and the number of words, was decided when the space was made.
 * @throws SemblanceError BAD_USER_INPUT for what is no method
 */
export function isMadeBy(model: string, method: string): boolean {
  return agrees(parseRecipe(method), madeRecipe(model));
}

/** A space that is a model and no more says the model's name alone. */
function madeRecipe(model: string): Recipe {
  try {
    return parseRecipe(model);
  } catch {
    return { kind: 'model', model };
  }
}

function agrees(asked: Recipe, made: Recipe): boolean {
  switch (asked.kind) {
    case 'model':
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
        agrees(asked.of, made.of)
      );
    case 'class-fusion':
      return made.kind === 'class-fusion' && agrees(asked.of, made.of);
    default:
      return made.kind === asked.kind;
  }
}
