import type { Raster } from '../../pixels/resample.js';
import type { GreyImage } from '../../pixels/luma.js';
import { requirePixels } from './require-pixels.js';

/**
 * `l1` counts add up to 1. `hellinger` takes their square roots: length 1, and the cosine of two is the Bhattacharyya
 * coefficient of the histograms.
 */
export type HistogramScale = 'l1' | 'hellinger';

export interface HistogramOptions {
  /** Default hellinger. */
  readonly scale?: HistogramScale;
}

/** Counts of greys in `bins` equal parts of 0…255. @throws RangeError for an image without pixels */
export function greyHistogram(image: GreyImage, bins: number, options: HistogramOptions = {}): Float32Array {
  requirePixels(image.width, image.height, image.pixels.length, 1);
  const counts = new Float64Array(bins);
  for (const grey of image.pixels) counts[Math.min(bins - 1, Math.floor((grey * bins) / 256))]! += 1;
  return scaled(counts, image.pixels.length, options);
}

export interface ColorHistogramOptions extends HistogramOptions {
  /** Default rgb. */
  readonly space?: 'rgb' | 'hsv';
}

/**
 * Counts of colours in `bins`³ cells of equal sides, the first channel varying slowest. Hue, saturation and value are
 * those of the hexcone (Smith 1978), each from 0 to 1.
 * @throws RangeError for an image without pixels
 */
export function colorHistogram(image: Raster, bins: number, options: ColorHistogramOptions = {}): Float32Array {
  const { width, height, pixels } = image;
  requirePixels(width, height, pixels.length, 3);
  const counts = new Float64Array(bins ** 3);
  const cellOf = options.space === 'hsv' ? hsvCell : rgbCell;
  for (let at = 0; at < pixels.length; at += 3)
    counts[cellOf(pixels[at]!, pixels[at + 1]!, pixels[at + 2]!, bins)]! += 1;
  return scaled(counts, width * height, options);
}

function scaled(counts: Float64Array, total: number, { scale = 'hellinger' }: HistogramOptions): Float32Array {
  return Float32Array.from(counts, (count) => (scale === 'l1' ? count / total : Math.sqrt(count / total)));
}

function rgbCell(red: number, green: number, blue: number, bins: number): number {
  const [r, g, b] = [(red * bins) >> 8, (green * bins) >> 8, (blue * bins) >> 8];
  return (r * bins + g) * bins + b;
}

function hsvCell(red: number, green: number, blue: number, bins: number): number {
  const value = Math.max(red, green, blue);
  const chroma = value - Math.min(red, green, blue);
  const hue = hueBin(red, green, blue, value, chroma, bins);
  return (hue * bins + binOf(chroma, value, bins)) * bins + binOf(value, 255, bins);
}

/** Of part / whole, from 0 to 1. One division of integers: a part on the border of two bins counts to the upper one. */
function binOf(part: number, whole: number, bins: number): number {
  return part === 0 ? 0 : Math.min(bins - 1, Math.floor((part * bins) / whole));
}

function hueBin(red: number, green: number, blue: number, value: number, chroma: number, bins: number): number {
  // Sixths of the circle from red, times the chroma.
  let sixths = red - green + 4 * chroma;
  if (value === red) sixths = green >= blue ? green - blue : green - blue + 6 * chroma;
  else if (value === green) sixths = blue - red + 2 * chroma;
  return binOf(sixths, 6 * chroma, bins);
}
