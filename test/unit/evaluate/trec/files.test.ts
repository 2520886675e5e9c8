import { PassThrough, Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { classQrels } from '../../../../src/evaluate/datasets/class-qrels.js';
import type { Judgement, Qrels } from '../../../../src/math/measures/judgements.js';
import { qrelsOf } from '../../../../src/evaluate/trec/listed-qrels.js';
import { readQrels, writeQrels } from '../../../../src/evaluate/trec/qrels-file.js';
import type { TopicRanking } from '../../../../src/math/measures/ranking.js';
import { formatScore, readRun, readRunTopics, writeRunTopic } from '../../../../src/evaluate/trec/run-file.js';

const from = (text: string): Readable => Readable.from([text]);

async function written(write: (output: Writable) => Promise<void>): Promise<string> {
  const output = new PassThrough();
  const chunks: Buffer[] = [];
  output.on('data', (chunk: Buffer) => chunks.push(chunk));
  await write(output);
  return Buffer.concat(chunks).toString('utf8');
}

async function topicsOf(text: string): Promise<readonly TopicRanking[]> {
  const topics: TopicRanking[] = [];
  for await (const topic of readRunTopics(from(text))) topics.push(topic);
  return topics;
}

function listing(qrels: Qrels): Readonly<Record<string, readonly Judgement[]>> {
  const topics = Array.from(qrels.topicIds(), (id) => [id, [...(qrels.topic(id)?.judgements() ?? [])]] as const);
  return Object.fromEntries(topics);
}

describe('qrels files', () => {
  it('are read whatever their white space, line ends and order of topics', async () => {
    const qrels = await readQrels(from('\uFEFFq1 0 a 1\r\n\n  q2\t0\tb  0 \nq1 Q0 c -1\n# said later\nq1 0 d 3'));
    expect(listing(qrels)).toEqual({
      q1: [
        { documentId: 'a', relevance: 1 },
        { documentId: 'c', relevance: -1 },
        { documentId: 'd', relevance: 3 },
      ],
      q2: [{ documentId: 'b', relevance: 0 }],
    });
    expect(qrels.topic('q1')?.levelCounts).toEqual([0, 1, 0, 1]);
    expect(qrels.topic('q1')?.relevanceOf('b')).toBeUndefined();
    expect(qrels.topic('q3')).toBeUndefined();
  });

  it('keep a no-break space as part of an id, as trec_eval does', async () => {
    expect(listing(await readQrels(from('q 0 a\u00A0b 1')))).toEqual({ q: [{ documentId: 'a\u00A0b', relevance: 1 }] });
  });

  it.each([
    ['q1 0 a 1\nq1 0 b', 'cats.qrels, line 2: expected 4 fields (topic, iteration, document, relevance) but found 3'],
    ['q1 0 a 1 x', 'cats.qrels, line 1: expected 4 fields (topic, iteration, document, relevance) but found 5'],
    ['\nq1 0 a yes', 'cats.qrels, line 2: expected an integer for the relevance but found yes'],
    ['q1 0 a 1.5', 'cats.qrels, line 1: expected an integer for the relevance but found 1.5'],
    ['q1 0 a 128', 'cats.qrels, line 1: Expected an integer from -127 to 127 for relevance but received 128'],
    ['q1 0 a 1\nq2 0 a 1\nq1 0 a 0', 'The judgements of topic q1 name the document a twice'],
    ['\n', 'cats.qrels holds no judgement'],
  ])('refuse %j', async (text, message) => {
    await expect(readQrels(from(text), 'cats.qrels')).rejects.toThrow(message);
  });

  it('are written so that they are read back as they were', async () => {
    const qrels = qrelsOf([
      [
        'q1',
        [
          { documentId: 'b', relevance: 2 },
          { documentId: 'a', relevance: -1 },
        ],
      ],
      ['q2', [{ documentId: 'a', relevance: 0 }]],
    ]);
    const text = await written((output) => writeQrels(output, qrels));
    expect(text).toBe('q1 0 b 2\nq1 0 a -1\nq2 0 a 0\n');
    expect(listing(await readQrels(from(text)))).toEqual(listing(qrels));
  });

  it('refuse to be written with an id that they cannot hold', async () => {
    const output = new PassThrough().resume();
    const qrels = qrelsOf([['q', [{ documentId: 'my cat', relevance: 1 }]]]);
    await expect(writeQrels(output, qrels)).rejects.toThrow('The document "my cat" must hold no white space');
  });

  it('wait for a stream that is full', async () => {
    let unanswered = 0;
    let most = 0;
    const output = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        most = Math.max(most, ++unanswered);
        setImmediate(() => {
          unanswered--;
          done();
        });
      },
    });
    const judgements = Array.from({ length: 20_000 }, (_, at) => ({ documentId: `document${at}`, relevance: 1 }));
    let chunks = 0;
    output.on('drain', () => chunks++);
    await writeQrels(output, qrelsOf([['q', judgements]]));
    expect(most).toBe(1);
    expect(output.writableLength).toBe(0);
    expect(chunks).toBeGreaterThan(4);
  });
});

