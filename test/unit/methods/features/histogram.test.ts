import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toGrey } from '../../../../src/pixels/luma.js';
import { colorHistogram, greyHistogram } from '../../../../src/methods/features/histogram.js';
import { crop, draw, drawingSha256, type DrawingName } from '../../../support/drawings.js';
import { readGolden } from '../../../support/golden-values.js';

interface Golden {
  readonly sha256: Readonly<Record<string, string>>;
  readonly channels: readonly DrawingName[];
  readonly width: number;
  readonly height: number;
  readonly greySha256: string;
  readonly grey: Readonly<Record<string, number[]>>;
  readonly rgb: Readonly<Record<string, number[]>>;
  readonly hsv: Readonly<Record<string, number[]>>;
}

const golden = readGolden<Golden>('histogram');
const { width, height } = golden;
const channels = golden.channels.map((name) => crop(draw(name), 0, 0, width, height));
const image = {
  width,
  height,
  pixels: Uint8Array.from({ length: width * height * 3 }, (_, i) => channels[i % 3]?.[Math.floor(i / 3)] ?? 0),
};

function counted(histogram: Float32Array): number[] {
  return [...histogram].map((share) => Math.round(share * width * height));
}

describe('histograms', () => {
  it('are held against drawings that are those of the golden values', () => {
    for (const name of golden.channels) expect(drawingSha256(draw(name))).toBe(golden.sha256[name]);
  });

  it('take the greys that OpenCV makes of colours', () => {
    expect(createHash('sha256').update(toGrey(image).pixels).digest('hex')).toBe(golden.greySha256);
  });

  it.each(Object.entries(golden.grey))('of greys equal NumPy: %s bins', (bins, counts) => {
    expect(counted(greyHistogram(toGrey(image), Number(bins), { scale: 'l1' }))).toEqual(counts);
  });

  it.each(Object.entries(golden.rgb))('of RGB equal NumPy: %s bins a channel', (bins, counts) => {
    expect(counted(colorHistogram(image, Number(bins), { scale: 'l1' }))).toEqual(counts);
  });

  it.each(Object.entries(golden.hsv))('of HSV equal NumPy over colorsys: %s bins a channel', (bins, counts) => {
    expect(counted(colorHistogram(image, Number(bins), { scale: 'l1', space: 'hsv' }))).toEqual(counts);
  });

  it('are square roots of the shares by default: of length 1', () => {
    const shares = colorHistogram(image, 4, { scale: 'l1' });
    const roots = colorHistogram(image, 4);
    roots.forEach((root, cell) => {
      expect(root).toBeCloseTo(Math.sqrt(shares[cell] ?? NaN), 6);
    });
    expect(roots.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 6);
  });

  it('refuse an image without pixels, or with too few', () => {
    expect(() => greyHistogram({ width: 0, height: 3, pixels: new Uint8Array() }, 8)).toThrow(RangeError);
    expect(() => colorHistogram({ width: 2, height: 2, pixels: new Uint8Array(4) }, 8)).toThrow(RangeError);
  });
});
