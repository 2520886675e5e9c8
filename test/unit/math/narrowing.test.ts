import { describe, expect, it } from 'vitest';
import { matrixOf, rowOf } from '../../../src/math/matrix.js';
import { drawProjection, narrow } from '../../../src/math/narrowing.js';
import { project } from '../../../src/math/pca.js';
import { Random } from '../../../src/math/random.js';
import { cosine, dot, normalise } from '../../../src/math/vector.js';

function drawVectors(count: number, dimensions: number): Float32Array[] {
  const random = new Random(7);
  return Array.from({ length: count }, () =>
    normalise(Float32Array.from({ length: dimensions }, () => random.normal())),
  );
}

describe('drawProjection', () => {
  it('draws orthonormal directions, the same for the same seed', () => {
    const { components } = drawProjection(60, 20, 3);
    for (let a = 0; a < 20; a++) {
      for (let b = 0; b < 20; b++) {
        expect(dot(rowOf(components, a), rowOf(components, b))).toBeCloseTo(a === b ? 1 : 0, 5);
      }
    }
    expect(drawProjection(60, 20, 3)).toEqual(drawProjection(60, 20, 3));
    expect(drawProjection(60, 20, 4).components.values).not.toEqual(components.values);
  });

  it('leaves every cosine as it is where no direction is lost', () => {
    const projection = drawProjection(24, 24, 1);
    const [a, b] = drawVectors(2, 24) as [Float32Array, Float32Array];
    expect(cosine(project(projection, a), project(projection, b))).toBeCloseTo(cosine(a, b), 5);
  });
});

describe('narrow', () => {
  it('keeps every neighbour by PCA where the sample has no more directions than are kept', () => {
    // A vector and its opposite: the mean is nothing, so that PCA turns the vectors and does no more.
    const vectors = drawVectors(40, 6).flatMap((vector) => {
      const wide = new Float32Array(30);
      wide.set(vector, 11);
      return [wide, wide.map((value) => -value)];
    });
    const { projection, neighboursKept } = narrow({ sample: matrixOf(vectors), components: 6, randomSeed: undefined });
    expect(projection.components).toMatchObject({ rows: 6, columns: 30 });
    expect(neighboursKept).toBeGreaterThan(0.99);
  });

  it('tells what a drawn projection loses', () => {
    const sample = matrixOf(drawVectors(300, 64));
    const half = narrow({ sample, components: 32, randomSeed: 1 }).neighboursKept ?? NaN;
    const most = narrow({ sample, components: 60, randomSeed: 1 }).neighboursKept ?? NaN;
    expect(half).toBeGreaterThan(0.1);
    expect(half).toBeLessThan(most);
    expect(most).toBeLessThan(1);
  });

  it('tells nothing of a sample that has not eleven vectors', () => {
    expect(
      narrow({ sample: matrixOf(drawVectors(10, 8)), components: 4, randomSeed: 1 }).neighboursKept,
    ).toBeUndefined();
  });
});
