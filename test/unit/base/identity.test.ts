import { describe, expect, it } from 'vitest';
import { imageIdOf, sha256Hex } from '../../../src/base/identity.js';

describe('sha256Hex', () => {
  it.each([
    // FIPS 180-2, appendix B.1, and the digest of nothing.
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ])('of %j', (text, expected) => {
    expect(sha256Hex(Buffer.from(text))).toBe(expected);
  });
});

describe('imageIdOf', () => {
  it('is the digest with version 8 and the variant written over six bits', () => {
    expect(imageIdOf('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')).toBe(
      'ba7816bf-8f01-8fea-8141-40de5dae2223',
    );
    expect(imageIdOf('f'.repeat(64))).toBe('ffffffff-ffff-8fff-bfff-ffffffffffff');
    expect(imageIdOf('0'.repeat(64))).toBe('00000000-0000-8000-8000-000000000000');
  });

  it('is a UUID of version 8 and the RFC variant for any bytes', () => {
    for (let seed = 0; seed < 200; seed++) {
      const id = imageIdOf(sha256Hex(Buffer.from([seed])));
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it.each(['', 'ba78', 'B'.repeat(64), `${'a'.repeat(63)}g`])('refuses %j', (text) => {
    expect(() => imageIdOf(text)).toThrow(RangeError);
  });
});
