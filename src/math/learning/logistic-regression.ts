import { invalidArgument } from '../../base/errors.js';
import { minimise } from './l-bfgs.js';
import { rowOf, selectRows, type Matrix } from '../matrix.js';
import { Random } from '../random.js';
import type { Vector } from '../vector.js';

/** A fitted classifier; plain enough to be stored. */
export interface LogisticRegression {
  readonly classes: number;
  /** One row a class. */
  readonly weights: Matrix<Float32Array>;
  /** −Infinity for a class that the training had no row of: it is never predicted. */
  readonly intercepts: Float32Array;
}

export interface LogisticRegressionOptions {
  readonly sample: Matrix<Float32Array>;
  /** 0 to `classes` − 1, one per row. */
  readonly labels: Int32Array;
  readonly classes: number;
  /** Inverse strength of the penalty, as in scikit-learn. Default 1. */
  readonly c?: number;
  /** Largest part of the gradient of the mean loss at which to stop. Default 1e-4, as in scikit-learn. */
  readonly tolerance?: number;
  /** Default 200. */
  readonly maxIterations?: number;
  readonly onIteration?: (iteration: number, value: number) => void;
}

/**
 * Multinomial logistic regression with an L2 penalty on the weights, not on the intercepts: minimises
 * (Σ −ln p(label) + ‖W‖² / 2c) / rows by L-BFGS. As scikit-learn's LogisticRegression(C=c) for three classes or more; for
 * two, scikit-learn fits one row of weights, and its probabilities at C = 2c are these.
 * @throws SemblanceError BAD_USER_INPUT for labels of fewer than two classes
 */
export function fitLogisticRegression(options: LogisticRegressionOptions): LogisticRegression {
  const { sample, labels, classes, c = 1, tolerance = 1e-4, maxIterations = 200, onIteration } = options;
  const { rows, columns } = sample;
  if (labels.length !== rows) throw new RangeError(`${labels.length} labels do not fit ${rows} rows`);
  const present = [...new Set(labels)].sort((a, b) => a - b);
  if (present.length < 2) throw invalidArgument('labels', 'at least two classes', present.length);
  if (present[0]! < 0 || present.at(-1)! >= classes) throw new RangeError(`A label is not from 0 to ${classes - 1}`);
  const dense = new Int32Array(classes).fill(-1);
  present.forEach((label, index) => (dense[label] = index));
  const targets = labels.map((label) => dense[label]!);

  const { x } = minimise({
    objective: (parameters, gradient) => loss({ sample, targets, count: present.length, c }, parameters, gradient),
    start: new Float64Array(present.length * (columns + 1)),
    tolerance,
    maxIterations,
    ...(onIteration && { onIteration }),
  });

  const weights = new Float32Array(classes * columns);
  const intercepts = new Float32Array(classes).fill(-Infinity);
  present.forEach((label, index) => {
    weights.set(x.subarray(index * columns, (index + 1) * columns), label * columns);
    intercepts[label] = x[present.length * columns + index]!;
  });
  return { classes, weights: { rows: classes, columns, values: weights }, intercepts };
}

/** Probability of each class. @throws RangeError for a vector of another length */
export function predictProbabilities({ weights, intercepts }: LogisticRegression, vector: Vector): Float64Array {
  const { rows, columns, values } = weights;
  if (vector.length !== columns)
    throw new RangeError(`A classifier of ${columns} numbers does not take ${vector.length}`);
  const scores = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = intercepts[row]!;
    for (let i = 0; i < columns; i++) sum += values[row * columns + i]! * vector[i]!;
    scores[row] = sum;
  }
  softmax(scores, rows);
  return scores;
}

/** The most probable class, the first of equals. */
export function predictClass(model: LogisticRegression, vector: Vector): number {
  const probabilities = predictProbabilities(model, vector);
  return probabilities.indexOf(Math.max(...probabilities));
}

export interface CrossValidationOptions extends LogisticRegressionOptions {
  /** Default 5. */
  readonly folds?: number;
  readonly seed: number;
  /** Called after each fold, with its number from 1 on. */
  readonly onFold?: (fold: number) => void;
}

/**
 * Predicts the class of every row by a model that never saw the row. Folds hold each class in equal shares (± 1), drawn
 * by the seed. The only row of a class is predicted by models without that class, so as another one.
 * @throws SemblanceError BAD_USER_INPUT where folds are not 2 to the number of rows, or a fold leaves fewer than two
 *   classes to train on
 */
export function crossValidatedPredictions(options: CrossValidationOptions): Int32Array {
  const { sample, labels, folds = 5, seed, onFold, ...fit } = options;
  const foldOfRow = stratifiedFolds(labels, folds, seed);
  const rows = [...labels.keys()];
  const predictions = new Int32Array(labels.length);
  for (let fold = 0; fold < folds; fold++) {
    const train = rows.filter((row) => foldOfRow[row] !== fold);
    const model = fitLogisticRegression({
      ...fit,
      sample: selectRows(sample, train),
      labels: Int32Array.from(train, (row) => labels[row]!),
    });
    for (const row of rows) if (foldOfRow[row] === fold) predictions[row] = predictClass(model, rowOf(sample, row));
    onFold?.(fold + 1);
  }
  return predictions;
}

