import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bootstrapDifferences, bootstrapMeans, percentile } from '../../../src/math/bootstrap.js';
import { evaluateRun, type MeanOver, type RunEvaluation } from '../../../src/evaluate/results/evaluate-run.js';
import { recallLevels } from '../../../src/math/measures/iprec-at-recall.js';
import { parseMeasures } from '../../../src/math/measures/measure.js';
import { readQrels } from '../../../src/evaluate/trec/qrels-file.js';
import { readRun, readRunTopics } from '../../../src/evaluate/trec/run-file.js';

interface GoldenCase {
  readonly run: string;
  readonly qrels: string;
  readonly names: readonly string[];
  /** By topic, in the order of `names`. */
  readonly topics: Readonly<Record<string, readonly number[]>>;
  readonly means: Readonly<Record<'both' | 'allJudged', Readonly<Record<string, number>>>>;
}

interface Golden {
  readonly cases: Readonly<Record<'handMade' | 'continuous' | 'ties' | 'float32Ties' | 'deep', GoldenCase>>;
  readonly bootstrap: {
    readonly first: readonly number[];
    readonly second: readonly number[];
    readonly intervals: Readonly<Record<'first' | 'second' | 'secondMinusFirst', readonly [number, number]>>;
    readonly percentiles: {
      readonly values: readonly number[];
      readonly at: readonly number[];
      readonly expected: readonly number[];
    };
  };
}

const path = join(import.meta.dirname, '../../fixtures/golden/evaluation.json');
const golden = JSON.parse(readFileSync(path, 'utf8')) as Golden;

/** toBeCloseTo(…, 6) allows a difference of 5e-7. */
const digits = 6;
const recallName = (recall: number): string => `iprec_at_recall_${recall.toFixed(2)}`;

async function evaluate({ run, qrels, names }: GoldenCase, meanOver: MeanOver): Promise<RunEvaluation> {
  return evaluateRun(readRunTopics(Readable.from([run])), {
    qrels: await readQrels(Readable.from([qrels])),
    measures: parseMeasures(names.filter((name) => !name.startsWith('iprec_at_recall'))),
    meanOver,
  });
}

function curveOf({ interpolatedPrecision }: RunEvaluation): Readonly<Record<string, number>> {
  return Object.fromEntries(recallLevels.map((recall, at) => [recallName(recall), interpolatedPrecision[at] ?? NaN]));
}

describe.each(Object.entries(golden.cases))('%s, against trec_eval 9', (_name, expected) => {
  it('gives every topic the same measures', async () => {
    const evaluation = await evaluate(expected, 'both');
    expect(evaluation.topics.map(({ topicId }) => topicId).sort()).toEqual(Object.keys(expected.topics).sort());
    expect(evaluation.values.size).toBe(27);
    for (const [at, { topicId }] of evaluation.topics.entries()) {
      for (const [name, values] of evaluation.values) {
        const value = expected.topics[topicId]?.[expected.names.indexOf(name)] ?? NaN;
        expect(values[at], `${name} of ${topicId}`).toBeCloseTo(value, digits);
      }
    }
  });

  it('gives every topic the same interpolated precisions', async () => {
    const qrels = await readQrels(Readable.from([expected.qrels]));
    const run = await readRun(Readable.from([expected.run]));
    for (const ranking of run.values()) {
      const evaluation = await evaluateRun([ranking], { qrels, measures: parseMeasures(['map']) });
      for (const [name, value] of Object.entries(curveOf(evaluation))) {
        const values = expected.topics[ranking.topicId];
        if (values === undefined) expect(evaluation.unjudgedTopics).toEqual([ranking.topicId]);
        else
          expect(value, `${name} of ${ranking.topicId}`).toBeCloseTo(
            values[expected.names.indexOf(name)] ?? NaN,
            digits,
          );
      }
    }
  });

  it.each([
    ['both', 'both'],
    ['judged', 'allJudged'],
  ] as const)('has the same means over %s topics', async (meanOver, key) => {
    const evaluation = await evaluate(expected, meanOver);
    const means: Readonly<Record<string, number>> = { ...evaluation.means, ...curveOf(evaluation) };
    expect(Object.keys(means).sort()).toEqual(Object.keys(expected.means[key]).sort());
    for (const [name, value] of Object.entries(expected.means[key])) {
      expect(means[name], name).toBeCloseTo(value, digits);
    }
  });
});

it('tells apart topics without a judgement and topics without a result', async () => {
  const evaluation = await evaluate(golden.cases.handMade, 'both');
  expect(evaluation.missingTopics).toEqual(['not-in-run', 'not-in-run-either']);
  expect(evaluation.unjudgedTopics).toEqual(['not-in-qrels']);
});

it('has golden ties that only float32 comparison sees', async () => {
  const topics = await readRun(Readable.from([golden.cases.float32Ties.run]));
  const doubles = [...topics.values()].flatMap(({ scores }) => Array.from(scores));
  expect(new Set(doubles.map(Math.fround)).size).toBeLessThan(new Set(doubles).size);
});

describe('bootstrap, against scipy', () => {
  const { first, second, intervals, percentiles } = golden.bootstrap;
  const options = { seed: 1, resamples: 20_000 };
  /** What two draws of 20,000 differ by: about a hundredth of the interval's length, here doubled. */
  const near = ([low, high]: readonly [number, number]): number => (high - low) * 0.02;

  it('gives the same intervals of means', () => {
    const [a, b] = bootstrapMeans([first, second], options);
    for (const [interval, expected] of [
      [a, intervals.first],
      [b, intervals.second],
    ] as const) {
      expect(Math.abs((interval?.low ?? NaN) - expected[0])).toBeLessThan(near(expected));
      expect(Math.abs((interval?.high ?? NaN) - expected[1])).toBeLessThan(near(expected));
    }
  });

  it('gives the same interval of paired differences, much narrower than that of the means', () => {
    const [interval] = bootstrapDifferences([second], [first], options);
    const expected = intervals.secondMinusFirst;
    expect(Math.abs((interval?.low ?? NaN) - expected[0])).toBeLessThan(near(expected));
    expect(Math.abs((interval?.high ?? NaN) - expected[1])).toBeLessThan(near(expected));
    expect(near(expected) * 3).toBeLessThan(near(intervals.first));
  });

  it('gives the same percentiles', () => {
    const sorted = percentiles.values.toSorted((x, y) => x - y);
    for (const [at, percent] of percentiles.at.entries()) {
      expect(percentile(sorted, percent / 100)).toBeCloseTo(percentiles.expected[at] ?? NaN, 12);
    }
  });
});
