import { describe, expect, it } from 'vitest';
import { matrixOf, rowOf, selectRows } from '../../../src/math/matrix.js';
import { cosine, dot, norm, normalise, squaredEuclidean } from '../../../src/math/vector.js';

const a = Float32Array.of(3, 4, 0);
const b = Float64Array.of(0, 4, 3);

describe('vectors', () => {
  it('multiply, measure and compare', () => {
    expect(dot(a, b)).toBe(16);
    expect(norm(a)).toBe(5);
    expect(cosine(a, b)).toBeCloseTo(0.64, 15);
    expect(squaredEuclidean(a, b)).toBe(18);
  });

  it('have a cosine from −1 to 1, and 0 without a direction', () => {
    const odd = Float32Array.of(0.1, 0.7, 0.3);
    expect(cosine(odd, odd)).toBeLessThanOrEqual(1);
    expect(
      cosine(
        odd,
        odd.map((value) => -value),
      ),
    ).toBeGreaterThanOrEqual(-1);
    expect(cosine(a, new Float32Array(3))).toBe(0);
  });

  it('are scaled to length 1 in place, except where they are zero', () => {
    expect([...normalise(Float64Array.of(3, 4))]).toEqual([0.6, 0.8]);
    expect([...normalise(new Float32Array(2))]).toEqual([0, 0]);
  });

  it('of different lengths are refused', () => {
    expect(() => dot(a, new Float32Array(2))).toThrow(RangeError);
    expect(() => squaredEuclidean(a, new Float32Array(2))).toThrow(RangeError);
  });
});

describe('matrices', () => {
  const matrix = matrixOf([[1, 2], Float32Array.of(3, 4), [5, 6]]);

  it('hand out rows as views', () => {
    expect([...rowOf(matrix, 1)]).toEqual([3, 4]);
    expect(rowOf(matrix, 1).buffer).toBe(matrix.values.buffer);
  });

  it('select rows in the order asked for', () => {
    expect(selectRows(matrix, [2, 0])).toEqual({ rows: 2, columns: 2, values: Float32Array.of(5, 6, 1, 2) });
  });

  it('refuse ragged rows', () => {
    expect(() => matrixOf([[1, 2], [3]])).toThrow('Row 1 has 1 numbers, the first 2');
    expect(() => matrixOf([])).toThrow(RangeError);
  });
});
