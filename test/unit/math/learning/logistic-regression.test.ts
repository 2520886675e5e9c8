import { describe, expect, it } from 'vitest';
import { minimise } from '../../../../src/math/learning/l-bfgs.js';
import {
  crossValidatedPredictions,
  fitLogisticRegression,
  predictClass,
  predictProbabilities,
  stratifiedFolds,
} from '../../../../src/math/learning/logistic-regression.js';
import { matrixOf } from '../../../../src/math/matrix.js';
import { Random } from '../../../../src/math/random.js';
import { readGolden } from '../../../support/golden-values.js';

interface Golden {
  readonly cases: readonly {
    name: string;
    sample: number[][];
    labels: number[];
    classes: number;
    c: number;
    weights: number[][] | null;
    intercepts: number[] | null;
    heldOut: number[][];
    probabilities: number[][];
  }[];
}

const golden = readGolden<Golden>('logistic-regression');

function expectClose(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, index) => {
    expect(Math.abs((actual[index] ?? NaN) - value)).toBeLessThanOrEqual(tolerance);
  });
}

describe('fitLogisticRegression', () => {
  it.each(golden.cases)('equals scikit-learn to 1e-4: $name', (wanted) => {
    const model = fitLogisticRegression({
      sample: matrixOf(wanted.sample),
      labels: Int32Array.from(wanted.labels),
      classes: wanted.classes,
      c: wanted.c,
      tolerance: 1e-8,
      maxIterations: 2000,
    });
    if (wanted.weights !== null) expectClose(model.weights.values, wanted.weights.flat(), 1e-4);
    if (wanted.intercepts !== null) {
      // A number added to all of them changes no probability.
      const mean = model.intercepts.reduce((sum, value) => sum + value, 0) / wanted.classes;
      expectClose(
        model.intercepts.map((value) => value - mean),
        wanted.intercepts,
        1e-4,
      );
    }
    wanted.heldOut.forEach((vector, index) => {
      const probabilities = predictProbabilities(model, Float32Array.from(vector));
      expectClose(probabilities, wanted.probabilities[index] ?? [], 1e-5);
      expect(predictClass(model, Float32Array.from(vector))).toBe(probabilities.indexOf(Math.max(...probabilities)));
    });
  });

  it('never predicts a class that it was not shown', () => {
    const sample = matrixOf([[0], [0.1], [1], [1.1]]);
    const model = fitLogisticRegression({ sample, labels: Int32Array.of(0, 0, 2, 2), classes: 4 });
    const probabilities = [...predictProbabilities(model, Float32Array.of(0.5))];
    expect(probabilities.map((value) => value > 0)).toEqual([true, false, true, false]);
    expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
  });

  it('refuses one class alone, labels out of range and vectors of another length', () => {
    const sample = matrixOf([[0], [1]]);
    expect(() => fitLogisticRegression({ sample, labels: Int32Array.of(1, 1), classes: 2 })).toThrow(
      'Expected at least two classes for labels but received 1',
    );
    expect(() => fitLogisticRegression({ sample, labels: Int32Array.of(0, 2), classes: 2 })).toThrow(RangeError);
    expect(() => fitLogisticRegression({ sample, labels: Int32Array.of(0), classes: 2 })).toThrow(RangeError);
    const model = fitLogisticRegression({ sample, labels: Int32Array.of(0, 1), classes: 2 });
    expect(() => predictProbabilities(model, new Float32Array(2))).toThrow(RangeError);
  });
});

describe('crossValidatedPredictions', () => {
  const random = new Random(5);
  const labels = Int32Array.from({ length: 61 }, (_, row) => row % 3);

  it('predicts from what a row says', () => {
    const sample = matrixOf([...labels].map((label) => [label + 0.1 * random.normal(), label === 1 ? 1 : 0]));
    const folds: number[] = [];
    const predictions = crossValidatedPredictions({
      sample,
      labels,
      classes: 3,
      seed: 1,
      c: 100,
      onFold: (fold) => folds.push(fold),
    });
    expect(predictions).toEqual(labels);
    expect(folds).toEqual([1, 2, 3, 4, 5]);
  });

  it('never from its label: where vectors say nothing but who they are, it is right by chance alone', () => {
    const sample = matrixOf([...labels].map((_, row) => [...labels].map((__, column) => (row === column ? 1 : 0))));
    const leaky = fitLogisticRegression({ sample, labels, classes: 3, c: 1e4 });
    const seen = labels.filter(
      (label, row) => predictClass(leaky, sample.values.subarray(row * 61, row * 61 + 61)) === label,
    );
    expect(seen).toHaveLength(61);
    const predictions = crossValidatedPredictions({ sample, labels, classes: 3, seed: 1, c: 1e4 });
    expect(labels.filter((label, row) => predictions[row] === label).length).toBeLessThan(32);
  });

  it('predicts the only row of a class as another', () => {
    const sample = matrixOf([[0], [0.1], [1], [1.1], [9]]);
    const alone = Int32Array.of(0, 0, 1, 1, 2);
    expect(crossValidatedPredictions({ sample, labels: alone, classes: 3, folds: 2, seed: 3 })[4]).not.toBe(2);
  });

  it('deals each class out in equal shares', () => {
    const folds = stratifiedFolds(labels, 5, 1);
    for (const label of [0, 1, 2]) {
      const counts = [0, 1, 2, 3, 4].map(
        (fold) => folds.filter((each, row) => each === fold && labels[row] === label).length,
      );
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
    expect(stratifiedFolds(labels, 5, 2)).not.toEqual(folds);
    expect(() => stratifiedFolds(labels, 1, 1)).toThrow('an integer from 2 to the 61 vectors of the sample for folds');
  });
});

describe('minimise', () => {
  /** Σ i (x_i − i)². */
  const objective = (x: Float64Array, gradient: Float64Array): number =>
    x.reduce((sum, value, i) => {
      gradient[i] = 2 * (i + 1) * (value - i);
      return sum + (i + 1) * (value - i) ** 2;
    }, 0);

  it('finds the minimum of a quadratic', () => {
    const { x, converged, iterations } = minimise({ objective, start: new Float64Array(20), tolerance: 1e-9 });
    expect(converged).toBe(true);
    // Seen: 33. A wrong recursion still gets there, only later.
    expect(iterations).toBeLessThanOrEqual(35);
    expectClose(
      x,
      Array.from({ length: 20 }, (_, i) => i),
      1e-8,
    );
  });

  it('says so where it stops before', () => {
    const seen: number[] = [];
    const { converged, iterations } = minimise({
      objective,
      start: new Float64Array(20),
      maxIterations: 3,
      onIteration: (_, value) => seen.push(value),
    });
    expect({ converged, iterations }).toEqual({ converged: false, iterations: 3 });
    expect(seen).toEqual([...seen].sort((a, b) => b - a));
  });
});