describe('judgements from classes', () => {
  const gallery = new Map([
    ['a1', 'a'],
    ['a2', 'a'],
    ['b1', 'b'],
  ]);

  it('leave the query itself out, and list queries without a relevant image', () => {
    const qrels = classQrels(gallery, gallery);
    expect(listing(qrels)).toEqual({
      a1: [{ documentId: 'a2', relevance: 1 }],
      a2: [{ documentId: 'a1', relevance: 1 }],
    });
    expect(qrels.withoutRelevant).toEqual(['b1']);
    expect(qrels.topicCount).toBe(2);
    expect(qrels.topic('b1')).toBeUndefined();
    expect(qrels.topic('a1')?.relevanceOf('a1')).toBeUndefined();
    expect(qrels.topic('a1')?.levelCounts).toEqual([0, 1]);
  });

  it('take every image of the class for a query from outside', () => {
    const qrels = classQrels(
      new Map([
        ['q', 'a'],
        ['r', 'z'],
      ]),
      gallery,
    );
    expect(qrels.topic('q')?.levelCounts).toEqual([0, 2]);
    expect(qrels.topic('q')?.relevanceOf('b1')).toBeUndefined();
    expect(qrels.withoutRelevant).toEqual(['r']);
  });

  it('are the same once written and read', async () => {
    const qrels = classQrels(gallery, gallery);
    const text = await written((output) => writeQrels(output, qrels));
    expect(listing(await readQrels(from(text)))).toEqual(listing(qrels));
  });
});

describe('run files', () => {
  it('are read one topic at a time, before the file ends', async () => {
    const input = new PassThrough();
    const topics = readRunTopics(input);
    input.write('q1 Q0 a 1 0.5 tag\nq1 Q0 b 2 0.25 tag\nq2 Q0 a 1 1 tag\n');
    expect((await topics.next()).value).toEqual({ topicId: 'q1', documentIds: ['a', 'b'], scores: [0.5, 0.25] });
    input.end('q2 Q0 c 2 -inf tag more fields\n');
    expect((await topics.next()).value).toEqual({ topicId: 'q2', documentIds: ['a', 'c'], scores: [1, -Infinity] });
    expect((await topics.next()).done).toBe(true);
  });

  it('are read in any order as a whole, but not in a stream', async () => {
    const text = 'q1 Q0 a 1 0.5 t\nq2 Q0 a 1 1 t\nq1 Q0 b 2 0.25 t\n';
    await expect(topicsOf(text)).rejects.toThrow('run, line 3: topic q1 comes back: sort the file by topic');
    expect((await readRun(from(text))).get('q1')).toEqual({
      topicId: 'q1',
      documentIds: ['a', 'b'],
      scores: [0.5, 0.25],
    });
  });

  it.each([
    ['q Q0 a 1 0.5', 'run, line 1: expected 6 fields (topic, Q0, document, rank, score, tag) but found 5'],
    ['q Q0 a 1 0.5 t\nq Q0 b 2 high t', 'run, line 2: expected a number for the score but found high'],
    ['q Q0 a 1 nan t', 'run, line 1: expected a number for the score but found nan'],
    ['', 'run holds no result'],
  ])('refuse %j', async (text, message) => {
    await expect(topicsOf(text)).rejects.toThrow(message);
    await expect(readRun(from(text))).rejects.toThrow(message);
  });

  it('hold the order and the ties of float32 after writing, for readers of doubles too', async () => {
    const scores = [Infinity, 1e38, 0.7 + 1e-9, 0.7, Math.fround(0.7) - 2 ** -24, 1e-7, 0, -3.5];
    const ranking = { topicId: 'q', documentIds: scores.map((_, at) => `d${at}`), scores };
    const text = await written((output) => writeRunTopic(output, ranking, 'vit'));
    expect(text.split('\n', 1)[0]).toBe('q Q0 d0 1 Infinity vit');
    const [read] = await topicsOf(text);
    expect(Array.from(read?.scores ?? [], Math.fround)).toEqual(scores.map(Math.fround));
    expect(new Set(Array.from(read?.scores ?? [])).size).toBe(new Set(scores.map(Math.fround)).size);
  });

  it('hold every float32 in nine digits', () => {
    const bits = new Uint32Array(1);
    const float = new Float32Array(bits.buffer);
    for (let at = 0; at < 10_000; at++) {
      bits[0] = Math.imul(at + 1, 0x9e3779b1) >>> 0;
      const value = float[0] ?? NaN;
      if (!Number.isNaN(value)) expect(Math.fround(Number(formatScore(value)))).toBe(value + 0);
    }
    expect(() => formatScore(NaN)).toThrow('A score is not a number');
  });
});
