import type { Readable } from 'node:stream';

export interface ResumePoint {
  /** Topics that are whole, in the order of the file. */
  readonly topicIds: readonly string[];
  /** Where the file is to be cut before more is appended. */
  readonly byteLength: number;
}

const newline = 0x0a;

/**
 * How much of a run file that `writeRunTopic` wrote can stay when a cut-off run goes on. Whether the last topic is whole
 * cannot be seen, so it is done again, and so is what follows the last line end.
 * @param input bytes, without an encoding set
 */
export async function resumePoint(input: Readable): Promise<ResumePoint> {
  const topicIds: string[] = [];
  let current: string | undefined;
  let topicStart = 0;
  let lineStart = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of input as AsyncIterable<Buffer>) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(newline, from); end !== -1; end = bytes.indexOf(newline, from)) {
      const space = bytes.indexOf(' ', from);
      const topicId = bytes.toString('utf8', from, space === -1 ? end : Math.min(space, end));
      if (topicId !== current) {
        if (current !== undefined) topicIds.push(current);
        current = topicId;
        topicStart = lineStart;
      }
      lineStart += end + 1 - from;
      from = end + 1;
    }
    rest = bytes.subarray(from);
  }
  return { topicIds, byteLength: topicStart };
}
