import { describe, expect, it } from 'vitest';
import {
  assignRows,
  daviesBouldin,
  kMeansPlusPlus,
  lloydKMeans,
  miniBatchKMeans,
} from '../../../../src/math/learning/k-means.js';
import { matrixOf, type Matrix } from '../../../../src/math/matrix.js';
import { Random } from '../../../../src/math/random.js';
import { readGolden } from '../../../support/golden-values.js';

interface Golden {
  readonly sample: number[][];
  readonly cases: readonly {
    name: string;
    start: number[][];
    centers: number[][];
    labels: number[];
    inertia: number;
    daviesBouldin: number;
  }[];
  readonly arbitrary: { labels: number[]; daviesBouldin: number };
}

const golden = readGolden<Golden>('k-means');
const sample = matrixOf(golden.sample);

function inertiaOf(centers: Matrix): number {
  return assignRows(sample, centers).distances.reduce((sum, distance) => sum + distance, 0);
}

describe('lloydKMeans', () => {
  it.each(golden.cases)('ends as scikit-learn from the same centres: $name', ({ start, labels, centers, inertia }) => {
    const result = lloydKMeans({ sample, centers: matrixOf(start) });
    expect([...result.labels]).toEqual(labels);
    expect(result.inertia).toBeCloseTo(inertia, 4);
    centers.flat().forEach((value, index) => {
      expect(result.centers.values[index]).toBeCloseTo(value, 5);
    });
  });

  it('stops after as many iterations as it may take', () => {
    const start = matrixOf(golden.cases[0]?.start ?? []);
    expect(lloydKMeans({ sample, centers: start, maxIterations: 1 }).iterations).toBe(1);
  });
});

describe('daviesBouldin', () => {
  it.each(golden.cases)('equals scikit-learn to 1e-9: $name', ({ labels, daviesBouldin: expected }) => {
    expect(daviesBouldin(sample, Int32Array.from(labels))).toBeCloseTo(expected, 9);
  });

  it('equals it for labels that make no clusters, under any numbering with gaps', () => {
    const { labels, daviesBouldin: expected } = golden.arbitrary;
    expect(
      daviesBouldin(
        sample,
        Int32Array.from(labels, (label) => label * 7 + 3),
      ),
    ).toBeCloseTo(expected, 9);
  });

  it('refuses a single cluster', () => {
    expect(() => daviesBouldin(sample, new Int32Array(sample.rows))).toThrow('at least two clusters');
  });
});

describe('miniBatchKMeans', () => {
  it('comes near to the best that Lloyd finds, and repeats itself for a seed', () => {
    const fit = (seed: number) => miniBatchKMeans({ sample, clusters: 6, seed, batchSize: 64, iterations: 100 });
    const best = Math.min(
      ...[1, 2, 3, 4, 5].map((seed) => {
        const centers = kMeansPlusPlus(sample, 6, new Random(seed));
        return lloydKMeans({ sample, centers }).inertia;
      }),
    );
    expect(inertiaOf(fit(1))).toBeLessThan(1.1 * best);
    expect(fit(1)).toEqual(fit(1));
    expect(fit(1)).not.toEqual(fit(2));
  });

  it('reports each iteration', () => {
    const seen: number[] = [];
    miniBatchKMeans({ sample, clusters: 2, seed: 1, iterations: 3, onIteration: (each) => seen.push(each) });
    expect(seen).toEqual([1, 2, 3]);
  });

  it('refuses fewer vectors than clusters', () => {
    expect(() => miniBatchKMeans({ sample, clusters: 181, seed: 1 })).toThrow(
      'Expected an integer from 1 to the 180 vectors of the sample for clusters but received 181',
    );
  });
});

describe('kMeansPlusPlus', () => {
  it('starts better than rows drawn evenly, on average', () => {
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    const mean = (inertias: readonly number[]) => inertias.reduce((sum, each) => sum + each, 0) / inertias.length;
    const spread = seeds.map((seed) => inertiaOf(kMeansPlusPlus(sample, 6, new Random(seed))));
    const even = seeds.map((seed) => {
      const rows = new Random(seed).sample(sample.rows, 6);
      return inertiaOf(matrixOf([...rows].map((row) => golden.sample[row] ?? [])));
    });
    expect(mean(spread)).toBeLessThan(0.5 * mean(even));
  });

  it('takes equal rows where there is nothing else', () => {
    expect(kMeansPlusPlus(matrixOf([[1], [1], [1]]), 2, new Random(1)).values).toEqual(Float32Array.of(1, 1));
  });
});
