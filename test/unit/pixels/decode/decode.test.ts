import { readdirSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { SemblanceError } from '../../../../src/base/errors.js';
import { ImageDecoder } from '../../../../src/pixels/decode/decode.js';
import type { DecodedImage } from '../../../../src/pixels/decode/decoded-image.js';
import '../../../../src/pixels/sharp.js';
import { maxConcurrentDecodes, maxImagePixels } from '../../../../src/base/limits.js';
import {
  acceptedFixture,
  acceptedFixtures,
  fixtureBytes,
  readGolden,
  refusedFixtures,
} from '../../../fixtures/images.js';
import { makeJpeg, makePng } from '../../../support/make-image.js';

const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: maxConcurrentDecodes });

afterAll(() => decoder.close());

const decodeFixture = (name: string): Promise<DecodedImage> =>
  decoder.decode(fixtureBytes(acceptedFixture(name)), 'bulk');

function meanDifference(a: DecodedImage, b: DecodedImage): number {
  expect([a.width, a.height]).toEqual([b.width, b.height]);
  const total = a.pixels.reduce((sum, value, index) => sum + Math.abs(value - (b.pixels[index] ?? 0)), 0);
  return total / a.pixels.length;
}

const rgbAt = ({ pixels, width }: DecodedImage, x: number, y: number): number[] => [
  ...pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
];

describe('the fixtures', () => {
  it('are all in the table, and all have golden values', () => {
    const files = [...acceptedFixtures, ...refusedFixtures].map(({ file }) => file);
    expect(files.toSorted()).toEqual(readdirSync(new URL('../../../fixtures/images', import.meta.url)).toSorted());
    expect(Object.keys(readGolden().images).toSorted()).toEqual(acceptedFixtures.map(({ name }) => name).toSorted());
  });
});

