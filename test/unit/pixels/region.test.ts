import { describe, expect, it } from 'vitest';
import type { DecodedImage } from '../../../src/pixels/decode/decoded-image.js';
import { cropToRegion, type Region } from '../../../src/pixels/region.js';

/** Red tells the column of each pixel, green its row. */
function numbered(width: number, height: number): DecodedImage {
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) pixels.set([i % width, Math.floor(i / width), 7], 3 * i);
  return { mediaType: 'image/webp', width, height, pixels };
}

/** Columns and rows of a cropped `numbered`: first and last of each. */
function shown({ width, height, pixels }: DecodedImage): readonly (number | undefined)[] {
  expect(pixels).toHaveLength(width * height * 3);
  const last = 3 * (width * height - 1);
  expect([(pixels[last] ?? 0) - (pixels[0] ?? 0), (pixels[last + 1] ?? 0) - (pixels[1] ?? 0)]).toEqual([
    width - 1,
    height - 1,
  ]);
  return [pixels[0], pixels[last], pixels[1], pixels[last + 1]];
}

describe('cropToRegion', () => {
  it.each<[Region, readonly number[]]>([
    [{ x: 0, y: 0, width: 1, height: 1 }, [0, 19, 0, 9]],
    [{ x: 0.5, y: 0.5, width: 0.5, height: 0.5 }, [10, 19, 5, 9]],
    [{ x: 0.25, y: 0.2, width: 0.5, height: 0.3 }, [5, 14, 2, 4]],
    // What it touches in part is whole.
    [{ x: 0.26, y: 0.21, width: 0.2, height: 0.1 }, [5, 9, 2, 3]],
    // 0.1 + 0.2 is more than 0.3 in floating point.
    [{ x: 0.1, y: 0.1, width: 0.2, height: 0.2 }, [2, 5, 1, 2]],
    [{ x: 0.7, y: 0.7, width: 0.3, height: 0.3 }, [14, 19, 7, 9]],
    // At least one pixel, at the far corner too.
    [{ x: 0.5, y: 0.5, width: 1e-9, height: 1e-9 }, [10, 10, 5, 5]],
    [{ x: 1 - 1e-9, y: 1 - 1e-9, width: 1e-9, height: 1e-9 }, [19, 19, 9, 9]],
  ])('%j of 20 × 10 pixels', (region, expected) => {
    const cropped = cropToRegion(numbered(20, 10), region);
    expect(shown(cropped)).toEqual(expected);
    expect(cropped.mediaType).toBe('image/webp');
  });

  it('leaves the image that it crops as it was', () => {
    const image = numbered(4, 4);
    cropToRegion(image, { x: 0, y: 0, width: 1, height: 1 }).pixels.fill(0);
    expect(image.pixels).toEqual(numbered(4, 4).pixels);
  });

  it.each<[string, Region]>([
    ['left of it', { x: -0.1, y: 0, width: 0.5, height: 0.5 }],
    ['beyond its right', { x: 0.6, y: 0, width: 0.5, height: 0.5 }],
    ['below it', { x: 0, y: 0.6, width: 0.5, height: 0.5 }],
    ['without width', { x: 0, y: 0, width: 0, height: 0.5 }],
    ['of negative height', { x: 0, y: 0.5, width: 0.5, height: -0.1 }],
    ['that is no number', { x: NaN, y: 0, width: 0.5, height: 0.5 }],
    ['of no finite width', { x: 0, y: 0, width: Infinity, height: 0.5 }],
  ])('refuses a region %s', (_, region) => {
    expect(() => cropToRegion(numbered(4, 4), region)).toThrow(RangeError);
  });
});
