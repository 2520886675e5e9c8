import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatMs, formatSimilarity } from '../../../web/src/lib/format.js';

describe('figures on the page', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 KB'],
    [54_321, '54 KB'],
    [999_499, '999 KB'],
    [999_500, '1.0 MB'],
    [1_234_567, '1.2 MB'],
    [20_000_000, '20 MB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('gives a similarity of 1 to nothing but the same', () => {
    expect([1, 0.99999, 0.9994, 0.5, -0.25].map(formatSimilarity)).toEqual([
      '1.000',
      '0.999',
      '0.999',
      '0.500',
      '-0.250',
    ]);
  });

  it('counts', () => {
    expect([formatCount(1, 'picture'), formatCount(0, 'picture'), formatCount(12_000, 'picture')]).toEqual([
      '1 picture',
      '0 pictures',
      '12,000 pictures',
    ]);
  });

  it('shows tenths of a millisecond where they tell', () => {
    expect([0.04, 3.14, 9.96, 123.4].map(formatMs)).toEqual(['0.0 ms', '3.1 ms', '10 ms', '123 ms']);
  });
});
