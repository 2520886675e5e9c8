import { describe, expect, it } from 'vitest';
import { evaluateRun, type RunEvaluation } from '../../../../src/evaluate/results/evaluate-run.js';
import { qrelsOf } from '../../../../src/evaluate/trec/listed-qrels.js';
import { parseMeasure, parseMeasures } from '../../../../src/math/measures/measure.js';

/** A ranking of 1 and 0, with more relevant documents that it does not hold. */
async function evaluate(
  ranking: readonly number[],
  elsewhere: number,
  measures: readonly string[],
): Promise<RunEvaluation> {
  const documentIds = ranking.map((_, at) => `d${at}`);
  const found = documentIds.map((documentId, at) => ({ documentId, relevance: ranking[at] ?? 0 }));
  const missed = Array.from({ length: elsewhere }, (_, at) => ({ documentId: `m${at}`, relevance: 1 }));
  const scores = ranking.map((_, at) => -at);
  return evaluateRun([{ topicId: 'q', documentIds, scores }], {
    qrels: qrelsOf([['q', [...found, ...missed]]]),
    measures: parseMeasures(measures),
  });
}

describe('measures of a ranking', () => {
  it('leaves map_cut_100 of a perfect run at 0.02 where 5,000 are relevant, and map_cut_min_100 at 1', async () => {
    const perfect = Array.from({ length: 100 }, () => 1);
    const { means } = await evaluate(perfect, 4_900, [
      'map_cut_100',
      'map_cut_min_100',
      'P_100',
      'ndcg_cut_100',
      'recall_100',
    ]);
    expect(means.map_cut_100).toBeCloseTo(0.02, 12);
    expect(means.map_cut_min_100).toBeCloseTo(1, 12);
    expect(means.P_100).toBe(1);
    expect(means.ndcg_cut_100).toBeCloseTo(1, 12);
    expect(means.recall_100).toBe(0.02);
  });

  it('divides by the relevant documents where fewer than k are relevant', async () => {
    const { means } = await evaluate([1, 0, 1, 0], 1, ['map_cut_min_10', 'map_cut_10', 'map_cut_min_2']);
    expect(means.map_cut_min_10).toBeCloseTo((1 + 2 / 3) / 3, 12);
    expect(means.map_cut_10).toBe(means.map_cut_min_10);
    expect(means.map_cut_min_2).toBe(0.5);
  });

  it('divides P_k by k beyond the end of the ranking', async () => {
    const { means } = await evaluate([1, 1], 0, ['P_10', 'recall_10', 'success_1', 'recip_rank']);
    expect(means).toEqual({ P_10: 0.2, recall_10: 1, success_1: 1, recip_rank: 1 });
  });

  it('counts 0 in every measure for an empty ranking and for nothing relevant', async () => {
    const names = ['map', 'map_cut_5', 'map_cut_min_5', 'P_5', 'recall_5', 'ndcg_cut_5', 'recip_rank', 'success_5'];
    for (const evaluation of [await evaluate([], 3, names), await evaluate([0, 0], 0, names)]) {
      expect(Object.values(evaluation.means)).toEqual(names.map(() => 0));
      expect(evaluation.interpolatedPrecision).toEqual(Array.from({ length: 11 }, () => 0));
    }
  });
});

describe('names of measures', () => {
  it('takes each once, in the order given', () => {
    expect(parseMeasures(['P_10', 'map', 'P_10']).map(({ name }) => name)).toEqual(['P_10', 'map']);
  });

  it('says which are trec_eval’s', () => {
    expect(parseMeasure('map_cut_100').inTrecEval).toBe(true);
    expect(parseMeasure('map_cut_min_100').inTrecEval).toBe(false);
  });

  it.each(['', 'P', 'P_0', 'P_-1', 'P_1.5', 'map_10', 'constructor', 'toString_5', 'map_cut_', 'ndcg_cut_9999999999'])(
    'refuses %j with the names there are',
    (name) => {
      expect(() => parseMeasure(name)).toThrow(
        /^Expected one of map, recip_rank, map_cut_k, .* for measure but received/,
      );
    },
  );

  it('needs at least one', () => {
    expect(() => parseMeasures([])).toThrow('Expected at least one measure for measures but received []');
  });
});
