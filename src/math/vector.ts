/** The numbers of one vector. Sums over it are taken in float64. */
export type Vector = Float32Array | Float64Array;

/** @throws RangeError where the lengths differ */
export function dot(a: Vector, b: Vector): number {
  requireEqualLength(a, b);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Euclidean length. */
export function norm(a: Vector): number {
  return Math.sqrt(dot(a, a));
}

/**
 * Cosine of the angle between two vectors, −1 to 1; 0 where either has no direction.
 * @throws RangeError where the lengths differ
 */
export function cosine(a: Vector, b: Vector): number {
  const lengths = norm(a) * norm(b);
  // Rounding can carry the quotient of two parallel vectors beyond 1.
  return lengths === 0 ? 0 : Math.min(1, Math.max(-1, dot(a, b) / lengths));
}

/** @throws RangeError where the lengths differ */
export function squaredEuclidean(a: Vector, b: Vector): number {
  requireEqualLength(a, b);
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!;
    sum += difference * difference;
  }
  return sum;
}

/** Scales to Euclidean length 1, in place; a vector of zeros stays as it is. */
export function normalise<T extends Vector>(a: T): T {
  const length = norm(a);
  if (length > 0) for (let i = 0; i < a.length; i++) a[i]! /= length;
  return a;
}

export function requireEqualLength(a: Vector, b: Vector): void {
  if (a.length !== b.length) throw new RangeError(`Vectors of ${a.length} and ${b.length} numbers do not compare`);
}
