import { describe, expect, it } from 'vitest';
import {
  describeRegion,
  nudgeRegion,
  parseRegion,
  regionBetween,
  regionKey,
} from '../../../web/src/views/search/region.js';

describe('a region of the query picture', () => {
  it('lies between two corners, whichever was first, and never outside the picture', () => {
    const region = { x: 0.1, y: 0.2, width: 0.5, height: 0.3 };
    expect(regionBetween({ x: 0.1, y: 0.2 }, { x: 0.6, y: 0.5 })).toEqual(region);
    expect(regionBetween({ x: 0.6, y: 0.5 }, { x: 0.1, y: 0.2 })).toEqual(region);
    expect(regionBetween({ x: -3, y: 0.5 }, { x: 0.5, y: 7 })).toEqual({ x: 0, y: 0.5, width: 0.5, height: 0.5 });
  });

  it('survives its address', () => {
    for (let step = 0; step < 1000; step++) {
      const region = regionBetween({ x: (step % 31) / 31, y: (step % 17) / 17 }, { x: 1, y: (step % 13) / 13 });
      if (region.width > 0 && region.height > 0) expect(parseRegion(regionKey(region))).toEqual(region);
    }
  });

  it.each([null, '', '1-2-3', '0-0-0-500', '600-0-500-500', '0-0-1001-10', 'a-b-c-d', '0-0-500-500-1', '-1-0-5-5'])(
    'is not read from %j',
    (text) => {
      expect(parseRegion(text)).toBeUndefined();
    },
  );

  it('is moved and resized by keys, within the picture', () => {
    const box = { x: 0.9, y: 0, width: 0.1, height: 0.5 };
    expect(nudgeRegion(box, { x: 0.05, y: 0 }, false)).toEqual(box);
    expect(nudgeRegion(box, { x: -0.05, y: 0.05 }, false)).toEqual({ ...box, x: 0.85, y: 0.05 });
    expect(nudgeRegion(box, { x: 0.05, y: 0.6 }, true)).toEqual({ ...box, height: 1 });
    expect(nudgeRegion(box, { x: -0.5, y: 0 }, true).width).toBeGreaterThan(0);
  });

  it('is described in per cent', () => {
    expect(describeRegion({ x: 0.1, y: 0.25, width: 0.5, height: 0.3 })).toBe(
      '50 % wide, 30 % high, 10 % from the left, 25 % from the top',
    );
  });
});
