import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { ImageDecoder } from '../../../src/pixels/decode/decode.js';
import type { DecodedImage } from '../../../src/pixels/decode/decoded-image.js';
import { resizedSize, resizeForModel } from '../../../src/pixels/resize.js';
import { maxImagePixels } from '../../../src/base/limits.js';
import { acceptedFixtures, fixtureBytes, readGolden } from '../../fixtures/images.js';
import { drawPixels } from '../../support/make-image.js';

const golden = readGolden();
const { resize, centerCrop } = golden.preprocessing;
const spec = { resize: { shortestEdge: resize.shortestEdge }, centerCrop, interpolation: resize.interpolation };

function drawn(width: number, height: number, seed = 1): DecodedImage {
  return { mediaType: 'image/png', width, height, pixels: drawPixels(seed, width, height) };
}

function plain(width: number, height: number, value: number): DecodedImage {
  return { mediaType: 'image/png', width, height, pixels: new Uint8Array(width * height * 3).fill(value) };
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? 0)), 0) / a.length;
}

describe("resizeForModel against Pillow's pixels", () => {
  let crops: Buffer;
  beforeAll(async () => {
    const file = new URL('../../fixtures/golden/semblance-compact-crops.png', import.meta.url);
    crops = await sharp(await readFile(file))
      .raw()
      .toBuffer();
  });

  it.each(acceptedFixtures)('differs by less than one step on average: $name', async (fixture) => {
    const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });
    const ours = await resizeForModel(await decoder.decode(fixtureBytes(fixture), 'bulk'), spec);
    const row = golden.images[fixture.name]?.cropRow ?? NaN;
    const bytes = centerCrop.width * centerCrop.height * 3;
    expect(meanDifference(ours, crops.subarray(row * bytes, (row + 1) * bytes))).toBeLessThan(1);
  });
});

describe('resizeForModel', () => {
  // Pillow 13: Image.fromarray(row.reshape(1, 8)).resize((16, 1), resample).
  it.each([
    ['bilinear', [0, 0, 0, 0, 0, 25, 75, 125, 175, 200, 200, 163, 88, 50, 50, 50]],
    ['bicubic', [0, 0, 0, 0, 0, 18, 73, 127, 182, 211, 213, 170, 80, 40, 47, 50]],
    ['nearest', [0, 0, 0, 0, 0, 0, 100, 100, 200, 200, 200, 200, 50, 50, 50, 50]],
  ] as const)('enlarges without a shift: %s', async (interpolation, expected) => {
    const pixels = Uint8Array.from([0, 0, 0, 100, 200, 200, 50, 50].flatMap((value) => [value, value, value]));
    const row: DecodedImage = { mediaType: 'image/png', width: 8, height: 1, pixels };
    const result = await resizeForModel(row, { resize: { width: 16, height: 1 }, interpolation });
    for (const [index, value] of expected.entries()) {
      expect(Math.abs((result[index * 3] ?? NaN) - value), `pixel ${index}`).toBeLessThanOrEqual(1);
    }
  });

  it('shows of a strip what resizing the whole and cropping would', async () => {
    const strip = drawn(3, 400);
    const whole = await resizeForModel(strip, { resize: { shortestEdge: 12 }, interpolation: 'bicubic' });
    const crop = await resizeForModel(strip, {
      resize: { shortestEdge: 12 },
      centerCrop: { width: 12, height: 12 },
      interpolation: 'bicubic',
    });
    const from = ((1600 - 12) / 2) * 12 * 3;
    expect(crop).toEqual(whole.subarray(from, from + 12 * 12 * 3));
  });

  it('keeps to the crop on extreme strips', async () => {
    for (const image of [plain(1, 5_000_000, 77), plain(5_000_000, 1, 77)]) {
      const result = await resizeForModel(image, spec);
      expect(result).toEqual(new Uint8Array(centerCrop.width * centerCrop.height * 3).fill(77));
    }
  });

  it('shrinks one axis and enlarges the other', async () => {
    const result = await resizeForModel(drawn(200, 10), {
      resize: { width: 50, height: 40 },
      interpolation: 'bicubic',
    });
    expect(result).toHaveLength(50 * 40 * 3);
    const stretched = await resizeForModel(drawn(200, 10), {
      resize: { width: 200, height: 40 },
      interpolation: 'bicubic',
    });
    const other = await resizeForModel(
      { mediaType: 'image/png', width: 200, height: 40, pixels: stretched },
      { resize: { width: 50, height: 40 }, interpolation: 'bicubic' },
    );
    expect(meanDifference(result, other)).toBeLessThan(1);
  });

  it('pads with black where the crop is larger, the odd pixel right and below', async () => {
    const result = await resizeForModel(plain(4, 4, 200), {
      resize: { shortestEdge: 4 },
      centerCrop: { width: 7, height: 6 },
      interpolation: 'bicubic',
    });
    const rows = Array.from({ length: 6 }, (_, y) => Array.from({ length: 7 }, (__, x) => result[(y * 7 + x) * 3]));
    const empty = [0, 0, 0, 0, 0, 0, 0];
    const filled = [0, 200, 200, 200, 200, 0, 0];
    expect(rows).toEqual([empty, filled, filled, filled, filled, empty]);
  });

  it('starts the crop where Python rounds halves to', async () => {
    // (5 - 4) / 2 = 0.5 goes to 0, (7 - 4) / 2 = 1.5 to 2.
    for (const [width, start] of [
      [5, 0],
      [7, 2],
    ] as const) {
      const pixels = Uint8Array.from({ length: width * 4 * 3 }, (_, index) => Math.floor(index / 3) % width);
      const result = await resizeForModel(
        { mediaType: 'image/png', width, height: 4, pixels },
        { resize: { shortestEdge: 4 }, centerCrop: { width: 4, height: 4 }, interpolation: 'nearest' },
      );
      expect(result[0]).toBe(start);
    }
  });
});

describe('resizedSize', () => {
  it.each([
    [{ width: 100, height: 67 }, { shortestEdge: 64 }, { width: 95, height: 64 }],
    [{ width: 67, height: 100 }, { shortestEdge: 64 }, { width: 64, height: 95 }],
    [{ width: 100, height: 67 }, { longestEdge: 64 }, { width: 64, height: 42 }],
    [{ width: 1, height: 1000 }, { longestEdge: 64 }, { width: 1, height: 64 }],
    [
      { width: 100, height: 67 },
      { width: 32, height: 48 },
      { width: 32, height: 48 },
    ],
    [{ width: 1, height: 10_000 }, { shortestEdge: 64 }, { width: 64, height: 640_000 }],
  ])('%j to %j is %j', (size, target, expected) => {
    expect(resizedSize(size, target)).toEqual(expected);
  });

  it('refuses a target without a side', () => {
    expect(() => resizedSize({ width: 1, height: 1 }, {})).toThrow(RangeError);
  });
});
