import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/math/random.js';

describe('Random', () => {
  it('repeats itself for a seed, and differs between seeds', () => {
    const draws = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 8 }, () => random.uint32());
    };
    expect(draws(7)).toEqual(draws(7));
    expect(draws(7)).not.toEqual(draws(8));
    expect(new Set(draws(0)).size).toBe(8);
  });

  it('is uniform in 0…1: chi-squared over 64 bins below its 99.9th percentile', () => {
    const random = new Random(1);
    const counts = new Array<number>(64).fill(0);
    for (let i = 0; i < 64_000; i++) {
      const value = random.next();
      expect(value >= 0 && value < 1).toBe(true);
      counts[Math.floor(value * 64)] = (counts[Math.floor(value * 64)] ?? 0) + 1;
    }
    expect(counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(103.4);
  });

  it('has normal numbers of mean 0, variance 1 and kurtosis 3', () => {
    const random = new Random(2);
    const values = Array.from({ length: 50_000 }, () => random.normal());
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length;
    expect(moment(1)).toBeCloseTo(0, 1);
    expect(moment(2)).toBeCloseTo(1, 1);
    expect(moment(4)).toBeGreaterThan(2.8);
    expect(moment(4)).toBeLessThan(3.2);
  });

  it('permutes and samples without repetition', () => {
    const random = new Random(3);
    const permutation = random.permutation(100);
    expect([...permutation]).not.toEqual([...permutation].sort((x, y) => x - y));
    expect(new Set(permutation).size).toBe(100);
    expect(new Set(random.sample(50, 20)).size).toBe(20);
    expect(random.sample(5, 9)).toHaveLength(5);
  });
});
