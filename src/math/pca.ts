import { invalidArgument } from '../base/errors.js';
import { symmetricEigen } from './eigen.js';
import { matrixOfZeros, type Matrix } from './matrix.js';
import type { Vector } from './vector.js';

/** A fitted projection; plain enough to be stored. */
export interface Projection {
  /** Numbers of a vector that it takes. */
  readonly dimensions: number;
  readonly mean: Float32Array;
  /** One direction a row; multiplied by 1 / standard deviation where it whitens. */
  readonly components: Matrix<Float32Array>;
  /** Variance of the sample along each component, largest first; divided by rows − 1. */
  readonly explainedVariance: Float32Array;
}

export interface PcaOptions {
  readonly sample: Matrix;
  /** 1 to the smaller of the sample's columns and its rows − 1: so many directions have variance. */
  readonly components: number;
  /** Scales each component to variance 1. Default false. */
  readonly whiten?: boolean;
}

/** A direction with less than this share of the largest variance is rounding, and projects to 0 when whitened. */
const minVarianceShare = 1e-10;

/**
 * Principal component analysis, as scikit-learn's PCA up to sign; here the number of largest magnitude in each component
 * is positive. Decomposes the smaller of the covariance (columns²) and the Gram matrix (rows²).
 * @throws SemblanceError BAD_USER_INPUT for a sample too small for as many components
 */
export function fitPca({ sample, components, whiten = false }: PcaOptions): Projection {
  const { rows, columns } = sample;
  const most = Math.min(columns, rows - 1);
  if (!Number.isInteger(components) || components < 1 || components > most) {
    throw invalidArgument('components', `an integer from 1 to ${most} (a sample of ${rows} × ${columns})`, components);
  }
  const mean = meanRow(sample);
  const { variances, directions } =
    columns <= rows ? fromCovariance(sample, mean, components) : fromGram(sample, mean, components);
  const scaled = new Float32Array(components * columns);
  for (let component = 0; component < components; component++) {
    const direction = directions.values.subarray(component * columns, (component + 1) * columns);
    const variance = variances[component]!;
    const negligible = variance <= minVarianceShare * variances[0]!;
    const factor = signOf(direction) * (whiten ? (negligible ? 0 : 1 / Math.sqrt(variance)) : 1);
    for (let i = 0; i < columns; i++) scaled[component * columns + i] = factor * direction[i]!;
  }
  return {
    dimensions: columns,
    mean: Float32Array.from(mean),
    components: { rows: components, columns, values: scaled },
    explainedVariance: Float32Array.from(variances),
  };
}

/** @throws RangeError for a vector of another length */
export function project({ dimensions, mean, components }: Projection, vector: Vector): Float32Array {
  if (vector.length !== dimensions) {
    throw new RangeError(`A projection of ${dimensions} numbers does not take ${vector.length}`);
  }
  const { rows, values } = components;
  const projected = new Float32Array(rows);
  for (let component = 0; component < rows; component++) {
    const base = component * dimensions;
    let sum = 0;
    for (let i = 0; i < dimensions; i++) sum += (vector[i]! - mean[i]!) * values[base + i]!;
    projected[component] = sum;
  }
  return projected;
}

interface Directions {
  readonly variances: Float64Array;
  readonly directions: Matrix<Float64Array>;
}

function meanRow({ rows, columns, values }: Matrix): Float64Array {
  const mean = new Float64Array(columns);
  for (let at = 0; at < rows * columns; at += columns) {
    for (let i = 0; i < columns; i++) mean[i]! += values[at + i]!;
  }
  return mean.map((sum) => sum / rows);
}

/** `count` rows from `first` on, less the mean, one after the other. */
function centredRows(sample: Matrix, mean: Float64Array, first: number, count: number, into: Float64Array): void {
  const { columns, values } = sample;
  for (let row = 0; row < count; row++) {
    const from = (first + row) * columns;
    for (let i = 0; i < columns; i++) into[row * columns + i] = values[from + i]! - mean[i]!;
  }
}

/** Rows that one pass over the covariance adds up: it outgrows the cache, so each number is loaded once per eight. */
const blockRows = 8;

function fromCovariance(sample: Matrix, mean: Float64Array, count: number): Directions {
  const { rows, columns } = sample;
  const covariance = matrixOfZeros(columns, columns);
  const block = new Float64Array(blockRows * columns);
  for (let first = 0; first < rows; first += blockRows) {
    block.fill(0);
    centredRows(sample, mean, first, Math.min(blockRows, rows - first), block);
    addOuterProducts(covariance.values, block, columns);
  }
  for (let i = 0; i < covariance.values.length; i++) covariance.values[i]! /= rows - 1;
  const { values, vectors } = symmetricEigen(covariance, count);
  return { variances: values.map((value) => Math.max(0, value)), directions: vectors };
}

/** Adds x xᵀ for the eight vectors of the block to the lower triangle. */
function addOuterProducts(target: Float64Array, block: Float64Array, columns: number): void {
  const [b0, b1, b2, b3, b4, b5, b6, b7] = Array.from({ length: blockRows }, (_, row) =>
    block.subarray(row * columns, (row + 1) * columns),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  for (let i = 0; i < columns; i++) {
    const base = i * columns;
    const [x0, x1, x2, x3] = [b0[i]!, b1[i]!, b2[i]!, b3[i]!];
    const [x4, x5, x6, x7] = [b4[i]!, b5[i]!, b6[i]!, b7[i]!];
    for (let j = 0; j <= i; j++) {
      target[base + j]! +=
        x0 * b0[j]! + x1 * b1[j]! + x2 * b2[j]! + x3 * b3[j]! + x4 * b4[j]! + x5 * b5[j]! + x6 * b6[j]! + x7 * b7[j]!;
    }
  }
}

/** X Xᵀ u = λ u gives the direction Xᵀ u / √λ with variance λ / (rows − 1). */
function fromGram(sample: Matrix, mean: Float64Array, count: number): Directions {
  const { rows, columns } = sample;
  const centred = new Float64Array(rows * columns);
  centredRows(sample, mean, 0, rows, centred);
  const gram = matrixOfZeros(rows, rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += centred[i * columns + k]! * centred[j * columns + k]!;
      gram.values[i * rows + j] = sum;
    }
  }
  const { values, vectors } = symmetricEigen(gram, count);
  const directions = matrixOfZeros(count, columns);
  for (let component = 0; component < count; component++) {
    const direction = directions.values.subarray(component * columns, (component + 1) * columns);
    // Below this there is no direction left but rounding: it stays zero.
    if (values[component]! <= minVarianceShare * values[0]!) continue;
    for (let row = 0; row < rows; row++) {
      const weight = vectors.values[component * rows + row]! / Math.sqrt(values[component]!);
      for (let i = 0; i < columns; i++) direction[i]! += weight * centred[row * columns + i]!;
    }
  }
  return { variances: values.map((value) => Math.max(0, value) / (rows - 1)), directions };
}

function signOf(direction: Float64Array): number {
  let largest = 0;
  for (const value of direction) if (Math.abs(value) > Math.abs(largest)) largest = value;
  return largest < 0 ? -1 : 1;
}
