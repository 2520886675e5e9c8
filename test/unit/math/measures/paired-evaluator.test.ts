import { describe, expect, it } from 'vitest';
import { parseMeasures } from '../../../../src/math/measures/measure.js';
import { PairedEvaluator } from '../../../../src/math/measures/paired-evaluator.js';
import type { RankedTopic } from '../../../../src/math/measures/ranking.js';

function ranked(relevantCount: number, ...relevantRanks: number[]): RankedTopic {
  return {
    retrievedCount: 100,
    relevantRanks,
    gains: relevantRanks.map(() => 1),
    relevantCount,
    levelCounts: [0, relevantCount],
  };
}

describe('PairedEvaluator', () => {
  it('gives the means of both and their paired difference, b minus a', () => {
    const evaluator = new PairedEvaluator(parseMeasures(['map_cut_3', 'map_cut_min_3', 'P_2']));
    // Of 6 relevant ones a finds the first and third, b the second.
    evaluator.add({ a: ranked(6, 1, 3), b: ranked(6, 2) });
    evaluator.add({ a: ranked(1, 2), b: ranked(1, 1) });
    const [map, mapMin, precision] = evaluator.finish({ seed: 1 });
    expect(evaluator.topicCount).toBe(2);
    expect(map).toMatchObject({ name: 'map_cut_3' });
    expect(map?.a.mean).toBeCloseTo(((1 + 2 / 3) / 6 + 1 / 2) / 2, 12);
    expect(map?.b.mean).toBeCloseTo((1 / 2 / 6 + 1) / 2, 12);
    expect(map?.difference.mean).toBeCloseTo((map?.b.mean ?? NaN) - (map?.a.mean ?? NaN), 12);
    expect(mapMin?.a.mean).toBeCloseTo(((1 + 2 / 3) / 3 + 1 / 2) / 2, 12);
    expect(mapMin?.b.mean).toBeCloseTo((1 / 2 / 3 + 1) / 2, 12);
    expect([precision?.a.mean, precision?.b.mean, precision?.difference.mean]).toEqual([0.5, 0.5, 0]);
  });

  it('takes the interval of the difference over pairs: what moves both alike widens it by nothing', () => {
    const evaluator = new PairedEvaluator(parseMeasures(['recip_rank']));
    for (const rank of [1, 10, 1, 10, 1, 10]) {
      evaluator.add({ a: ranked(1, rank), b: ranked(1, rank) });
    }
    const [measure] = evaluator.finish({ seed: 1 });
    expect(measure?.difference).toEqual({ mean: 0, low: 0, high: 0 });
    expect(measure?.a.high).toBeGreaterThan(measure?.a.low ?? NaN);
  });

  it('gives none of no topic', () => {
    expect(new PairedEvaluator(parseMeasures(['map'])).finish({ seed: 1 })).toEqual([]);
  });
});
