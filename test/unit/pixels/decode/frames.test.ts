import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { FrameReader, writeFrame, type FrameHeader } from '../../../../src/pixels/decode/frames.js';

interface Header extends FrameHeader {
  readonly name: string;
}

const frames = [
  { name: 'empty', bytes: Buffer.alloc(0) },
  { name: 'é', bytes: Buffer.from('abc') },
  { name: 'long', bytes: Buffer.alloc(70_000, 7) },
  { name: 'empty again', bytes: Buffer.alloc(0) },
];

function written(): Buffer {
  const stream = new PassThrough({ highWaterMark: 1_000_000 });
  for (const { name, bytes } of frames) {
    const header: Header = { name, sizeBytes: bytes.byteLength };
    writeFrame(stream, header, bytes);
  }
  return stream.read() as Buffer;
}

test.each([1, 3, 4_096, 1_000_000])('frames arrive whole and in order in pieces of %d bytes', (size) => {
  const arrived: { name: string; bytes: Buffer }[] = [];
  const reader = new FrameReader<Header>({
    parseHeader: (value) => value as Header,
    onFrame: ({ name }, bytes) => arrived.push({ name, bytes }),
  });
  const all = written();
  for (let at = 0; at < all.byteLength; at += size) reader.push(all.subarray(at, at + size));
  expect(arrived).toEqual(frames);
});

test.each([
  ['no header', Buffer.from([0, 0, 0, 0])],
  ['a header that is too long', Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ['a header that is no JSON', Buffer.from([1, 0, 0, 0, 0x7b])],
])('%s is refused', (_name, bytes) => {
  const reader = new FrameReader<Header>({ parseHeader: (value) => value as Header, onFrame: () => undefined });
  expect(() => {
    reader.push(bytes);
  }).toThrow();
});
