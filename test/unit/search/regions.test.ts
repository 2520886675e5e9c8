import { describe, expect, it } from 'vitest';
import { regionsOf } from '../../../src/search/regions.js';

describe('regionsOf', () => {
  const regions = regionsOf();

  it('gives nine different boxes of half the sides, inside the image', () => {
    expect(new Set(regions.map(({ x, y }) => `${x} ${y}`)).size).toBe(9);
    for (const { x, y, width, height } of regions) {
      expect([width, height]).toEqual([0.5, 0.5]);
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
      expect(Math.max(x + width, y + height)).toBeLessThanOrEqual(1);
    }
  });

  it('holds every object of a quarter of the sides whole in one of them', () => {
    for (let left = 0; left <= 0.75; left += 0.05) {
      for (let top = 0; top <= 0.75; top += 0.05) {
        const holding = regions.filter(
          ({ x, y, width, height }) => x <= left && y <= top && left + 0.25 <= x + width && top + 0.25 <= y + height,
        );
        expect(holding.length, `${left} ${top}`).toBeGreaterThan(0);
      }
    }
  });
});
