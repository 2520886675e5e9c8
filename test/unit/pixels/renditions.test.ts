import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ImageDecoder } from '../../../src/pixels/decode/decode.js';
import type { DecodedImage } from '../../../src/pixels/decode/decoded-image.js';
import { makeRendition, makeThumbnail } from '../../../src/pixels/renditions.js';
import { maxImagePixels, maxWebpSidePixels } from '../../../src/base/limits.js';
import { acceptedFixture, fixtureBytes } from '../../fixtures/images.js';
import { drawPixels } from '../../support/make-image.js';

const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });

const image = (width: number, height: number): DecodedImage => ({
  mediaType: 'image/png',
  width,
  height,
  pixels: drawPixels(5, width, height),
});

describe('makeThumbnail', () => {
  it.each([
    [image(640, 480), 320, 240],
    [image(480, 640), 240, 320],
    [image(321, 320), 320, 319],
    [image(96, 72), 320, 240],
    [image(1, 1), 320, 320],
    [image(1, 10_000), 1, 320],
    [image(10_000, 1), 320, 1],
  ])('has 320 pixels on its longer side', async (source, width, height) => {
    expect(await sharp(await makeThumbnail(source)).metadata()).toMatchObject({ format: 'webp', width, height });
  });
});

describe('makeRendition', () => {
  it('is a full-size WebP, upright and without metadata', async () => {
    const bytes = fixtureBytes(acceptedFixture('jpeg-orientation-6'));
    const original = await sharp(bytes).metadata();
    expect(original).toMatchObject({ orientation: 6, width: 72, height: 96 });
    const rendition = await makeRendition(await decoder.decode(bytes, 'bulk'));
    const header = await sharp(rendition).metadata();
    expect(header).toMatchObject({ format: 'webp', width: 96, height: 72 });
    expect([header.orientation, header.exif, header.icc, header.xmp]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('shows what the original shows', async () => {
    const source = image(120, 90);
    const shown = await sharp(await makeRendition(source))
      .raw()
      .toBuffer();
    const difference = shown.reduce((sum, value, index) => sum + Math.abs(value - (source.pixels[index] ?? 0)), 0);
    expect(difference / shown.length).toBeLessThan(6);
  });

  it('is scaled down to what WebP can hold', async () => {
    const header = await sharp(await makeRendition(image(20_000, 20))).metadata();
    expect(header).toMatchObject({ width: maxWebpSidePixels, height: 16 });
  });
});
