import { normalise, requireEqualLength } from '../../math/vector.js';

/**
 * A copy at Euclidean length 1, in training as in a search: a search ranks by direction, and spaces differ a thousandfold in
 * the lengths that they give.
 */
export function unitOf(embedding: Float32Array): Float32Array {
  return normalise(Float32Array.from(embedding));
}

/**
 * Writes what a learned similarity sees of a pair: each number's difference, squared. It is the same for (a, b) and (b, a).
 * @throws RangeError where the three lengths differ
 */
export function squaredDifference(a: Float32Array, b: Float32Array, target: Float32Array): void {
  requireEqualLength(a, b);
  requireEqualLength(a, target);
  for (let i = 0; i < a.length; i++) target[i] = (a[i]! - b[i]!) ** 2;
}
