import { describe, expect, it } from 'vitest';
import { ImageSsim, vectorSsim } from '../../../src/math/ssim.js';
import { crop, draw, drawingSha256, type DrawingName } from '../../support/drawings.js';
import { readGolden } from '../../support/golden-values.js';

interface Golden {
  readonly sha256: Readonly<Record<DrawingName, string>>;
  readonly vectors: readonly { a: number[]; b: number[]; dataRange: number | null; ssim: number }[];
  readonly images: readonly {
    a: DrawingName;
    b: DrawingName;
    left: number;
    top: number;
    width: number;
    height: number;
    ssim: number;
  }[];
}

const golden = readGolden<Golden>('ssim');

describe('vectorSsim', () => {
  it.each(golden.vectors)('equals scikit-image to 1e-9: $ssim', ({ a, b, dataRange, ssim }) => {
    expect(vectorSsim(Float32Array.from(a), Float32Array.from(b), dataRange ?? undefined)).toBeCloseTo(ssim, 9);
  });

  it('is 1 for equal vectors, symmetric, and blind to a common scale', () => {
    const [a, b] = golden.vectors.slice(1, 2).flatMap((pair) => [Float64Array.from(pair.a), Float64Array.from(pair.b)]);
    if (a === undefined || b === undefined) throw new Error('The golden file has no second pair');
    expect(vectorSsim(a, a)).toBeCloseTo(1, 12);
    expect(vectorSsim(new Float32Array(3), new Float32Array(3))).toBe(1);
    expect(vectorSsim(a, b)).toBe(vectorSsim(b, a));
    const scaled = [a, b].map((vector) => vector.map((value) => value * 1024)) as [Float64Array, Float64Array];
    expect(vectorSsim(...scaled)).toBeCloseTo(vectorSsim(a, b), 12);
  });

  it('refuses vectors of different lengths', () => {
    expect(() => vectorSsim(new Float32Array(2), new Float32Array(3))).toThrow(RangeError);
  });
});

describe('ImageSsim', () => {
  it('is held against drawings that are those of the golden values', () => {
    const names = Object.keys(golden.sha256) as DrawingName[];
    expect(Object.fromEntries(names.map((name) => [name, drawingSha256(draw(name))]))).toEqual(golden.sha256);
  });

  it.each(golden.images)('equals scikit-image to 1e-9: $a and $b, $width×$height', (pair) => {
    const { left, top, width, height } = pair;
    const ssim = new ImageSsim(width, height);
    const [a, b] = [pair.a, pair.b].map((name) => ssim.prepare(crop(draw(name), left, top, width, height)));
    if (a === undefined || b === undefined) throw new Error('Two images expected');
    expect(ssim.compare(a, b)).toBeCloseTo(pair.ssim, 9);
    expect(ssim.compare(b, a)).toBeCloseTo(pair.ssim, 9);
  });

  it('keeps what was prepared while it compares others', () => {
    const ssim = new ImageSsim(64, 64);
    const [a, b, c] = (['shapes', 'octaves', 'rings'] as const).map((name) =>
      ssim.prepare(crop(draw(name), 0, 0, 64, 64)),
    );
    if (a === undefined || b === undefined || c === undefined) throw new Error('Three images expected');
    const first = ssim.compare(a, b);
    ssim.compare(b, c);
    expect(ssim.compare(a, b)).toBe(first);
  });

  it('refuses an image that no window fits into, and one of another size', () => {
    expect(() => new ImageSsim(10, 64)).toThrow('at least 11×11');
    expect(() => new ImageSsim(64, 64).prepare(new Uint8Array(63 * 64))).toThrow(RangeError);
  });
});
