import { Random } from './random.js';

/** A mean and its percentile interval. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  /** The same seed draws the same topics. */
  readonly seed: number;
  readonly resamples?: number;
  /** 0.95: from the 2.5th to the 97.5th percentile. */
  readonly confidence?: number;
}

export const defaultResamples = 2_000;
export const defaultConfidence = 0.95;

/**
 * Percentile bootstrap of means over the same topics: topics are drawn with replacement, as many as there are, and each
 * draw serves every column. The interval runs between the percentiles (1 ± confidence) / 2 of the resampled means.
 * Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
 *
 * It tells how far the mean may move with other queries of the same kind; not with another gallery, model or seed.
 * Means of no topic are 0 with an interval of [0, 0].
 */
export function bootstrapMeans(
  columns: readonly ArrayLike<number>[],
  { seed, resamples = defaultResamples, confidence = defaultConfidence }: BootstrapOptions,
): readonly Interval[] {
  const topicCount = columns[0]?.length ?? 0;
  if (columns.some((column) => column.length !== topicCount)) {
    throw new TypeError('The columns have different numbers of topics');
  }
  if (topicCount === 0) return columns.map(() => ({ mean: 0, low: 0, high: 0 }));
  const random = new Random(seed);
  const means = columns.map(() => new Float64Array(resamples));
  const drawn = new Uint32Array(topicCount);
  for (let resample = 0; resample < resamples; resample++) {
    drawn.fill(0);
    for (let i = 0; i < topicCount; i++) drawn[random.integer(topicCount)]!++;
    for (const [at, column] of columns.entries()) {
      let sum = 0;
      for (let i = 0; i < topicCount; i++) sum += drawn[i]! * column[i]!;
      means[at]![resample] = sum / topicCount;
    }
  }
  return columns.map((column, at) => {
    const sorted = means[at]!.sort();
    let sum = 0;
    for (let i = 0; i < topicCount; i++) sum += column[i]!;
    const tail = (1 - confidence) / 2;
    return { mean: sum / topicCount, low: percentile(sorted, tail), high: percentile(sorted, 1 - tail) };
  });
}

/** As bootstrapMeans, of one column. */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions): Interval {
  return bootstrapMeans([values], options)[0]!;
}

/**
 * How much higher the mean of `values` is than that of `baseline`, topic by topic: an interval that leaves out 0 says
 * that the difference holds for queries of this kind. The two columns must belong to the same topics in the same order.
 */
export function bootstrapDifferences(
  values: readonly ArrayLike<number>[],
  baseline: readonly ArrayLike<number>[],
  options: BootstrapOptions,
): readonly Interval[] {
  const differences = values.map((column, at) => {
    const other = baseline[at];
    if (other?.length !== column.length) throw new TypeError('The columns belong to different topics');
    return Float64Array.from({ length: column.length }, (_, i) => column[i]! - other[i]!);
  });
  return bootstrapMeans(differences, options);
}

/** Linear between the two nearest values (type 7 of Hyndman and Fan 1996). `sorted` ascending, `share` in 0…1. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] ?? NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? NaN;
  return low + (high - low) * (position - below);
}
