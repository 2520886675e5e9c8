import { describe, expect, it } from 'vitest';
import { chooseSettings } from '../../../../src/models/bench/choose.js';
import { threadCounts, type Measurement } from '../../../../src/models/bench/measure.js';

/** Rows of [threads, images of one run, median of one run in milliseconds]. */
function measured(rows: readonly (readonly [number, number, number])[]): readonly Measurement[] {
  return rows.map(([threads, batchImages, medianMs]) => ({
    threads,
    batchImages,
    medianMs,
    p95Ms: medianMs,
    imagesPerSecond: (batchImages * 1000) / medianMs,
    residentBytes: 1,
    peakBytes: 1,
  }));
}

function chosen(...rows: readonly (readonly [number, number, number])[]): readonly [number, number, number] {
  const { chosen, latencyMs } = chooseSettings(measured(rows));
  return [chosen.threads, chosen.batchImages, latencyMs];
}

describe('chooseSettings', () => {
  it('takes most images a second', () => {
    expect(chosen([1, 1, 5], [1, 8, 35], [2, 1, 5], [2, 8, 25])).toEqual([2, 8, 5]);
  });

  it('takes no threads on which one image by itself takes a fifth longer than it could', () => {
    // One thread: 8 in 30 ms, but 12 ms for one.
    expect(chosen([1, 1, 12], [1, 8, 30], [2, 1, 9], [2, 8, 40])).toEqual([2, 8, 9]);
    expect(chosen([1, 1, 10], [1, 8, 30], [2, 1, 9], [2, 8, 40])).toEqual([1, 8, 10]);
  });

  it('takes no run for which a query would wait longer than 50 ms', () => {
    expect(chosen([2, 1, 10], [2, 4, 30], [2, 8, 51])).toEqual([2, 4, 10]);
    expect(chosen([2, 1, 10], [2, 4, 38], [2, 8, 50])).toEqual([2, 8, 10]);
  });

  it('takes runs of one image where even these take longer', () => {
    expect(chosen([1, 1, 200], [1, 4, 600], [2, 1, 110], [2, 4, 300])).toEqual([2, 1, 110]);
  });

  it('takes fewer threads, then smaller runs, where that costs less than a measurement tells', () => {
    expect(chosen([1, 1, 10], [1, 2, 19.8], [2, 1, 9.8], [2, 2, 19.4])).toEqual([1, 1, 10]);
  });

  it('takes the only runs that weights with a fixed batch know', () => {
    expect(chosen([1, 4, 400], [2, 4, 220])).toEqual([2, 4, 220]);
  });
});

describe('threadCounts', () => {
  it.each([
    [1, [1]],
    [2, [1, 2]],
    [5, [1, 2, 3, 4, 5]],
    [16, [1, 2, 3, 4, 6, 8, 12, 16]],
    [20, [1, 2, 3, 4, 6, 8, 12, 16, 20]],
    [200, [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]],
  ])('of %i cores', (cores, counts) => {
    expect(threadCounts(cores)).toEqual(counts);
  });
});
