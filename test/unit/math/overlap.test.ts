import { describe, expect, it } from 'vitest';
import { overlapAt } from '../../../src/math/overlap.js';

describe('overlapAt', () => {
  it('is the share of the first k that both hold, in whatever order', () => {
    expect(overlapAt(['a', 'b', 'c'], ['b', 'a', 'd'], 2)).toBe(1);
    expect(overlapAt(['a', 'b', 'c'], ['b', 'a', 'd'], 3)).toBeCloseTo(2 / 3, 12);
    expect(overlapAt(['a', 'b', 'c'], ['b', 'a', 'd'], 1)).toBe(0);
  });

  it('divides by the longer ranking where there are fewer than k', () => {
    expect(overlapAt(['a', 'b'], ['b', 'a'], 10)).toBe(1);
    expect(overlapAt(['a', 'b', 'c', 'd'], ['b'], 10)).toBe(0.25);
    expect(overlapAt([], ['b'], 10)).toBe(0);
    expect(overlapAt([], [], 10)).toBe(1);
  });
});
