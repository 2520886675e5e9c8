import type { Vector } from './vector.js';

/** Row-major numbers; as a sample, one vector a row. */
export interface Matrix<T extends Vector = Vector> {
  readonly rows: number;
  readonly columns: number;
  readonly values: T;
}

/** A view of one row, not a copy. */
export function rowOf<T extends Vector>(matrix: Matrix<T>, row: number): T {
  return matrix.values.subarray(row * matrix.columns, (row + 1) * matrix.columns) as T;
}

/** @throws RangeError where there is no row, or rows differ in length */
export function matrixOf(rows: readonly (Vector | readonly number[])[]): Matrix<Float32Array> {
  const columns = rows[0]?.length;
  if (columns === undefined) throw new RangeError('A matrix needs at least one row');
  const values = new Float32Array(rows.length * columns);
  rows.forEach((row, index) => {
    if (row.length !== columns) throw new RangeError(`Row ${index} has ${row.length} numbers, the first ${columns}`);
    values.set(row, index * columns);
  });
  return { rows: rows.length, columns, values };
}

/** The rows named by `indices`, in that order. */
export function selectRows(matrix: Matrix, indices: ArrayLike<number>): Matrix<Float32Array> {
  const { columns } = matrix;
  const values = new Float32Array(indices.length * columns);
  for (let i = 0; i < indices.length; i++) values.set(rowOf(matrix, indices[i]!), i * columns);
  return { rows: indices.length, columns, values };
}

export function matrixOfZeros(rows: number, columns: number): Matrix<Float64Array> {
  return { rows, columns, values: new Float64Array(rows * columns) };
}
