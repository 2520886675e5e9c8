import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bootstrapDifferences, bootstrapMeans, percentile } from '../../../../src/math/bootstrap.js';
import { confusionOfFirst, extremeTopics, meansByClass } from '../../../../src/evaluate/results/by-class.js';
import { classQrels } from '../../../../src/evaluate/datasets/class-qrels.js';
import { evaluateRun, RunEvaluator, type RunEvaluation } from '../../../../src/evaluate/results/evaluate-run.js';
import { parseMeasures } from '../../../../src/math/measures/measure.js';
import type { TopicRanking } from '../../../../src/math/measures/ranking.js';
import { differencesOf, intervalsOf } from '../../../../src/evaluate/results/summarise.js';
import { writeTopicMeasures } from '../../../../src/evaluate/trec/topic-measures-file.js';

const classes = new Map([
  ['a1', 'a'],
  ['a2', 'a'],
  ['b1', 'b'],
  ['b2', 'b'],
  ['c1', 'c'],
]);
const classOf = (id: string): string | undefined => classes.get(id);
const qrels = classQrels(classes, classes);
const measures = parseMeasures(['map', 'P_1']);

const ranking = (topicId: string, ...documentIds: readonly string[]): TopicRanking => ({
  topicId,
  documentIds,
  scores: documentIds.map((_, at) => 1 - at / 10),
});

const run = [
  ranking('a1', 'a2', 'b1', 'b2'),
  ranking('a2', 'b1', 'a1', 'c1'),
  ranking('b1', 'c1', 'a1', 'b2'),
  ranking('c1', 'a1'),
];
const evaluate = (meanOver: 'both' | 'judged' = 'both'): Promise<RunEvaluation> =>
  evaluateRun(run, { qrels, measures, meanOver });

describe('an evaluated run', () => {
  it('has the means of the topics in both, or of all judged ones', async () => {
    const both = await evaluate();
    expect(both.topics.map(({ topicId }) => topicId)).toEqual(['a1', 'a2', 'b1']);
    expect(both.means.map).toBeCloseTo((1 + 1 / 2 + 1 / 3) / 3, 12);
    expect(both.missingTopics).toEqual(['b2']);
    expect(both.unjudgedTopics).toEqual(['c1']);

    const judged = await evaluate('judged');
    expect(judged.topics.map(({ topicId }) => topicId)).toEqual(['a1', 'a2', 'b1', 'b2']);
    expect(judged.means.map).toBeCloseTo((1 + 1 / 2 + 1 / 3) / 4, 12);
    expect(judged.topics.at(-1)).toEqual({ topicId: 'b2', leaders: [], hasRelevant: true });
  });

  it('keeps the first documents of a topic and nothing of the rest', async () => {
    const evaluation = await evaluateRun(run, { qrels, measures, leaders: 2 });
    expect(evaluation.topics.map(({ leaders }) => leaders)).toEqual([
      ['a2', 'b1'],
      ['b1', 'a1'],
      ['c1', 'a1'],
    ]);
  });

  it('takes each topic once', () => {
    const evaluator = new RunEvaluator({ qrels, measures });
    evaluator.add(ranking('a1', 'a2'));
    expect(() => {
      evaluator.add(ranking('a1', 'b1'));
    }).toThrow('Topic a1 was added before');
  });

  it('refuses duplicates even in a topic that is not judged', () => {
    const evaluator = new RunEvaluator({ qrels, measures });
    expect(() => {
      evaluator.add(ranking('c1', 'a1', 'a1'));
    }).toThrow('Topic c1 holds the document a1 twice');
  });

  it('of no topic has means of 0', async () => {
    const { means, topics, interpolatedPrecision } = await evaluateRun([], { qrels, measures });
    expect(means).toEqual({ map: 0, P_1: 0 });
    expect(topics).toEqual([]);
    expect(interpolatedPrecision).toEqual(Array.from({ length: 11 }, () => 0));
  });

  it('is written in the columns of trec_eval -q', async () => {
    const output = new PassThrough();
    await writeTopicMeasures(output, await evaluate());
    const lines = String(output.read()).split('\n');
    expect(lines.slice(0, 3)).toEqual(['map\ta1\t1', 'P_1\ta1\t1', 'map\ta2\t0.5']);
    expect(lines).toContain('num_q\tall\t3');
    expect(lines.filter((line) => line.includes('\tall\t'))).toHaveLength(14);
  });
});

