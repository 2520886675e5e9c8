import type { DecodedImage } from './decode/decoded-image.js';

/** A part of an image, in shares of its sides from 0 to 1; x and y of its upper left corner. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Whether it is inside 0…1, up to a rounding error, and has an area. */
export function isRegion({ x, y, width, height }: Region): boolean {
  return x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= 1 + 1e-9 && y + height <= 1 + 1e-9;
}

/**
 * The pixels that a region touches: at least one, however small it is.
 * @throws RangeError for a region that is not inside 0…1 or has no area
 */
export function cropToRegion(image: DecodedImage, region: Region): DecodedImage {
  const { x, y, width, height } = region;
  if (!isRegion(region)) throw new RangeError(`No region of an image: ${JSON.stringify(region)}`);
  const [left, right] = touchedPixels(x, width, image.width);
  const [top, bottom] = touchedPixels(y, height, image.height);
  const row = (right - left) * 3;
  const cut = (whole: Uint8Array): Uint8Array => {
    const pixels = new Uint8Array(row * (bottom - top));
    for (let line = top; line < bottom; line++) {
      const from = (line * image.width + left) * 3;
      pixels.set(whole.subarray(from, from + row), (line - top) * row);
    }
    return pixels;
  };
  return {
    mediaType: image.mediaType,
    width: right - left,
    height: bottom - top,
    pixels: cut(image.pixels),
    contrasted: image.contrasted && cut(image.contrasted),
  };
}

/** First pixel and the one behind the last. Rounded, for 0.1 + 0.2 must not touch one pixel more than 0.3. */
function touchedPixels(start: number, share: number, length: number): readonly [number, number] {
  const first = Math.min(length - 1, Math.floor(Number((start * length).toFixed(6))));
  const end = Math.ceil(Number(((start + share) * length).toFixed(6)));
  return [first, Math.min(length, Math.max(first + 1, end))];
}
