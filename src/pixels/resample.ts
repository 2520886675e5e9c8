export type Interpolation = 'nearest' | 'bilinear' | 'bicubic' | 'lanczos3';

/** Row-major RGB, `width * height * 3` bytes. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** The pixels `start` to `start + length` of an axis that is resized to `resizedLength`. */
export interface AxisWindow {
  readonly resizedLength: number;
  readonly start: number;
  readonly length: number;
}

interface Kernel {
  /** Distance in source pixels beyond which the weight is zero. */
  readonly support: number;
  readonly weight: (distance: number) => number;
}

/** As Pillow's filters of the same names (src/libImaging/Resample.c). */
const kernels: Readonly<Record<Exclude<Interpolation, 'nearest'>, Kernel>> = {
  bilinear: { support: 1, weight: (distance) => Math.max(0, 1 - Math.abs(distance)) },
  bicubic: { support: 2, weight: catmullRom },
  lanczos3: { support: 3, weight: (distance) => (Math.abs(distance) < 3 ? sinc(distance) * sinc(distance / 3) : 0) },
};

/**
 * Enlarges both axes (a side may also keep its length); `nearest` shrinks too, for its kernel never widens. libvips
 * enlarges with a shift of half a source pixel (libvips/libvips#4841), and models were trained on Pillow's.
 */
export function resample(source: Raster, x: AxisWindow, y: AxisWindow, interpolation: Interpolation): Raster {
  if (interpolation === 'nearest') return pickNearest(source, x, y);
  const columns = tapsOf(source.width, x, interpolation);
  const rows = tapsOf(source.height, y, interpolation);
  // Only the rows that the vertical pass reads: of a strip of 50 million rows the crop shows a few.
  const firstRow = rows[0]?.first ?? 0;
  const lastTaps = rows.at(-1);
  const endRow = lastTaps === undefined ? firstRow : lastTaps.first + lastTaps.weights.length;

  const narrowed = new Uint8ClampedArray(x.length * (endRow - firstRow) * 3);
  for (let row = firstRow; row < endRow; row++) {
    const from = row * source.width * 3;
    columns.forEach(({ first, weights }, column) => {
      addTaps(source.pixels, from + first * 3, 3, weights, narrowed, ((row - firstRow) * x.length + column) * 3);
    });
  }
  const result = new Uint8ClampedArray(x.length * y.length * 3);
  rows.forEach(({ first, weights }, row) => {
    for (let column = 0; column < x.length; column++) {
      const from = ((first - firstRow) * x.length + column) * 3;
      addTaps(narrowed, from, x.length * 3, weights, result, (row * x.length + column) * 3);
    }
  });
  return { width: x.length, height: y.length, pixels: new Uint8Array(result.buffer) };
}

function pickNearest(source: Raster, x: AxisWindow, y: AxisWindow): Raster {
  const columns = centersOf(source.width, x);
  const rows = centersOf(source.height, y);
  const pixels = new Uint8Array(x.length * y.length * 3);
  rows.forEach((sourceRow, row) => {
    columns.forEach((sourceColumn, column) => {
      const from = (sourceRow * source.width + sourceColumn) * 3;
      pixels.set(source.pixels.subarray(from, from + 3), (row * x.length + column) * 3);
    });
  });
  return { width: x.length, height: y.length, pixels };
}

function centersOf(sourceLength: number, { resizedLength, start, length }: AxisWindow): readonly number[] {
  const step = sourceLength / resizedLength;
  return Array.from({ length }, (_, index) => Math.min(sourceLength - 1, Math.floor((start + index + 0.5) * step)));
}

/** Source pixels from `first` on, and how much each counts; the weights add up to 1. */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

function tapsOf(
  sourceLength: number,
  window: AxisWindow,
  interpolation: Exclude<Interpolation, 'nearest'>,
): readonly Taps[] {
  const { support, weight } = kernels[interpolation];
  const step = sourceLength / window.resizedLength;
  return Array.from({ length: window.length }, (_, index) => {
    const center = (window.start + index + 0.5) * step;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(sourceLength, Math.trunc(center + support + 0.5));
    const weights = Float64Array.from({ length: end - first }, (__, tap) => weight(first + tap + 0.5 - center));
    const sum = weights.reduce((total, each) => total + each, 0);
    return { first, weights: weights.map((each) => each / sum) };
  });
}

/** Writes the weighted sum of pixels that lie `stride` bytes apart; the target clamps and rounds. */
function addTaps(
  source: Uint8Array | Uint8ClampedArray,
  from: number,
  stride: number,
  weights: Float64Array,
  target: Uint8ClampedArray,
  to: number,
): void {
  let [red, green, blue] = [0, 0, 0];
  for (let tap = 0, at = from; tap < weights.length; tap++, at += stride) {
    const weight = weights[tap] ?? 0;
    red += weight * (source[at] ?? 0);
    green += weight * (source[at + 1] ?? 0);
    blue += weight * (source[at + 2] ?? 0);
  }
  target[to] = red;
  target[to + 1] = green;
  target[to + 2] = blue;
}

/** Keys' cubic with a = -0.5. */
function catmullRom(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