/** The fold of each row, 0 to `folds` − 1: rows are shuffled, sorted by class and dealt out. */
export function stratifiedFolds(labels: Int32Array, folds: number, seed: number): Int32Array {
  if (!Number.isInteger(folds) || folds < 2 || folds > labels.length) {
    throw invalidArgument('folds', `an integer from 2 to the ${labels.length} vectors of the sample`, folds);
  }
  const order = [...new Random(seed).permutation(labels.length)].sort((a, b) => labels[a]! - labels[b]!);
  const foldOfRow = new Int32Array(labels.length);
  order.forEach((row, index) => (foldOfRow[row] = index % folds));
  return foldOfRow;
}

interface Problem {
  readonly sample: Matrix<Float32Array>;
  readonly targets: Int32Array;
  readonly count: number;
  readonly c: number;
}

/** Parameters: the weights of each class, then the intercepts. */
function loss({ sample, targets, count, c }: Problem, parameters: Float64Array, gradient: Float64Array): number {
  const { rows, columns } = sample;
  const interceptsAt = count * columns;
  const block = Array.from({ length: blockRows }, () => new Float64Array(columns)) as unknown as Block;
  const scores = Array.from({ length: blockRows }, () => new Float64Array(count)) as unknown as Block;
  let total = 0;
  gradient.fill(0);
  for (let first = 0; first < rows; first += blockRows) {
    const filled = Math.min(blockRows, rows - first);
    for (let row = 0; row < filled; row++) block[row]!.set(rowOf(sample, first + row));
    scoreBlock(parameters, block, scores, count);
    for (let row = 0; row < blockRows; row++) {
      const errors = scores[row]!;
      // Beyond the last row lies what an earlier block left: it must not count.
      if (row >= filled) errors.fill(0);
      else total += errorsOf(errors, targets[first + row]!);
      for (let k = 0; k < count; k++) gradient[interceptsAt + k]! += errors[k]!;
    }
    addBlock(gradient, block, scores, count);
  }
  for (let i = 0; i < interceptsAt; i++) {
    total += parameters[i]! ** 2 / (2 * c);
    gradient[i]! += parameters[i]! / c;
  }
  for (let i = 0; i < gradient.length; i++) gradient[i]! /= rows;
  return total / rows;
}

/** Rows in work together: each weight is loaded once for all of them. */
const blockRows = 4;
type Block = readonly [Float64Array, Float64Array, Float64Array, Float64Array];

function scoreBlock(parameters: Float64Array, [x0, x1, x2, x3]: Block, scores: Block, count: number): void {
  const columns = x0.length;
  for (let k = 0; k < count; k++) {
    const base = k * columns;
    const intercept = parameters[count * columns + k]!;
    let [s0, s1, s2, s3] = [intercept, intercept, intercept, intercept];
    for (let i = 0; i < columns; i++) {
      const weight = parameters[base + i]!;
      s0 += weight * x0[i]!;
      s1 += weight * x1[i]!;
      s2 += weight * x2[i]!;
      s3 += weight * x3[i]!;
    }
    scores[0][k] = s0;
    scores[1][k] = s1;
    scores[2][k] = s2;
    scores[3][k] = s3;
  }
}

function addBlock(gradient: Float64Array, [x0, x1, x2, x3]: Block, errors: Block, count: number): void {
  const columns = x0.length;
  for (let k = 0; k < count; k++) {
    const base = k * columns;
    const [e0, e1, e2, e3] = [errors[0][k]!, errors[1][k]!, errors[2][k]!, errors[3][k]!];
    for (let i = 0; i < columns; i++) gradient[base + i]! += e0 * x0[i]! + e1 * x1[i]! + e2 * x2[i]! + e3 * x3[i]!;
  }
}

/** Turns the scores of a row into the derivatives of its loss. @returns the loss: −ln p(target) */
function errorsOf(scores: Float64Array, target: number): number {
  const targetScore = scores[target]!;
  const rowLoss = softmax(scores, scores.length) - targetScore;
  scores[target]! -= 1;
  return rowLoss;
}

/** Turns the first `count` scores into probabilities, in place. @returns ln Σ exp(score) */
function softmax(scores: Float64Array, count: number): number {
  let largest = -Infinity;
  for (let k = 0; k < count; k++) largest = Math.max(largest, scores[k]!);
  let sum = 0;
  for (let k = 0; k < count; k++) {
    scores[k] = Math.exp(scores[k]! - largest);
    sum += scores[k]!;
  }
  for (let k = 0; k < count; k++) scores[k]! /= sum;
  return largest + Math.log(sum);
}
