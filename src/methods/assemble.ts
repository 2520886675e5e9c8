import { minEmbeddingNorm } from '../base/limits.js';
import { predictClass } from '../math/learning/logistic-regression.js';
import { project } from '../math/pca.js';
import { norm, normalise } from '../math/vector.js';
import { dimensionsOf, foldCount, sumDimensions } from './fitted.js';
import type { LeafValues } from './leaf.js';
import type { FittedRecipe } from './recipe.js';

type Fitted<Kind extends FittedRecipe['kind']> = Extract<FittedRecipe, { readonly kind: Kind }>;

/**
 * The vector of one image, from what its leaves gave; not normalised, and without direction where the space tells nothing
 * of the image (see hasDirection). Every transform takes its input at length 1.
 * @param imageId decides the fold of a class fusion: see foldOf
 */
export function assemble(fitted: FittedRecipe, values: LeafValues, imageId: string): Float32Array {
  switch (fitted.kind) {
    case 'fusion': {
      const joined = joinParts(fitted.parts, values, imageId);
      return fitted.projection === undefined ? joined : project(fitted.projection, joined);
    }
    case 'pca':
      return project(fitted.projection, unitOf(fitted.of, values, imageId));
    case 'class-fusion':
      return fuseClass(fitted, unitOf(fitted.of, values, imageId), imageId);
    default:
      return values.of(fitted);
  }
}

/** A copy of what the recipe gives, at length 1; zeros where it has no direction. */
export function unitOf(fitted: FittedRecipe, values: LeafValues, imageId: string): Float32Array {
  return normalise(assemble(fitted, values, imageId).slice());
}

/** Each part at length 1 times its weight, one behind the other. */
export function joinParts(parts: Fitted<'fusion'>['parts'], values: LeafValues, imageId: string): Float32Array {
  const joined = new Float32Array(sumDimensions(parts));
  let at = 0;
  for (const { weight, of } of parts) {
    const part = unitOf(of, values, imageId);
    for (const [index, value] of part.entries()) joined[at + index] = weight * value;
    at += part.length;
  }
  return joined;
}

function fuseClass(fitted: Fitted<'class-fusion'>, unit: Float32Array, imageId: string): Float32Array {
  const { folds, projection } = fitted;
  const model = folds[foldOf(imageId)];
  if (model === undefined) throw new RangeError(`A class fusion of ${folds.length} folds`);
  const embedding = projection === undefined ? unit : normalise(project(projection, unit));
  const fused = new Float32Array(dimensionsOf(fitted));
  fused.set(embedding);
  fused[embedding.length + predictClass(model, unit)] = 1;
  return fused;
}

/**
 * The fold of an image: the first 32 bits of its id modulo 5. So equal bytes have one fold, in a gallery as in a query.
 * @param imageId an id as imageIdOf makes it, or the SHA-256 in hex itself: both begin alike
 * @throws RangeError for anything else
 */
export function foldOf(imageId: string): number {
  const digits = /^[0-9a-f]{8}/.exec(imageId)?.[0];
  if (digits === undefined) throw new RangeError('The id of an image begins with 8 lower-case hex digits');
  return Number.parseInt(digits, 16) % foldCount;
}

/** Whether a cosine index can hold the vector: it is finite and longer than `minEmbeddingNorm`. */
export function hasDirection(vector: Float32Array): boolean {
  // One number that is infinite or none makes the sum so too.
  const length = norm(vector);
  return length > minEmbeddingNorm && length < Infinity;
}
