import { invalidArgument } from '../../base/errors.js';
import { selectRows, type Matrix } from '../matrix.js';
import { NearestCenter } from '../nearest.js';
import { Random } from '../random.js';

export interface Clustering {
  readonly centers: Matrix<Float32Array>;
  /** Index of the nearest centre, one per row of the sample. */
  readonly labels: Int32Array;
  /** Sum of the squared distances from each row to its centre. */
  readonly inertia: number;
  readonly iterations: number;
}

export interface LloydOptions {
  readonly sample: Matrix<Float32Array>;
  readonly centers: Matrix<Float32Array>;
  /** Default 300. */
  readonly maxIterations?: number;
}

/**
 * Lloyd's k-means from given centres, until no row changes its centre. A centre left without rows moves to the row
 * furthest from its own, as scikit-learn's does.
 */
export function lloydKMeans({ sample, centers, maxIterations = 300 }: LloydOptions): Clustering {
  let current = centers;
  let assigned = assignRows(sample, current);
  let iterations = 0;
  while (iterations < maxIterations) {
    iterations++;
    current = meansOf(sample, assigned, current.rows);
    const next = assignRows(sample, current);
    const settled = next.labels.every((label, row) => label === assigned.labels[row]);
    assigned = next;
    if (settled) break;
  }
  return { centers: current, labels: assigned.labels, inertia: sumOf(assigned.distances), iterations };
}

export interface MiniBatchOptions {
  readonly sample: Matrix<Float32Array>;
  readonly clusters: number;
  readonly seed: number;
  /** Rows drawn, with repetition, per iteration. Default 1,024. */
  readonly batchSize?: number;
  /** Default 200. */
  readonly iterations?: number;
  /** Called after each iteration, with its number from 1 on. */
  readonly onIteration?: (iteration: number) => void;
}

/**
 * Mini-batch k-means (Sculley 2010): each row of a batch pulls its nearest centre by 1 / (rows it has had so far). Starts
 * from k-means++ (Arthur and Vassilvitskii 2007) on at most max(3 batches, 10 rows a cluster) rows.
 * @returns the centres; deterministic for a seed
 * @throws SemblanceError BAD_USER_INPUT for fewer rows than clusters
 */
export function miniBatchKMeans(options: MiniBatchOptions): Matrix<Float32Array> {
  const { sample, clusters, seed, batchSize = 1024, iterations = 200 } = options;
  requireClusters(clusters, sample.rows);
  const random = new Random(seed);
  const initial = selectRows(sample, random.sample(sample.rows, Math.max(3 * batchSize, 10 * clusters)));
  const nearest = new NearestCenter(kMeansPlusPlus(initial, clusters, random));
  const counts = new Uint32Array(clusters);
  const batch = new Uint32Array(batchSize);
  const labels = new Uint32Array(batchSize);
  for (let iteration = 1; iteration <= iterations; iteration++) {
    for (let i = 0; i < batchSize; i++) {
      batch[i] = random.integer(sample.rows) * sample.columns;
      labels[i] = nearest.find(sample.values, batch[i]!);
    }
    for (let i = 0; i < batchSize; i++) {
      const label = labels[i]!;
      counts[label]! += 1;
      nearest.pull(label, sample.values, batch[i]!, 1 / counts[label]!);
    }
    options.onIteration?.(iteration);
  }
  return nearest.centers();
}

/**
 * Rows of the sample as centres, each drawn with a probability that grows with the squared distance to those before it.
 * Of 2 + ln k draws the one that helps most is taken, as in the authors' own program.
 * @throws SemblanceError BAD_USER_INPUT for fewer rows than clusters
 */
export function kMeansPlusPlus(sample: Matrix<Float32Array>, clusters: number, random: Random): Matrix<Float32Array> {
  requireClusters(clusters, sample.rows);
  const { rows, columns, values } = sample;
  const draws = 2 + Math.floor(Math.log(clusters));
  const chosen = [random.integer(rows)];
  let distances = new Float64Array(rows).fill(Infinity);
  distances = reducedDistances(sample, chosen[0]!, distances);
  while (chosen.length < clusters) {
    const total = sumOf(distances);
    let best: { row: number; distances: Float64Array<ArrayBuffer>; total: number } | undefined;
    for (let draw = 0; draw < draws; draw++) {
      const row = drawByWeight(distances, total, random);
      const reduced = reducedDistances(sample, row, distances);
      const left = sumOf(reduced);
      if (best === undefined || left < best.total) best = { row, distances: reduced, total: left };
    }
    chosen.push(best!.row);
    distances = best!.distances;
  }
  return selectRows({ rows, columns, values }, chosen);
}

export interface Assignment {
  readonly labels: Int32Array;
  /** Squared, to the nearest centre. */
  readonly distances: Float64Array;
}

