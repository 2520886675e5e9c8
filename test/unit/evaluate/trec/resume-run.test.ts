import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { resumePoint } from '../../../../src/evaluate/trec/resume-run.js';
import { writeRunTopic } from '../../../../src/evaluate/trec/run-file.js';

async function runOf(...topicIds: readonly string[]): Promise<Buffer> {
  const output = new PassThrough();
  for (const topicId of topicIds) {
    await writeRunTopic(output, { topicId, documentIds: ['é1', 'b', 'c'], scores: [3, 2, 1] }, 'vit');
  }
  return output.read() as Buffer;
}

const chunked = (bytes: Buffer, size: number): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size)),
  );

describe('a run that was cut off', () => {
  it('goes on with its last topic, wherever it was cut', async () => {
    const whole = await runOf('ü1', 'q2', 'q3');
    const two = await runOf('ü1', 'q2');
    const firstLine = whole.indexOf('\n', two.length) + 1;
    for (let length = firstLine; length <= whole.length; length++) {
      const point = await resumePoint(chunked(whole.subarray(0, length), 7));
      expect(point).toEqual({ topicIds: ['ü1', 'q2'], byteLength: two.length });
    }
  });

  it('does again a topic whose successor has no whole line', async () => {
    const whole = await runOf('q1', 'q2');
    const one = await runOf('q1');
    expect(await resumePoint(chunked(whole.subarray(0, one.length + 4), 5))).toEqual({ topicIds: [], byteLength: 0 });
  });

  it('begins anew where nothing was written', async () => {
    expect(await resumePoint(Readable.from([]))).toEqual({ topicIds: [], byteLength: 0 });
  });
});
