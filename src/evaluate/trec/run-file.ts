import type { Readable, Writable } from 'node:stream';
import { SemblanceError } from '../../base/errors.js';
import type { TopicRanking } from '../../math/measures/ranking.js';
import { assertField, malformedLine, trecLines, type TrecLine } from './trec-lines.js';
import { writeChunks } from './write-chunks.js';

interface RunLine {
  readonly topicId: string;
  readonly documentId: string;
  readonly score: number;
}

interface GrowingRanking {
  readonly topicId: string;
  readonly documentIds: string[];
  readonly scores: number[];
}

/**
 * Reads a TREC run file, `topic Q0 document rank score tag`, one topic at a time; rank and tag are ignored, as in
 * trec_eval. The lines of a topic must stand together: a topic that comes back is an error. `readRun` takes any order.
 * @param name what messages call the file
 */
export async function* readRunTopics(input: Readable, name = 'run'): AsyncGenerator<TopicRanking> {
  const seen = new Set<string>();
  let current: GrowingRanking | undefined;
  for await (const line of trecLines(input)) {
    const { topicId, documentId, score } = parse(line, name);
    if (current?.topicId !== topicId) {
      if (current !== undefined) yield current;
      if (seen.has(topicId)) {
        throw malformedLine(name, line, `topic ${topicId} comes back: sort the file by topic`);
      }
      seen.add(topicId);
      current = { topicId, documentIds: [], scores: [] };
    }
    current.documentIds.push(documentId);
    current.scores.push(score);
  }
  if (current === undefined) throw new SemblanceError('BAD_USER_INPUT', `${name} holds no result`);
  yield current;
}

/** A whole run in memory, by topic; its lines may come in any order. */
export async function readRun(input: Readable, name = 'run'): Promise<ReadonlyMap<string, TopicRanking>> {
  const topics = new Map<string, GrowingRanking>();
  for await (const line of trecLines(input)) {
    const { topicId, documentId, score } = parse(line, name);
    let topic = topics.get(topicId);
    if (topic === undefined) topics.set(topicId, (topic = { topicId, documentIds: [], scores: [] }));
    topic.documentIds.push(documentId);
    topic.scores.push(score);
  }
  if (topics.size === 0) throw new SemblanceError('BAD_USER_INPUT', `${name} holds no result`);
  return topics;
}

/** Writes one topic in the order given. Does not end the stream. */
export async function writeRunTopic(output: Writable, ranking: TopicRanking, tag: string): Promise<void> {
  await writeChunks(output, runLines(ranking, tag));
}

export function* runLines({ topicId, documentIds, scores }: TopicRanking, tag: string): Generator<string> {
  assertField('The topic', topicId);
  assertField('The tag', tag);
  for (const [at, documentId] of documentIds.entries()) {
    assertField('The document', documentId);
    yield `${topicId} Q0 ${documentId} ${at + 1} ${formatScore(scores[at] ?? NaN)} ${tag}\n`;
  }
}

/**
 * The float32 that trec_eval 9 makes of a score, in the nine digits that tell any two of them apart: so trec_eval 10,
 * which compares doubles, sees the same ties.
 */
export function formatScore(score: number): string {
  if (Number.isNaN(score)) throw new TypeError('A score is not a number');
  return String(Number(Math.fround(score).toPrecision(9)));
}

function parse(line: TrecLine, name: string): RunLine {
  const [topicId, , documentId, , score] = line.fields;
  if (topicId === undefined || documentId === undefined || score === undefined || line.fields.length < 6) {
    const problem = `expected 6 fields (topic, Q0, document, rank, score, tag) but found ${line.fields.length}`;
    throw malformedLine(name, line, problem);
  }
  const value = parseScore(score);
  if (Number.isNaN(value)) throw malformedLine(name, line, `expected a number for the score but found ${score}`);
  return { topicId, documentId, score: value };
}

function parseScore(text: string): number {
  const infinite = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  return Number(text);
}