/** The nearest centre of every row. */
export function assignRows(sample: Matrix<Float32Array>, centers: Matrix): Assignment {
  const nearest = new NearestCenter(centers);
  const labels = new Int32Array(sample.rows);
  const distances = new Float64Array(sample.rows);
  for (let row = 0; row < sample.rows; row++) {
    labels[row] = nearest.find(sample.values, row * sample.columns);
    distances[row] = nearest.squaredDistance;
  }
  return { labels, distances };
}

/**
 * Davies-Bouldin index of a clustering: over the clusters, the mean of the worst (si + sj) / dij, where s is the mean
 * distance of a cluster's rows to their mean and d the distance between two means. Smaller is better. Clusters without
 * rows do not count. Equal to scikit-learn's davies_bouldin_score.
 * @throws RangeError where fewer than two clusters have rows
 */
export function daviesBouldin(sample: Matrix<Float32Array>, labels: Int32Array): number {
  const { columns } = sample;
  const numbers = new Map<number, number>();
  const dense = labels.map((label) => {
    if (!numbers.has(label)) numbers.set(label, numbers.size);
    return numbers.get(label)!;
  });
  const clusters = numbers.size;
  if (clusters < 2) throw new RangeError(`The Davies-Bouldin index needs at least two clusters, not ${clusters}`);
  const { means, counts } = clusterMeans(sample, dense, clusters);
  const spreads = new Float64Array(clusters);
  dense.forEach((label, row) => {
    spreads[label]! += distance(sample.values, row * columns, means, label * columns, columns) / counts[label]!;
  });
  let sum = 0;
  for (let i = 0; i < clusters; i++) {
    let worst = 0;
    for (let j = 0; j < clusters; j++) {
      if (i === j) continue;
      const apart = distance(means, i * columns, means, j * columns, columns);
      // Clusters with one mean are told apart by nothing, except where both are that one point.
      const spread = spreads[i]! + spreads[j]!;
      worst = Math.max(worst, spread === 0 ? 0 : spread / apart);
    }
    sum += worst;
  }
  return sum / clusters;
}

function requireClusters(clusters: number, rows: number): void {
  if (!Number.isInteger(clusters) || clusters < 1 || clusters > rows) {
    throw invalidArgument('clusters', `an integer from 1 to the ${rows} vectors of the sample`, clusters);
  }
}

/** The mean of each cluster; one without rows takes the rows furthest from their centres, away from their clusters. */
function meansOf(
  sample: Matrix<Float32Array>,
  { labels, distances }: Assignment,
  clusters: number,
): Matrix<Float32Array> {
  const counts = new Uint32Array(clusters);
  for (const label of labels) counts[label]! += 1;
  const empty = [...counts.keys()].filter((cluster) => counts[cluster] === 0);
  const moved = labels.slice();
  if (empty.length > 0) {
    const furthest = [...distances.keys()].sort((a, b) => distances[b]! - distances[a]!);
    empty.forEach((cluster, index) => (moved[furthest[index]!] = cluster));
  }
  const { means } = clusterMeans(sample, moved, clusters);
  return { rows: clusters, columns: sample.columns, values: Float32Array.from(means) };
}

function clusterMeans(
  { rows, columns, values }: Matrix<Float32Array>,
  labels: Int32Array,
  clusters: number,
): { means: Float64Array; counts: Uint32Array } {
  const means = new Float64Array(clusters * columns);
  const counts = new Uint32Array(clusters);
  for (let row = 0; row < rows; row++) {
    const label = labels[row]!;
    counts[label]! += 1;
    for (let i = 0; i < columns; i++) means[label * columns + i]! += values[row * columns + i]!;
  }
  for (let i = 0; i < means.length; i++) means[i]! /= Math.max(1, counts[Math.floor(i / columns)]!);
  return { means, counts };
}

/** Each row's squared distance to row `center`, or the one it had if that is smaller. */
function reducedDistances(
  { rows, columns, values }: Matrix<Float32Array>,
  center: number,
  distances: Float64Array,
): Float64Array<ArrayBuffer> {
  const reduced = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = 0; i < columns; i++) {
      const difference = values[row * columns + i]! - values[center * columns + i]!;
      sum += difference * difference;
    }
    reduced[row] = Math.min(sum, distances[row]!);
  }
  return reduced;
}

function drawByWeight(weights: Float64Array, total: number, random: Random): number {
  // All rows equal one of the centres: any row is as good.
  if (total === 0) return random.integer(weights.length);
  let left = random.next() * total;
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i]!;
    if (left < 0) return i;
  }
  return weights.length - 1;
}

function distance(
  a: Float32Array | Float64Array,
  aOffset: number,
  b: Float64Array,
  bOffset: number,
  columns: number,
): number {
  let sum = 0;
  for (let i = 0; i < columns; i++) sum += (a[aOffset + i]! - b[bOffset + i]!) ** 2;
  return Math.sqrt(sum);
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
