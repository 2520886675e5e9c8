import { modelRunTargetMs } from '../../base/limits.js';
import type { Measurement } from './measure.js';

/** A person's query, one image by itself, may take so much longer than on the quickest number of threads. */
export const latencySlack = 1.2;
/** Two measurements of one configuration differ by as much: fewer threads and smaller runs are worth more. */
export const throughputSlack = 0.05;

export interface Choice {
  readonly chosen: Measurement;
  /** Median of one image by itself (of one run, where the weights fix its images) on the threads that were chosen. */
  readonly latencyMs: number;
}

/**
 * What serves best: of the numbers of threads on which one image by itself takes at most `latencySlack` times as long as
 * on the quickest, and of the runs that take no longer than `modelRunTargetMs` or hold as few images as can be (a query waits
 * for one run of an import at most), the one with most images a second. Of those within `throughputSlack` of it, the one
 * with fewest threads, then with fewest images.
 * @param measurements at least one
 */
export function chooseSettings(measurements: readonly Measurement[]): Choice {
  const fewest = Math.min(...measurements.map(({ batchImages }) => batchImages));
  const latencies = new Map(
    measurements.filter(({ batchImages }) => batchImages === fewest).map(({ threads, medianMs }) => [threads, medianMs]),
  );
  const latencyOf = ({ threads }: Measurement): number => latencies.get(threads) ?? Infinity;
  const quickest = Math.min(...latencies.values());
  const eligible = measurements.filter(
    (each) =>
      latencyOf(each) <= quickest * latencySlack &&
      (each.batchImages === fewest || each.medianMs <= modelRunTargetMs),
  );
  const most = Math.max(...eligible.map(({ imagesPerSecond }) => imagesPerSecond));
  const [chosen] = eligible
    .filter(({ imagesPerSecond }) => imagesPerSecond >= most * (1 - throughputSlack))
    .sort((a, b) => a.threads - b.threads || a.batchImages - b.batchImages);
  if (chosen === undefined) throw new RangeError('Nothing was measured');
  return { chosen, latencyMs: latencyOf(chosen) };
}
