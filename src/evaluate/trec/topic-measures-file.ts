import type { Writable } from 'node:stream';
import { recallLevels } from '../../math/measures/iprec-at-recall.js';
import type { RunEvaluation } from '../results/evaluate-run.js';
import { writeChunks } from './write-chunks.js';

/**
 * Writes every measure of every topic, then the means under `all`, in the columns of `trec_eval -q`: measure, topic,
 * value; in full precision, in the order of the run. Does not end the stream.
 */
export async function writeTopicMeasures(output: Writable, evaluation: RunEvaluation): Promise<void> {
  await writeChunks(output, topicMeasureLines(evaluation));
}

function* topicMeasureLines({ topics, values, means, interpolatedPrecision }: RunEvaluation): Generator<string> {
  for (const [at, { topicId }] of topics.entries()) {
    for (const [name, column] of values) yield `${name}\t${topicId}\t${column[at]!}\n`;
  }
  yield `num_q\tall\t${topics.length}\n`;
  for (const [name, value] of Object.entries(means)) yield `${name}\tall\t${value}\n`;
  for (const [at, recall] of recallLevels.entries()) {
    yield `iprec_at_recall_${recall.toFixed(2)}\tall\t${interpolatedPrecision[at]!}\n`;
  }
}