describe('ImageDecoder', () => {
  it.each(acceptedFixtures)('decodes $file: $reason', async (fixture) => {
    const image = await decoder.decode(fixtureBytes(fixture), 'bulk');
    expect(image).toMatchObject({ mediaType: fixture.mediaType, width: fixture.width, height: fixture.height });
    expect(image.pixels).toHaveLength(fixture.width * fixture.height * 3);
    expect(readGolden().images[fixture.name]).toMatchObject({ width: fixture.width, height: fixture.height });
  });

  it.each(refusedFixtures)('refuses $file: $reason', async (fixture) => {
    const error: unknown = await decoder.decode(fixtureBytes(fixture), 'bulk').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SemblanceError);
    expect(error).toMatchObject({ code: fixture.code, message: expect.stringMatching(fixture.message) as string });
  });

  // Lossy or lossless, the picture is one; the tolerances are those of the encoders.
  it.each([
    ['jpeg', 6],
    ['jpeg-progressive', 6],
    ['jpeg-cmyk-profile', 40],
    ['jpeg-orientation-2', 6],
    ['jpeg-orientation-3', 6],
    ['jpeg-orientation-4', 6],
    ['jpeg-orientation-5', 6],
    ['jpeg-orientation-6', 6],
    ['jpeg-orientation-7', 6],
    ['jpeg-orientation-8', 6],
    ['png-interlaced', 0],
    ['png-16-bit', 0.5],
    ['webp', 6],
    ['webp-animated', 6],
    ['avif', 6],
    ['gif-animated', 6],
    ['tiff', 0],
    ['png-palette', 6],
  ])('shows in %s what png.png shows, within %d', async (name, tolerance) => {
    expect(meanDifference(await decodeFixture(name), await decodeFixture('png'))).toBeLessThanOrEqual(tolerance);
  });

  it('lays alpha over white', async () => {
    const image = await decodeFixture('png-alpha');
    expect(rgbAt(image, 95, 71)).toEqual([255, 255, 255]);
    expect(rgbAt(image, 0, 0)).toEqual(rgbAt(await decodeFixture('png'), 0, 0));
  });

  it('converts an embedded profile to sRGB, alike at 8 and 16 bits', async () => {
    const [wide8, wide16, plain] = await Promise.all(
      ['jpeg-wide-gamut', 'png-16-bit-wide-gamut', 'png'].map((name) => decodeFixture(name)),
    );
    if (wide8 === undefined || wide16 === undefined || plain === undefined) throw new Error('a fixture is missing');
    expect(meanDifference(wide8, wide16)).toBeLessThan(6);
    // The house's red is more saturated in Display P3 than the same numbers in sRGB.
    expect(rgbAt(wide16, 75, 40)[1]).toBeLessThan((rgbAt(plain, 75, 40)[1] ?? 0) - 10);
  });

  it('refuses one pixel over the limit and takes the limit itself', async () => {
    const bytes = await makePng(1, { width: 20, height: 10 });
    const exact = new ImageDecoder({ maxPixels: 200, concurrency: 1 });
    const tight = new ImageDecoder({ maxPixels: 199, concurrency: 1 });
    await expect(exact.decode(bytes, 'bulk')).resolves.toMatchObject({ width: 20, height: 10 });
    await expect(tight.decode(bytes, 'bulk')).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
  });

  it('refuses any truncation of a JPEG and a PNG', async () => {
    for (const bytes of [await makeJpeg(2), await makePng(2)]) {
      for (const share of [0.2, 0.5, 0.9]) {
        const cut = bytes.subarray(0, Math.floor(bytes.length * share));
        await expect(decoder.decode(cut, 'bulk')).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
      }
    }
  });

  it('gives back its turn after a failure, and runs no more than it may at once', async () => {
    const single = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });
    await expect(single.decode(fixtureBytes({ file: 'truncated.jpg' }), 'bulk')).rejects.toMatchObject({
      code: 'INVALID_IMAGE',
    });
    let running = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
    };
    const bytes = await makePng(3);
    await Promise.all([1, 2, 3].map(() => single.use(bytes, 'bulk', work)));
    expect(most).toBe(1);
  });

  it('stops waiting when its signal aborts', async () => {
    const single = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });
    const bytes = await makePng(4);
    const controller = new AbortController();
    const first = single.decode(bytes, 'bulk');
    const second = single.decode(bytes, 'bulk', controller.signal);
    controller.abort(new Error('the client left'));
    await expect(second).rejects.toThrow('the client left');
    await expect(first).resolves.toMatchObject({ mediaType: 'image/png' });
  });

  it('takes CMYK without a profile for bare inks, over every pixel of a large image', async () => {
    const side = 1_100;
    const inks = await sharp({ create: { width: side, height: side, channels: 3, background: '#c06030' } })
      .toColourspace('cmyk')
      .tiff({ compression: 'lzw' })
      .toBuffer();
    expect(await sharp(inks).metadata()).toMatchObject({ space: 'cmyk', hasProfile: false });
    const image = await decoder.decode(inks, 'bulk');
    expect(image.pixels).toHaveLength(side * side * 3);
    const { data } = await sharp(inks).pipelineColourspace('cmyk').toColourspace('cmyk').raw().toBuffer({
      resolveWithObject: true,
    });
    const [cyan = NaN, magenta = NaN, yellow = NaN, black = NaN] = data;
    const expected = [cyan, magenta, yellow].map((ink) => Math.round(((255 - ink) * (255 - black)) / 255));
    for (const [channel, value] of rgbAt(image, side - 1, side - 1).entries()) {
      expect(Math.abs(value - (expected[channel] ?? NaN))).toBeLessThanOrEqual(1);
    }
    expect(new Set(Array.from({ length: side }, (_, row) => rgbAt(image, row, row).join())).size).toBe(1);
  });

  it('leaves libvips without a renderer for SVG', async () => {
    const svg = fixtureBytes({ file: 'drawing.svg' });
    await expect(sharp(svg).metadata()).rejects.toThrow(/unsupported image format/);
  });
});
