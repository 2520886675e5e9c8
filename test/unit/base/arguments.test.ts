import { describe, expect, it } from 'vitest';
import { SemblanceError } from '../../../src/base/errors.js';
import {
  checkId,
  checkK,
  checkMetadata,
  checkPageSize,
  checkSeed,
  checkSpaceName,
} from '../../../src/base/arguments.js';

function codeOf(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    return error instanceof SemblanceError ? error.code : String(error);
  }
  return 'accepted';
}

describe('k and first', () => {
  it.each([1, 10, 1000])('k: %d is accepted', (k) => {
    expect(checkK(k)).toBe(k);
  });
  it.each([0, -1, 1001, 1.5, NaN, Infinity])('k: %d is refused', (k) => {
    expect(codeOf(() => checkK(k))).toBe('BAD_USER_INPUT');
  });
  it.each([0, 101])('first: %d is refused', (first) => {
    expect(codeOf(() => checkPageSize(first))).toBe('BAD_USER_INPUT');
  });
});

describe('ids', () => {
  it('are taken in either case', () => {
    expect(checkId('0A000000-0000-8000-8000-000000000000')).toBe('0a000000-0000-8000-8000-000000000000');
  });
  it.each(['', '1', '0a000000-0000-8000-8000-00000000000g', '0a000000000080008000000000000000', "'; drop table image"])(
    '%j is refused',
    (id) => {
      expect(codeOf(() => checkId(id))).toBe('BAD_USER_INPUT');
    },
  );
});

describe('metadata', () => {
  it('is an empty object where none is given', () => {
    expect(checkMetadata(undefined)).toEqual({});
    expect(checkMetadata(null)).toEqual({});
  });
  it.each([[[]], ['text'], [1], [true]])('%j is refused', (value) => {
    expect(codeOf(() => checkMetadata(value))).toBe('BAD_USER_INPUT');
  });
  it('holds at most 8 KiB of JSON, counted in bytes', () => {
    const overhead = Buffer.byteLength('{"a":""}');
    const full = { a: 'é'.repeat((8192 - overhead) / 2) };
    expect(checkMetadata(full)).toEqual(full);
    expect(codeOf(() => checkMetadata({ a: `${full.a}x` }))).toBe('BAD_USER_INPUT');
  });
  // SELECT length('1e-300'::jsonb::text)
  it.each([
    [1e-300, 302],
    [-1e-300, 303],
    [1.25e-7, 11],
    [5e-324, 326],
    [1e21, 22],
    [-1.7976931348623157e308, 310],
    [1e20, 21],
    [0.000001, 8],
  ])('counts %d as the %i bytes of digits that jsonb writes', (number, digits) => {
    const overhead = Buffer.byteLength('{"a":"","b":}');
    const text = 'x'.repeat(8192 - overhead - digits);
    expect(codeOf(() => checkMetadata({ a: text, b: number }))).toBe('accepted');
    expect(codeOf(() => checkMetadata({ a: `${text}x`, b: number }))).toBe('BAD_USER_INPUT');
  });
  it('counts no digits for text that looks like a number', () => {
    const text = ['1e-300', '\\"', '1e+308', '",1e-300'].join(' ');
    const full = { [text]: Array<string>(200).fill(text) };
    expect(checkMetadata(full)).toEqual(full);
  });
  it('is stored as it was checked: what JSON leaves out is gone, and nothing reads the value again', () => {
    const calls = { count: 0 };
    const value = { a: undefined, b: { c: () => 1, d: 2 }, e: { toJSON: () => ++calls.count } };
    const stored = checkMetadata(value);
    expect(JSON.stringify(stored)).toBe('{"b":{"d":2},"e":1}');
    expect(calls.count).toBe(1);
    expect(codeOf(() => checkMetadata({ toJSON: () => 'text' }))).toBe('BAD_USER_INPUT');
    expect(codeOf(() => checkMetadata({ toJSON: () => undefined }))).toBe('BAD_USER_INPUT');
  });
  it('keeps __proto__ as a field of its own, and drops what is inherited', () => {
    const own = checkMetadata(JSON.parse('{"__proto__":{"admin":true},"a":1}'));
    expect(JSON.stringify(own)).toBe('{"__proto__":{"admin":true},"a":1}');
    expect(Object.getPrototypeOf(own)).toBe(Object.prototype);
    const inherited = checkMetadata(Object.create({ admin: true }, { a: { value: 1, enumerable: true } }));
    expect(inherited).toStrictEqual({ a: 1 });
    expect('admin' in inherited).toBe(false);
  });
  it('is refused where Postgres could not hold it', () => {
    expect(codeOf(() => checkMetadata({ a: 'nul \0' }))).toBe('BAD_USER_INPUT');
    expect(codeOf(() => checkMetadata({ a: 'lone \ud800' }))).toBe('BAD_USER_INPUT');
    expect(codeOf(() => checkMetadata({ a: 'the text \\u0000, written out' }))).toBe('accepted');
  });
});

describe('the name of a space', () => {
  it.each(['a', '9', 'hog-bovw', 'vit.whiten-256', 'a_b', 'a'.repeat(63)])('%s is accepted', (name) => {
    expect(checkSpaceName(name)).toBe(name);
  });
  it.each(['', 'A', 'two words', '-h', '.', 'ä', 'a/b', "a'b", 'a\0', 'a'.repeat(64)])('%j is refused', (name) => {
    expect(codeOf(() => checkSpaceName(name))).toBe('BAD_USER_INPUT');
  });
});

describe('seeds', () => {
  it('are 1 unless given, and whole numbers of 32 bits', () => {
    expect(checkSeed(undefined)).toBe(1);
    expect(checkSeed(0)).toBe(0);
    expect(codeOf(() => checkSeed(-1))).toBe('BAD_USER_INPUT');
    expect(codeOf(() => checkSeed(2 ** 32))).toBe('BAD_USER_INPUT');
  });
});
