import { describe, expect, it } from 'vitest';
import { SemblanceError } from '../../../src/base/errors.js';
import { checkMinSimilarity, checkSearch } from '../../../src/search/check-search.js';

function codeOf(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    return error instanceof SemblanceError ? error.code : String(error);
  }
  return 'accepted';
}

describe('minSimilarity', () => {
  it.each([undefined, -1, 0, 1])('%s is accepted', (value) => {
    expect(checkMinSimilarity(value)).toBe(value);
  });
  it.each([-1.01, 1.01, NaN])('%d is refused', (value) => {
    expect(codeOf(() => checkMinSimilarity(value))).toBe('BAD_USER_INPUT');
  });
});

describe('searches', () => {
  const whole = { x: 0, y: 0, width: 1, height: 1 };

  it('re-rank 100 candidates, or k where that is more', () => {
    expect(checkSearch({ k: 10 }).candidates).toBe(100);
    expect(checkSearch({ k: 300 }).candidates).toBe(300);
    expect(checkSearch({ k: 10, candidates: 10 }).candidates).toBe(10);
  });

  it.each([9, 1001, 10.5, NaN])('of 10 hits with %d candidates are refused', (candidates) => {
    expect(codeOf(() => checkSearch({ k: 10, candidates, rerank: 'SSIM' }))).toBe('BAD_USER_INPUT');
  });

  it.each([whole, { x: 0.7, y: 0.1, width: 0.3, height: 0.2 }, { x: 0.9, y: 0, width: 0.1, height: 1e-9 }])(
    'of the region %j are accepted',
    (region) => {
      expect(checkSearch({ k: 1, region }).region).toEqual(region);
    },
  );

  it.each([
    { ...whole, x: 0.1 },
    { ...whole, y: -0.1, height: 0.5 },
    { ...whole, width: 0 },
    { ...whole, height: -1 },
    { ...whole, width: NaN },
    { ...whole, x: -Infinity },
  ])('of the region %j are refused', (region) => {
    expect(codeOf(() => checkSearch({ k: 1, region }))).toBe('BAD_USER_INPUT');
  });

  it('do not re-rank what may be parts of images', () => {
    expect(codeOf(() => checkSearch({ k: 1, searchRegions: true }))).toBe('accepted');
    expect(codeOf(() => checkSearch({ k: 1, searchRegions: true, rerank: 'SSIM' }))).toBe('BAD_USER_INPUT');
  });
});
