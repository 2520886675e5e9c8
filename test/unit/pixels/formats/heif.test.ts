import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { ImageDecoder } from '../../../../src/pixels/decode/decode.js';
import type { DecodedImage } from '../../../../src/pixels/decode/decoded-image.js';
import { maxImagePixels } from '../../../../src/base/limits.js';
import { heifFixture } from '../../../fixtures/heif.js';
import { acceptedFixture, fixtureBytes } from '../../../fixtures/images.js';
import { box, codedPicture, gridData, heifFile, u32, type HeifItem } from '../../../support/heif-file.js';

const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });

afterAll(() => decoder.close());

const decode = (bytes: Buffer): Promise<DecodedImage> => decoder.decode(bytes, 'bulk');
const decodeImage = (name: string): Promise<DecodedImage> => decode(fixtureBytes(acceptedFixture(name)));

function meanDifference(a: DecodedImage, b: DecodedImage): number {
  expect([a.width, a.height]).toEqual([b.width, b.height]);
  return a.pixels.reduce((sum, value, index) => sum + Math.abs(value - (b.pixels[index] ?? 0)), 0) / a.pixels.length;
}

const picture = codedPicture();
const item = (more: Partial<HeifItem> = {}): HeifItem => ({
  type: 'hvc1',
  data: picture.data,
  width: 96,
  height: 72,
  ...more,
});
const gainMap = { item: 1, urn: 'urn:com:apple:photo:2020:aux:hdrgainmap' };

