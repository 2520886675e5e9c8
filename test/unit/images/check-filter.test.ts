import { describe, expect, it } from 'vitest';
import { SemblanceError } from '../../../src/base/errors.js';
import { checkFilter } from '../../../src/images/check-filter.js';

function codeOf(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    return error instanceof SemblanceError ? error.code : String(error);
  }
  return 'accepted';
}

describe('filters', () => {
  it('pass where every field is well-formed', () => {
    const filter = { metadata: { a: 1 }, filenameContains: '%', sha256: '0'.repeat(64), createdAfter: new Date(0) };
    expect(checkFilter(filter)).toEqual(filter);
  });
  it('hold metadata as they were checked: what JSON leaves out is gone, and nothing reads the value again', () => {
    const calls = { count: 0 };
    const value = { a: undefined, b: { c: () => 1, d: 2 }, e: { toJSON: () => ++calls.count } };
    const filter = checkFilter({ metadata: value });
    expect(JSON.stringify(filter)).toBe('{"metadata":{"b":{"d":2},"e":1}}');
    expect(filter?.metadata).toStrictEqual({ b: { d: 2 }, e: 1 });
    expect(calls.count).toBe(1);
  });
  it('are refused where sha256 is none, or a text cannot be stored', () => {
    expect(codeOf(() => checkFilter({ sha256: 'A'.repeat(64) }))).toBe('BAD_USER_INPUT');
    expect(codeOf(() => checkFilter({ filenameContains: 'a\0' }))).toBe('BAD_USER_INPUT');
  });
});
