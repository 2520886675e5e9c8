import type { Raster } from './resample.js';

/** Row-major greys from 0 to 255, `width * height` numbers. */
export interface GreyImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array | Float32Array;
}

/** Luma of ITU-R BT.601, rounded: 0.299 red + 0.587 green + 0.114 blue, as OpenCV's grey. */
export function toGrey({ width, height, pixels }: Raster): GreyImage & { readonly pixels: Uint8Array } {
  const grey = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < grey.length; i++, at += 3) {
    // In 15-bit fixed point, as OpenCV, to agree with it to the last bit.
    grey[i] = (9798 * pixels[at]! + 19235 * pixels[at + 1]! + 3735 * pixels[at + 2]! + 16384) >> 15;
  }
  return { width, height, pixels: grey };
}