describe('a run by class', () => {
  it('has a mean for each class of queries', async () => {
    const [a, b, ...rest] = meansByClass(await evaluate(), classOf);
    expect(a).toEqual({ name: 'a', queries: 2, means: { map: 0.75, P_1: 0.5 } });
    expect(b).toMatchObject({ name: 'b', queries: 1 });
    expect(rest).toEqual([]);
  });

  it('counts the classes of first neighbours, and queries without one', async () => {
    expect(confusionOfFirst(await evaluate('judged'), classOf, classOf)).toEqual({
      classes: ['a', 'b', 'c'],
      counts: [
        [1, 1, 0],
        [0, 0, 1],
        [0, 0, 0],
      ],
      withoutNeighbour: [0, 1, 0],
    });
  });

  it('names the best and the worst topics, equal ones by id', async () => {
    const { best, worst } = extremeTopics(await evaluate(), 'P_1', 2);
    expect(best.map(({ topicId, value }) => [topicId, value])).toEqual([
      ['a1', 1],
      ['a2', 0],
    ]);
    expect(worst.map(({ topicId }) => topicId)).toEqual(['a2', 'b1']);
    expect(worst[0]?.leaders).toEqual(['b1', 'a1', 'c1']);
    const evaluation = await evaluate();
    expect(() => extremeTopics(evaluation, 'P_5', 1)).toThrow('The run was not evaluated with P_5');
  });
});

describe('bootstrap', () => {
  const values = Float64Array.from({ length: 50 }, (_, at) => (at % 7) / 7);

  it('draws the same with the same seed, and other topics with another', () => {
    const [first] = bootstrapMeans([values], { seed: 3 });
    expect(bootstrapMeans([values], { seed: 3 })).toEqual([first]);
    expect(bootstrapMeans([values], { seed: 4 })).not.toEqual([first]);
    expect(first?.low).toBeLessThan(first?.mean ?? NaN);
    expect(first?.high).toBeGreaterThan(first?.mean ?? NaN);
  });

  it('draws the same topics for every column', () => {
    const [a, b] = bootstrapMeans([values, values.map((value) => 2 * value + 1)], { seed: 3 });
    expect(b?.low).toBeCloseTo(2 * (a?.low ?? NaN) + 1, 12);
    expect(b?.high).toBeCloseTo(2 * (a?.high ?? NaN) + 1, 12);
  });

  it('has no width for a difference that is the same in every topic', () => {
    const [difference] = bootstrapDifferences([values.map((value) => value + 0.25)], [values], { seed: 1 });
    expect(difference?.mean).toBeCloseTo(0.25, 12);
    expect(difference?.low).toBeCloseTo(0.25, 12);
    expect(difference?.high).toBeCloseTo(0.25, 12);
  });

  it('refuses columns of different topics, and takes none', () => {
    expect(() => bootstrapMeans([values, values.subarray(1)], { seed: 1 })).toThrow('different numbers of topics');
    expect(() => bootstrapDifferences([values], [], { seed: 1 })).toThrow('different topics');
    expect(bootstrapMeans([[]], { seed: 1 })).toEqual([{ mean: 0, low: 0, high: 0 }]);
    expect(percentile([5], 0.975)).toBe(5);
  });

  it('pairs the topics of two runs by id, whatever their order, and leaves out those of one alone', async () => {
    const evaluation = await evaluate();
    const other = await evaluateRun([ranking('b1', 'b2'), ranking('a1', 'a2')], { qrels, measures });
    const { map } = differencesOf(evaluation, other, { seed: 1, resamples: 100 });
    expect(map?.mean).toBeCloseTo((0 + (1 / 3 - 1)) / 2, 12);
    expect(Object.keys(intervalsOf(evaluation, { seed: 1, resamples: 10 }))).toEqual(['map', 'P_1']);
  });
});
