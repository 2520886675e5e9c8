import { describe, expect, it } from 'vitest';
import { hog, hogLength } from '../../../../src/methods/features/hog.js';
import { crop, draw, drawingSha256, type DrawingName } from '../../../support/drawings.js';
import { readGolden } from '../../../support/golden-values.js';

interface Golden {
  readonly sha256: Readonly<Record<string, string>>;
  readonly cases: readonly {
    name: DrawingName;
    left: number;
    top: number;
    width: number;
    height: number;
    hog: number[];
  }[];
}

const golden = readGolden<Golden>('hog');

describe('hog', () => {
  it.each(golden.cases)('equals scikit-image to 1e-6: $name, $width×$height', (wanted) => {
    const { name, left, top, width, height } = wanted;
    const drawing = draw(name);
    expect(drawingSha256(drawing)).toBe(golden.sha256[name]);
    const descriptor = hog({ width, height, pixels: crop(drawing, left, top, width, height) });
    expect(descriptor).toHaveLength(hogLength(width, height));
    expect(descriptor).toHaveLength(wanted.hog.length);
    const furthest = wanted.hog.map((value, index) => Math.abs(value - (descriptor[index] ?? NaN)));
    expect(Math.max(...furthest)).toBeLessThan(1e-6);
  });

  it('has 324 numbers for 32×32 pixels', () => {
    expect(hogLength(32, 32)).toBe(324);
  });

  it('is zero where nothing changes', () => {
    expect(hog({ width: 16, height: 16, pixels: new Uint8Array(256).fill(90) })).toEqual(new Float32Array(36));
  });

  it('refuses an image that no block fits into', () => {
    expect(hogLength(15, 40)).toBe(0);
    expect(() => hog({ width: 15, height: 40, pixels: new Uint8Array(600) })).toThrow('No block of 16×16 pixels');
  });
});
