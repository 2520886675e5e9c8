import { describe, expect, it } from 'vitest';
import { formatSeconds, RateMeter } from '../../../src/cli/progress.js';

describe('RateMeter', () => {
  it('counts what was done in the last ten seconds', () => {
    let nowMs = 0;
    const meter = new RateMeter(() => nowMs);
    for (let second = 0; second < 20; second++) {
      for (let item = 0; item < 100; item++) meter.count();
      nowMs += 1000;
    }
    expect(meter.perSecond()).toBeGreaterThan(90);
    for (let second = 0; second < 20; second++) {
      nowMs += 1000;
      meter.count();
    }
    expect(meter.perSecond()).toBeCloseTo(1, 0);
  });

  it('knows nothing before anything was done', () => {
    expect(new RateMeter(() => 5).perSecond()).toBe(0);
  });
});

describe('formatSeconds', () => {
  it.each([
    [0, '0 s'],
    [59.2, '1 min 0 s'],
    [61, '1 min 1 s'],
    [3 * 3600 + 125, '3 h 2 min'],
    [Infinity, '–'],
    [NaN, '–'],
  ])('%f is %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });
});
