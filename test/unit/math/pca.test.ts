import { describe, expect, it } from 'vitest';
import { symmetricEigen } from '../../../src/math/eigen.js';
import { matrixOf, matrixOfZeros, rowOf, type Matrix } from '../../../src/math/matrix.js';
import { fitPca, project } from '../../../src/math/pca.js';
import { Random } from '../../../src/math/random.js';
import { dot } from '../../../src/math/vector.js';
import { readGolden } from '../../support/golden-values.js';

interface Case {
  readonly name: string;
  readonly sample: number[][];
  readonly components: number;
  readonly mean: number[];
  readonly directions: number[][];
  readonly explainedVariance: number[];
  readonly heldOut: number[][];
  readonly projected: number[][];
  readonly whitened: number[][];
}

interface Golden {
  readonly cases: readonly Case[];
  readonly symmetric: { matrix: number[][]; eigenvalues: number[] };
}

const golden = readGolden<Golden>('pca');

function expectClose(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, index) => {
    expect(Math.abs((actual[index] ?? NaN) - value)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)));
  });
}

describe('fitPca', () => {
  it.each(golden.cases)('equals scikit-learn up to sign, to 1e-5: $name', (wanted) => {
    const { directions, mean, explainedVariance, heldOut } = wanted;
    const sample = matrixOf(wanted.sample);
    const plain = fitPca({ sample, components: wanted.components });
    const white = fitPca({ sample, components: wanted.components, whiten: true });
    expectClose(plain.mean, mean, 1e-5);
    expectClose(plain.explainedVariance, explainedVariance, 1e-5);
    const signs = directions.map((direction, row) =>
      Math.sign(dot(rowOf(plain.components, row), Float32Array.from(direction))),
    );
    const turned = (row: readonly number[]) => row.map((value, index) => value * (signs[index] ?? NaN));
    directions.forEach((direction, row) => {
      expectClose(
        rowOf(plain.components, row),
        direction.map((value) => value * (signs[row] ?? NaN)),
        1e-5,
      );
    });
    heldOut.forEach((vector, index) => {
      expectClose(project(plain, Float32Array.from(vector)), turned(wanted.projected[index] ?? []), 1e-5);
      expectClose(project(white, Float32Array.from(vector)), turned(wanted.whitened[index] ?? []), 1e-5);
    });
  });

  it('fixes the sign: the largest number of a component is positive', () => {
    const { components } = fitPca({ sample: matrixOf(golden.cases[0]?.sample ?? []), components: 4 });
    for (let row = 0; row < 4; row++) {
      const largest = [...rowOf(components, row)].reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
      expect(largest).toBeGreaterThan(0);
    }
  });

  it.each(['covariance', 'gram'])('projects onto 0 what has no variance when it whitens (%s)', (path) => {
    const random = new Random(4);
    const [rows, columns] = path === 'covariance' ? [20, 4] : [6, 12];
    const line = Array.from({ length: columns }, () => random.normal());
    const sample = matrixOf(Array.from({ length: rows }, (_, row) => line.map((value) => value * row)));
    const white = fitPca({ sample, components: 3, whiten: true });
    const [first, ...others] = project(
      white,
      Float32Array.from(line, (value) => value * 99),
    );
    expect(Math.abs(first ?? 0)).toBeGreaterThan(1);
    expect(others).toEqual([0, 0]);
  });

  it('refuses more components than the sample has directions, and vectors of another length', () => {
    const sample = matrixOf([
      [1, 2, 3],
      [2, 1, 0],
    ]);
    expect(() => fitPca({ sample, components: 2 })).toThrow('an integer from 1 to 1 (a sample of 2 × 3)');
    expect(() => project(fitPca({ sample, components: 1 }), new Float32Array(2))).toThrow(RangeError);
  });
});

describe('symmetricEigen', () => {
  function random(order: number): Matrix<Float64Array> {
    const draw = new Random(order);
    const matrix = matrixOfZeros(order, order);
    for (let i = 0; i < order; i++) {
      for (let j = 0; j <= i; j++) matrix.values[i * order + j] = matrix.values[j * order + i] = draw.normal();
    }
    return matrix;
  }

  function expectDecomposed(matrix: Matrix<Float64Array>): void {
    const original = { ...matrix, values: matrix.values.slice() };
    const { values, vectors } = symmetricEigen(matrix);
    for (let i = 0; i < vectors.rows; i++) {
      const vector = rowOf(vectors, i);
      for (let j = 0; j < vectors.rows; j++) {
        expect(dot(rowOf(original, j), vector)).toBeCloseTo((values[i] ?? NaN) * (vector[j] ?? NaN), 10);
        expect(dot(vector, rowOf(vectors, j))).toBeCloseTo(i === j ? 1 : 0, 12);
      }
    }
    expect([...values]).toEqual([...values].sort((a, b) => b - a));
  }

  it('has the eigenvalues that NumPy finds', () => {
    const { matrix, eigenvalues } = golden.symmetric;
    const { values } = symmetricEigen({ rows: 9, columns: 9, values: Float64Array.from(matrix.flat()) });
    expectClose(values, eigenvalues, 1e-10);
  });

  it.each([1, 2, 3, 17, 40])('decomposes a matrix of order %i', (order) => {
    expectDecomposed(random(order));
  });

  it('decomposes repeated and zero eigenvalues', () => {
    const block = matrixOfZeros(6, 6);
    for (const i of [0, 1, 2]) for (const j of [0, 1, 2]) block.values[i * 6 + j] = 1;
    block.values[4 * 6 + 4] = 3;
    expectDecomposed(block);
    expectDecomposed(matrixOfZeros(4, 4));
  });

  it('refuses what is not finite', () => {
    expect(() => symmetricEigen({ rows: 1, columns: 1, values: Float64Array.of(NaN) })).toThrow('not finite');
  });
});
