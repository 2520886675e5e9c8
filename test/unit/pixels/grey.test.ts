import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { DecodedImage } from '../../../src/pixels/decode/decoded-image.js';
import { makeGrey } from '../../../src/pixels/grey.js';
import { greySidePixels } from '../../../src/base/limits.js';
import { drawPixels } from '../../support/make-image.js';

const pixelCount = greySidePixels ** 2;

function plain(width: number, height: number, color: readonly [number, number, number]): DecodedImage {
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => color[i % 3] ?? 0);
  return { mediaType: 'image/png', width, height, pixels };
}

describe('makeGrey', () => {
  it.each([
    ['red', [255, 0, 0], 76],
    ['green', [0, 255, 0], 150],
    ['blue', [0, 0, 255], 29],
    ['white', [255, 255, 255], 255],
    ['a grey', [117, 117, 117], 117],
  ] as const)('takes the luma of BT.601: %s', async (_, color, luma) => {
    expect(await makeGrey(plain(100, 80, color))).toEqual(Buffer.alloc(pixelCount, luma));
  });

  it('stretches the whole image over the square', async () => {
    // Left half black, right half white; upper quarter of a tall one white.
    const wide = plain(300, 20, [0, 0, 0]);
    for (let i = 0; i < wide.pixels.length; i++) if (Math.floor(i / 3) % 300 >= 150) wide.pixels[i] = 255;
    const grey = await makeGrey(wide);
    expect([grey[0], grey[28], grey[35], grey[63]]).toEqual([0, 0, 255, 255]);
    expect(grey.subarray(63 * 64)).toEqual(grey.subarray(0, 64));
    const tall = plain(20, 400, [0, 0, 0]);
    tall.pixels.fill(255, 0, 100 * 20 * 3);
    const greyTall = await makeGrey(tall);
    expect([greyTall[0], greyTall[12 * 64], greyTall[19 * 64], greyTall[63 * 64]]).toEqual([255, 255, 0, 0]);
  });

  it('leaves an image of that size as it is, but for the colour', async () => {
    const image: DecodedImage = {
      mediaType: 'image/png',
      width: greySidePixels,
      height: greySidePixels,
      pixels: drawPixels(1, greySidePixels, greySidePixels),
    };
    const luma = Buffer.from(
      Array.from({ length: pixelCount }, (_, i) => {
        const [red = 0, green = 0, blue = 0] = image.pixels.subarray(3 * i, 3 * i + 3);
        return Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
      }),
    );
    const grey = await makeGrey(image);
    // Fixed point and floating point part where a luma lies at a half.
    expect(grey.every((value, i) => Math.abs(value - (luma[i] ?? NaN)) <= 1)).toBe(true);
    expect(grey.filter((value, i) => value !== luma[i]).length).toBeLessThan(pixelCount / 100);
  });

  it('shows a transparent picture on the background that shows it', async () => {
    const white = plain(100, 80, [255, 255, 255]);
    const drawn: DecodedImage = { ...white, pixels: drawPixels(2, 100, 80) };
    const grey = await makeGrey({ ...white, contrasted: drawn.pixels });
    expect(grey).toEqual(await makeGrey(drawn));
    expect(grey).not.toEqual(await makeGrey(white));
  });

  it.each([
    [1, 1],
    [1, 200_000],
    [200_000, 1],
    [3, 500],
  ])('makes the same size of %i × %i pixels', async (width, height) => {
    expect(await makeGrey(plain(width, height, [9, 9, 9]))).toEqual(Buffer.alloc(pixelCount, 9));
  });

  it('shows much the same of a photo whatever its resolution', async () => {
    const file = await readFile(new URL('../../fixtures/images/jpeg-photo-size.jpg', import.meta.url));
    const greyAt = async (width: number, height: number) => {
      const { data, info } = await sharp(file)
        .resize({ width, height, fit: 'fill' })
        .removeAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true });
      return makeGrey({ mediaType: 'image/jpeg', width: info.width, height: info.height, pixels: data });
    };
    const [large, small] = await Promise.all([greyAt(600, 400), greyAt(200, 300)]);
    const difference = large.reduce((sum, value, i) => sum + Math.abs(value - (small[i] ?? NaN)), 0) / pixelCount;
    expect(difference).toBeLessThan(3);
    expect(new Set(large).size).toBeGreaterThan(50);
  });
});