describe('HEIC', () => {
  it.each([
    ['plain.heic', 'png', 3],
    // Chroma at half the size; the thumbnail beside it is 40 × 30.
    ['subsampled-thumbnail.heic', 'png', 6],
    ['10-bit.heic', 'png', 3],
    ['display-p3-icc.heic', 'jpeg-wide-gamut', 3],
    ['display-p3-nclx.heic', 'jpeg-wide-gamut', 3],
    ['alpha.heic', 'png-alpha', 3],
  ])('shows in %s what the fixture %s shows, within %d', async (file, expected, tolerance) => {
    const image = await decode(heifFixture(file));
    expect(image.mediaType).toBe('image/heic');
    expect(meanDifference(image, await decodeImage(expected))).toBeLessThan(tolerance);
  });

  it.each([0, 1, 2, 3].flatMap((quarters) => [undefined, 0, 1].map((axis) => [quarters, axis] as const)))(
    'is turned by %d quarters and then mirrored at axis %s as its properties say',
    async (quarters, axis) => {
      const turned = box('irot', Buffer.from([quarters]));
      const mirrored = axis === undefined ? [] : [box('imir', Buffer.from([axis]))];
      const file = heifFile({ items: [item({ properties: [turned, ...mirrored] })], primary: 1 });
      // irot turns to the left. imir exchanges top and bottom at axis 0, left and right at axis 1 (ISO/IEC 23008-12, 6.5.12).
      const upright = sharp(fixtureBytes(acceptedFixture('png'))).rotate(360 - 90 * quarters);
      const expected = sharp(await upright.png().toBuffer())
        .flip(axis === 0)
        .flop(axis === 1);
      expect(meanDifference(await decode(file), await decode(await expected.png().toBuffer()))).toBeLessThan(3);
    },
  );

  it('is not turned once more by its EXIF orientation', async () => {
    const stored = await sharp(fixtureBytes(acceptedFixture('jpeg-orientation-6')), { autoOrient: false })
      .png()
      .toBuffer();
    const image = await decode(heifFixture('exif-orientation-6.heic'));
    expect(meanDifference(image, await decode(stored))).toBeLessThan(3);
  });

  it('is read by its content under brands that name no coding', async () => {
    const image = await decode(heifFile({ brands: ['mif1', 'miaf'], items: [item()], primary: 1 }));
    expect(image.mediaType).toBe('image/heif');
    expect(meanDifference(image, await decodeImage('png'))).toBeLessThan(3);
  });

  it('puts the tiles of a grid together, and cuts it to its size', async () => {
    const tiles = [item(), item(), item(), item()];
    const grid = item({ type: 'grid', data: gridData(2, 2, 180, 130), width: 180, height: 130, madeOf: [2, 3, 4, 5] });
    const image = await decode(heifFile({ items: [grid, ...tiles], primary: 1 }));
    const one = await decodeImage('png');
    expect([image.width, image.height]).toEqual([180, 130]);
    const at = (x: number, y: number) => image.pixels[(y * 180 + x) * 3] ?? NaN;
    for (const [x, y] of [
      [100, 20],
      [20, 80],
      [170, 120],
    ] as const) {
      expect(Math.abs(at(x, y) - (one.pixels[((y % 72) * 96 + (x % 96)) * 3] ?? NaN))).toBeLessThan(20);
    }
  });

  it('is its primary item, whatever number that has and however many auxiliary images are beside it', async () => {
    const auxiliary = Array.from({ length: 3_000 }, () => item({ auxiliaryOf: gainMap, width: 48, height: 36 }));
    const first = await decode(heifFile({ items: [item(), ...auxiliary], primary: 1 }));
    expect(meanDifference(first, await decodeImage('png'))).toBeLessThan(3);
    const mirrored = item({ properties: [box('imir', Buffer.from([1]))] });
    const second = await decode(heifFile({ items: [mirrored, item()], primary: 2 }));
    expect(meanDifference(second, await decodeImage('png'))).toBeLessThan(3);
  });

  it.each([
    ['an AV1 image', heifFile({ brands: ['mif1'], items: [item({ type: 'av01' })], primary: 1 }), /HEIF .*AV1/],
    ['a JPEG image', heifFile({ brands: ['mif1'], items: [item({ type: 'jpeg' })], primary: 1 }), /HEIF .*JPEG/],
    ['high dynamic range', heifFixture('pq.heic'), /HEIC of high dynamic range \(PQ\)/],
    [
      'a property that must be heeded and is not known',
      heifFile({ items: [item({ properties: [box('abcd', u32(0))] })], primary: 1 }),
      /HEIC .*abcd/,
    ],
  ])('refuses by name a file with %s', async (_, bytes, message) => {
    await expect(decode(bytes)).rejects.toMatchObject({
      code: 'UNSUPPORTED_MEDIA_TYPE',
      message: expect.stringMatching(message) as string,
    });
  });

  const cropped = (width: number, height: number): Buffer => {
    const clap = box('clap', ...[width, 1, height, 1, 0, 1, 0, 1].map(u32));
    return heifFile({ items: [item({ properties: [clap] })], primary: 1 });
  };

  it('is cut to its clean aperture, and refused by name where that is smaller than the decoder takes', async () => {
    const [image, whole] = await Promise.all([decode(cropped(80, 60)), decodeImage('png')]);
    expect([image.width, image.height]).toEqual([80, 60]);
    // The middle stays the middle.
    const red = image.pixels[(30 * 80 + 40) * 3] ?? NaN;
    expect(Math.abs(red - (whole.pixels[(36 * 96 + 48) * 3] ?? NaN))).toBeLessThan(20);
    await expect(decode(cropped(10, 6))).rejects.toMatchObject({
      code: 'UNSUPPORTED_MEDIA_TYPE',
      message: 'The file is HEIC with a crop of 10 × 6 pixels, which is not read',
    });
  });

  it('is refused where its pixels are too many, before any are decoded', async () => {
    const tiles = item({
      type: 'grid',
      data: gridData(1, 1, 10_000, 6_000),
      width: 10_000,
      height: 6_000,
      madeOf: [2],
    });
    await expect(decode(heifFile({ items: [tiles, item()], primary: 1 }))).rejects.toMatchObject({
      code: 'IMAGE_TOO_LARGE',
      message: 'The image has 10000 × 6000 pixels; at most 50000000 are accepted',
    });
  });

  it.each([0.2, 0.5, 0.9, 0.98])('cut off at %d of its bytes is refused', async (share) => {
    const whole = heifFixture('plain.heic');
    await expect(decode(whole.subarray(0, Math.floor(whole.length * share)))).rejects.toMatchObject({
      code: 'INVALID_IMAGE',
    });
  });

  it('whose picture ends early is refused, not shown with a hole', async () => {
    const data = picture.data.subarray(0, Math.floor(picture.data.length * 0.7));
    await expect(decode(heifFile({ items: [item({ data })], primary: 1 }))).rejects.toMatchObject({
      code: 'INVALID_IMAGE',
    });
  });
});
