import { matrixOfZeros } from './matrix.js';
import type { Matrix } from './matrix.js';

export interface Eigen {
  /** Largest first. */
  readonly values: Float64Array;
  /** One vector of length 1 a row, in the order of the values. */
  readonly vectors: Matrix<Float64Array>;
}

/** Sweeps per eigenvalue; two are usual. */
const maxSweeps = 60;

/**
 * The `count` largest eigenvalues of a symmetric matrix, with their vectors: Householder reduction to tridiagonal form,
 * then the QL method with implicit shifts (Golub and Van Loan, Matrix Computations, 8.3). Time grows with the cube of
 * the order. Every inner loop runs along a row, so that a matrix larger than the cache stays fast.
 * @param matrix square; its lower triangle counts, and is destroyed
 * @throws RangeError for a number that is not finite, or more vectors than rows
 */
export function symmetricEigen(matrix: Matrix<Float64Array>, count = matrix.rows): Eigen {
  const order = matrix.rows;
  if (matrix.columns !== order || count > order) {
    throw new RangeError(`No ${count} eigenvectors in a matrix of ${order} × ${matrix.columns}`);
  }
  if (!matrix.values.every(Number.isFinite))
    throw new RangeError('A matrix to decompose holds a number that is not finite');
  const { diagonal, offDiagonal, scales } = tridiagonalise(matrix.values, order);
  const rotated = matrixOfZeros(order, order);
  for (let i = 0; i < order; i++) rotated.values[i * order + i] = 1;
  diagonalise(diagonal, offDiagonal, rotated.values);
  const ranked = [...diagonal.keys()].sort((a, b) => diagonal[b]! - diagonal[a]!).slice(0, count);
  const vectors = matrixOfZeros(count, order);
  ranked.forEach((row, index) => {
    vectors.values.set(rotated.values.subarray(row * order, (row + 1) * order), index * order);
  });
  reflectBack(matrix.values, scales, vectors);
  return { values: Float64Array.from(ranked, (row) => diagonal[row]!), vectors };
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Element i joins i and i + 1; the last is 0. */
  readonly offDiagonal: Float64Array;
  /** β of each reflection I − β v vᵀ. */
  readonly scales: Float64Array;
}

/**
 * Works from the last row upwards: reflection `row` clears all but the last number left of the diagonal of that row, and
 * its vector takes their place there.
 */
function tridiagonalise(a: Float64Array, order: number): Tridiagonal {
  const diagonal = new Float64Array(order);
  const offDiagonal = new Float64Array(order);
  const scales = new Float64Array(order);
  const product = new Float64Array(order);
  for (let row = order - 1; row > 0; row--) {
    const v = a.subarray(row * order, row * order + row);
    diagonal[row] = a[row * order + row]!;
    const last = row - 1;
    let tail = 0;
    for (let i = 0; i < last; i++) tail += v[i]! * v[i]!;
    if (tail === 0) {
      offDiagonal[last] = v[last]!;
      continue;
    }
    const head = v[last]!;
    const length = Math.sqrt(tail + head * head);
    // The sign that does not cancel.
    const reflected = head > 0 ? -length : length;
    v[last] = head - reflected;
    const scale = 2 / (tail + v[last] * v[last]);
    offDiagonal[last] = reflected;
    scales[row] = scale;
    applyBothSides(a, order, v, scale, product);
  }
  diagonal[0] = a[0]!;
  return { diagonal, offDiagonal, scales };
}

