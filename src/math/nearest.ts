import type { Matrix } from './matrix.js';

/** Finds the nearest of a set of centres; squared lengths are computed once. */
export class NearestCenter {
  readonly #centers: Float64Array;
  readonly #halfSquares: Float64Array;
  readonly #columns: number;
  /** The vector sought, widened once instead of once per centre. */
  readonly #sought: Float64Array;
  /** Squared Euclidean distance of the vector found last, at least 0. */
  squaredDistance = 0;

  constructor(centers: Matrix) {
    this.#columns = centers.columns;
    this.#sought = new Float64Array(centers.columns);
    this.#centers = Float64Array.from(centers.values);
    this.#halfSquares = new Float64Array(centers.rows);
    for (let center = 0; center < centers.rows; center++) this.#measure(center);
  }

  /** Moves `rate` of the way from a centre to the vector at `offset` of `values`. */
  pull(center: number, values: Float32Array, offset: number, rate: number): void {
    const at = center * this.#columns;
    for (let i = 0; i < this.#columns; i++) {
      this.#centers[at + i]! += rate * (values[offset + i]! - this.#centers[at + i]!);
    }
    this.#measure(center);
  }

  /** Index of the centre nearest to the `columns` numbers from `offset` on; the first of equals. */
  find(values: Float32Array, offset: number): number {
    const centers = this.#centers;
    const columns = this.#columns;
    const sought = this.#sought;
    for (let i = 0; i < columns; i++) sought[i] = values[offset + i]!;
    const count = this.#halfSquares.length;
    let best = 0;
    let bestScore = -Infinity;
    // The nearest c has the largest x·c − c²/2. Four centres at a time read each number of x once.
    let center = 0;
    for (; center + 4 <= count; center += 4) {
      const c0 = center * columns;
      const c1 = c0 + columns;
      const c2 = c1 + columns;
      const c3 = c2 + columns;
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let i = 0; i < columns; i++) {
        const x = sought[i]!;
        s0 += x * centers[c0 + i]!;
        s1 += x * centers[c1 + i]!;
        s2 += x * centers[c2 + i]!;
        s3 += x * centers[c3 + i]!;
      }
      s0 -= this.#halfSquares[center]!;
      s1 -= this.#halfSquares[center + 1]!;
      s2 -= this.#halfSquares[center + 2]!;
      s3 -= this.#halfSquares[center + 3]!;
      if (s0 > bestScore) [bestScore, best] = [s0, center];
      if (s1 > bestScore) [bestScore, best] = [s1, center + 1];
      if (s2 > bestScore) [bestScore, best] = [s2, center + 2];
      if (s3 > bestScore) [bestScore, best] = [s3, center + 3];
    }
    for (; center < count; center++) {
      let score = -this.#halfSquares[center]!;
      for (let i = 0; i < columns; i++) score += sought[i]! * centers[center * columns + i]!;
      if (score > bestScore) [bestScore, best] = [score, center];
    }
    this.squaredDistance = this.distanceTo(best, values, offset);
    return best;
  }

  /** Squared Euclidean distance between a centre and the vector at `offset`. */
  distanceTo(center: number, values: Float32Array, offset: number): number {
    let sum = 0;
    for (let i = 0; i < this.#columns; i++) {
      const difference = values[offset + i]! - this.#centers[center * this.#columns + i]!;
      sum += difference * difference;
    }
    return sum;
  }

  centers(): Matrix<Float32Array> {
    return { rows: this.#halfSquares.length, columns: this.#columns, values: Float32Array.from(this.#centers) };
  }

  #measure(center: number): void {
    let sum = 0;
    for (let i = center * this.#columns; i < (center + 1) * this.#columns; i++) sum += this.#centers[i]! ** 2;
    this.#halfSquares[center] = sum / 2;
  }
}
