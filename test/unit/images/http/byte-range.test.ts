import { expect, test } from 'vitest';
import { parseByteRange } from '../../../../src/images/http/byte-range.js';

test.each([
  ['bytes=0-0', 0, 0],
  ['bytes=2-5', 2, 5],
  ['bytes=2-', 2, 9],
  ['bytes=2-99999999999999999999', 2, 9],
  ['bytes=-3', 7, 9],
  ['bytes=-10', 0, 9],
  ['bytes=-99999999999999999999', 0, 9],
  ['Bytes= 2-5 ', 2, 5],
])('%s of ten bytes is a part', (header, start, end) => {
  expect(parseByteRange(header, 10)).toEqual({ start, end });
});

test.each([
  ['bytes=10-', 10],
  ['bytes=10-20', 10],
  ['bytes=-0', 10],
  ['bytes=0-', 0],
  ['bytes=-1', 0],
])('%s of %d bytes is nothing that there is', (header, sizeBytes) => {
  expect(parseByteRange(header, sizeBytes)).toBe('unsatisfiable');
});

test.each([
  'bytes=',
  'bytes=-',
  'bytes=5-2',
  'bytes=a-b',
  'bytes=1-0x5',
  'bytes=--5',
  'bytes 0-1',
  'pages=0-1',
  'bytes=0-1,3-4',
  '',
])('"%s" is ignored', (header) => {
  expect(parseByteRange(header, 10)).toBeUndefined();
});
