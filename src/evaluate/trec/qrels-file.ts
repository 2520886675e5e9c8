import type { Readable, Writable } from 'node:stream';
import { SemblanceError, messageOf } from '../../base/errors.js';
import type { Qrels } from '../../math/measures/judgements.js';
import { QrelsBuilder } from './listed-qrels.js';
import { assertField, malformedLine, trecLines } from './trec-lines.js';
import { writeChunks } from './write-chunks.js';

/**
 * Reads a TREC qrels file: `topic iteration document relevance`, the iteration ignored.
 * @param name what messages call the file
 */
export async function readQrels(input: Readable, name = 'qrels'): Promise<Qrels> {
  const builder = new QrelsBuilder();
  for await (const line of trecLines(input)) {
    const [topicId, , documentId, relevance] = line.fields;
    if (topicId === undefined || documentId === undefined || relevance === undefined || line.fields.length !== 4) {
      const problem = `expected 4 fields (topic, iteration, document, relevance) but found ${line.fields.length}`;
      throw malformedLine(name, line, problem);
    }
    if (!/^[+-]?\d+$/.test(relevance)) {
      throw malformedLine(name, line, `expected an integer for the relevance but found ${relevance}`);
    }
    try {
      builder.add(topicId, { documentId, relevance: Number(relevance) });
    } catch (error) {
      throw error instanceof SemblanceError ? malformedLine(name, line, messageOf(error)) : error;
    }
  }
  const qrels = builder.build();
  if (qrels.topicCount === 0) throw new SemblanceError('BAD_USER_INPUT', `${name} holds no judgement`);
  return qrels;
}

/** Writes a qrels file that trec_eval reads. Does not end the stream. */
export async function writeQrels(output: Writable, qrels: Qrels): Promise<void> {
  await writeChunks(output, qrelsLines(qrels));
}

function* qrelsLines(qrels: Qrels): Generator<string> {
  for (const topicId of qrels.topicIds()) {
    assertField('The topic', topicId);
    for (const { documentId, relevance } of qrels.topic(topicId)?.judgements() ?? []) {
      assertField('The document', documentId);
      yield `${topicId} 0 ${documentId} ${relevance}\n`;
    }
  }
}