/** A ← H A H on the leading lower triangle of v's size, with H = I − β v vᵀ: A − v wᵀ − w vᵀ. */
function applyBothSides(a: Float64Array, order: number, v: Float64Array, scale: number, product: Float64Array): void {
  const size = v.length;
  product.fill(0, 0, size);
  for (let i = 0; i < size; i++) {
    const base = i * order;
    const vi = v[i]!;
    let sum = 0;
    for (let j = 0; j < i; j++) {
      const value = a[base + j]!;
      sum += value * v[j]!;
      product[j]! += value * vi;
    }
    product[i]! += sum + a[base + i]! * vi;
  }
  let alongV = 0;
  for (let i = 0; i < size; i++) {
    product[i]! *= scale;
    alongV += product[i]! * v[i]!;
  }
  const half = (alongV * scale) / 2;
  for (let i = 0; i < size; i++) product[i]! -= half * v[i]!;
  for (let i = 0; i < size; i++) {
    const base = i * order;
    const vi = v[i]!;
    const wi = product[i]!;
    for (let j = 0; j <= i; j++) a[base + j]! -= vi * product[j]! + wi * v[j]!;
  }
}

/** QL with implicit shifts; the rotations are gathered in the rows of `rotated`. The diagonal becomes the eigenvalues. */
function diagonalise(d: Float64Array, e: Float64Array, rotated: Float64Array): void {
  const order = d.length;
  for (let first = 0; first < order; first++) {
    for (let sweep = 0; ; sweep++) {
      let end = first;
      while (end < order - 1 && Math.abs(e[end]!) > Number.EPSILON * (Math.abs(d[end]!) + Math.abs(d[end + 1]!))) end++;
      if (end === first) break;
      // In exact arithmetic it always converges; denormal numbers could hold it up, and are noise.
      if (sweep === maxSweeps) {
        e[first] = 0;
        break;
      }
      sweepUp(d, e, rotated, first, end);
    }
  }
}

function sweepUp(d: Float64Array, e: Float64Array, rotated: Float64Array, first: number, end: number): void {
  const order = d.length;
  const slope = (d[first + 1]! - d[first]!) / (2 * e[first]!);
  const radius = Math.hypot(slope, 1);
  let g = d[end]! - d[first]! + e[first]! / (slope + (slope < 0 ? -radius : radius));
  let sine = 1;
  let cosine = 1;
  let shift = 0;
  for (let i = end - 1; i >= first; i--) {
    const f = sine * e[i]!;
    const b = cosine * e[i]!;
    const length = Math.hypot(f, g);
    e[i + 1] = length;
    if (length === 0) {
      d[i + 1]! -= shift;
      e[end] = 0;
      return;
    }
    sine = f / length;
    cosine = g / length;
    g = d[i + 1]! - shift;
    const r = (d[i]! - g) * sine + 2 * cosine * b;
    shift = sine * r;
    d[i + 1] = g + shift;
    g = cosine * r - b;
    rotateRows(rotated, i * order, order, sine, cosine);
  }
  d[first]! -= shift;
  e[first] = g;
  e[end] = 0;
}

/** Rotates the row at `at` with the one after it. */
function rotateRows(rows: Float64Array, at: number, order: number, sine: number, cosine: number): void {
  const upper = rows.subarray(at, at + order);
  const lower = rows.subarray(at + order, at + 2 * order);
  for (let k = 0; k < order; k++) {
    const u = upper[k]!;
    const l = lower[k]!;
    lower[k] = sine * u + cosine * l;
    upper[k] = cosine * u - sine * l;
  }
}

/** Turns eigenvectors of the tridiagonal matrix into those of the original one. */
function reflectBack(reflections: Float64Array, scales: Float64Array, vectors: Matrix<Float64Array>): void {
  const order = vectors.columns;
  for (let vector = 0; vector < vectors.rows; vector++) {
    const x = vectors.values.subarray(vector * order, (vector + 1) * order);
    for (let row = 1; row < order; row++) {
      const scale = scales[row]!;
      if (scale === 0) continue;
      const base = row * order;
      let sum = 0;
      for (let i = 0; i < row; i++) sum += reflections[base + i]! * x[i]!;
      sum *= scale;
      for (let i = 0; i < row; i++) x[i]! -= sum * reflections[base + i]!;
    }
  }
}
