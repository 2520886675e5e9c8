import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { evaluateRun, type MeanOver, type RunEvaluation } from '../../../src/evaluation/evaluate-run.js';
import { recallLevels } from '../../../src/evaluation/measures/iprec-at-recall.js';
import { parseMeasures } from '../../../src/evaluation/measures/measure.js';
import { readQrels } from '../../../src/evaluation/qrels-file.js';
import { readRun, readRunTopics } from '../../../src/evaluation/run-file.js';

interface GoldenCase {
  readonly run: string;
  readonly qrels: string;
  readonly names: readonly string[];
  /** By topic, in the order of `names`. */
  readonly topics: Readonly<Record<string, readonly number[]>>;
  readonly means: Readonly<Record<'both' | 'allJudged', Readonly<Record<string, number>>>>;
}

const path = join(import.meta.dirname, '../../fixtures/golden/evaluation.json');
const golden = JSON.parse(readFileSync(path, 'utf8')) as { readonly cases: Readonly<Record<string, GoldenCase>> };

const recallName = (recall: number): string => `iprec_at_recall_${recall.toFixed(2)}`;

async function evaluate({ run, qrels, names }: GoldenCase, meanOver: MeanOver): Promise<RunEvaluation> {
  return evaluateRun(readRunTopics(Readable.from([run])), {
    qrels: await readQrels(Readable.from([qrels])),
    measures: parseMeasures(names.filter((name) => !name.startsWith('iprec_at_recall'))),
    meanOver,
  });
}

describe.each(Object.entries(golden.cases))('%s, against trec_eval 9', (_name, expected) => {
  it('gives every topic the same measures', async () => {
    const evaluation = await evaluate(expected, 'both');
    expect(evaluation.topics.map(({ topicId }) => topicId).sort()).toEqual(Object.keys(expected.topics).sort());
    for (const [at, { topicId }] of evaluation.topics.entries()) {
      for (const [name, values] of evaluation.values) {
        const value = expected.topics[topicId]?.[expected.names.indexOf(name)];
        expect(Math.abs(values[at]! - value!), `${name} of ${topicId}`).toBeLessThan(1e-6);
      }
    }
    expect(evaluation.values.size).toBe(27);
  });

  it('gives every topic the same interpolated precisions', async () => {
    const qrels = await readQrels(Readable.from([expected.qrels]));
    const run = await readRun(Readable.from([expected.run]));
    for (const [topicId, values] of Object.entries(expected.topics)) {
      const { interpolatedPrecision } = await evaluateRun([run.get(topicId)!], { qrels, measures: parseMeasures(['map']) });
      for (const [at, recall] of recallLevels.entries()) {
        const value = values[expected.names.indexOf(recallName(recall))]!;
        expect(Math.abs(interpolatedPrecision[at]! - value), `${recall} of ${topicId}`).toBeLessThan(1e-6);
      }
    }
  });

  it.each([
    ['both', 'both'],
    ['judged', 'allJudged'],
  ] as const)('has the same means over %s topics', async (meanOver, key) => {
    const evaluation = await evaluate(expected, meanOver);
    const means: Record<string, number> = { ...evaluation.means };
    for (const [at, recall] of recallLevels.entries()) {
      means[recallName(recall)] = evaluation.interpolatedPrecision[at]!;
    }
    expect(Object.keys(means).sort()).toEqual(Object.keys(expected.means[key]).sort());
    for (const [name, value] of Object.entries(expected.means[key])) {
      expect(Math.abs(means[name]! - value), name).toBeLessThan(1e-6);
    }
  });
});

it('tells apart topics without a judgement and topics without a result', async () => {
  const evaluation = await evaluate(golden.cases.handMade!, 'both');
  expect(evaluation.missingTopics).toEqual(['not-in-run', 'not-in-run-either']);
  expect(evaluation.unjudgedTopics).toEqual(['not-in-qrels']);
});

it('needs float32 comparison, or the golden ties would not hold', async () => {
  const { run } = golden.cases.float32Ties!;
  const topics = await readRun(Readable.from([run]));
  const floats = [...topics.values()].flatMap(({ scores }) => Array.from(scores, Math.fround));
  const doubles = [...topics.values()].flatMap(({ scores }) => Array.from(scores));
  expect(new Set(floats).size).toBeLessThan(new Set(doubles).size);
});
