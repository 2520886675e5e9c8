import type { Matrix } from '../../../math/matrix.js';
import type { GreyImage } from '../../../pixels/luma.js';
import { requirePixels } from '../require-pixels.js';
import { Describer, descriptorLength } from './descriptor.js';
import { findExtrema, type Extremum } from './extrema.js';
import { orientationsOf } from './orientation.js';
import { buildScaleSpace, type Octave } from './scale-space.js';

export interface Keypoint {
  /** Pixels of the image, the centre of the first at 0. */
  readonly x: number;
  readonly y: number;
  /** Twice the blur at which it is extreme, in pixels of the image. */
  readonly diameter: number;
  /** From 0 to 2π, turning from right to down. */
  readonly orientationRadians: number;
  /** Contrast, as a share of the range of grey. */
  readonly response: number;
}

export interface SiftFeatures {
  readonly keypoints: readonly Keypoint[];
  /** One row of 128 a keypoint, each of length 1. */
  readonly descriptors: Matrix<Float32Array>;
}

export interface SiftOptions {
  /** Keeps those of the highest contrast. Default: all. */
  readonly maxKeypoints?: number;
}

/**
 * Scale-invariant features (Lowe 2004), with OpenCV's default parameters: 3 layers an octave, contrast 0.04, edge ratio
 * 10, σ 1.6, first octave at double size. Coordinates are OpenCV's too: those of the doubled image halved, so a quarter
 * of a pixel right of and below where the doubling by pixel centres would put them.
 *
 * Takes about 270 bytes of memory a pixel while it runs: the caller bounds the size. An image without a keypoint, be it plain or smaller than
 * 6 pixels, has none.
 * @throws RangeError for an image without pixels
 */
export function siftFeatures(image: GreyImage, { maxKeypoints = Infinity }: SiftOptions = {}): SiftFeatures {
  requirePixels(image.width, image.height, image.pixels.length, 1);
  const found = buildScaleSpace(image).flatMap((octave) =>
    findExtrema(octave).flatMap((extremum) =>
      orientationsOf(octave, extremum).map((orientation) => ({ octave, extremum, orientation })),
    ),
  );
  const kept = strongest(found, maxKeypoints);
  const describer = new Describer();
  const values = new Float32Array(kept.length * descriptorLength);
  kept.forEach(({ octave, extremum, orientation }, row) => {
    const target = values.subarray(row * descriptorLength, (row + 1) * descriptorLength);
    describer.describe(octave, extremum, orientation, target);
  });
  return {
    keypoints: kept.map(({ octave, extremum, orientation }) => ({
      x: extremum.x * octave.scale,
      y: extremum.y * octave.scale,
      diameter: 2 * extremum.sigma * octave.scale,
      orientationRadians: orientation,
      response: extremum.response,
    })),
    descriptors: { rows: kept.length, columns: descriptorLength, values },
  };
}

interface Oriented {
  readonly octave: Octave;
  readonly extremum: Extremum;
  readonly orientation: number;
}

function strongest(found: readonly Oriented[], count: number): readonly Oriented[] {
  if (found.length <= count) return found;
  return [...found].sort((a, b) => b.extremum.response - a.extremum.response).slice(0, count);
}
