import type { GreyImage } from '../../../pixels/luma.js';
import { blur, gaussianWeights } from './blur.js';

/** Scales per octave at which extrema are sought. */
export const layersPerOctave = 3;
/** Blur of the first picture of each octave, in its own pixels. */
export const baseSigma = 1.6;
/** Blur that a camera's picture has of itself, in its own pixels. */
const cameraSigma = 0.5;
/** Extrema closer to an edge than this are not sought: in octave pixels. */
export const borderPixels = 5;

/** Pictures of one size, each blurred 2^(1/3) times as much as the one before. */
export interface Octave {
  readonly width: number;
  readonly height: number;
  /** Pixels of the image per pixel of this octave: 0.5, 1, 2, … */
  readonly scale: number;
  /** `layersPerOctave` + 3, greys from 0 to 255. */
  readonly gaussians: readonly Float32Array[];
  /** `layersPerOctave` + 2: each picture subtracted from the next. */
  readonly differences: readonly Float32Array[];
}

/** The kernel that turns the picture of layer i into that of layer i + 1. */
const layerWeights = Array.from({ length: layersPerOctave + 2 }, (_, layer) => {
  const sigma = baseSigma * 2 ** (layer / layersPerOctave);
  return gaussianWeights(sigma * Math.sqrt(2 ** (2 / layersPerOctave) - 1));
});
/** Doubling the image has doubled the blur it came with. */
const firstWeights = gaussianWeights(Math.sqrt(baseSigma ** 2 - (2 * cameraSigma) ** 2));

/**
 * The scale space of the image at double size (Lowe 2004, section 3), down to the smallest octave that has a pixel away
 * from its borders.
 */
export function buildScaleSpace(image: GreyImage): readonly Octave[] {
  const octaves: Octave[] = [];
  let [width, height, scale] = [2 * image.width, 2 * image.height, 0.5];
  let base = blur(enlarge(image), width, height, firstWeights);
  while (Math.min(width, height) > 2 * borderPixels) {
    const gaussians = [base];
    for (const weights of layerWeights) gaussians.push(blur(gaussians.at(-1)!, width, height, weights));
    const differences = gaussians.slice(1).map((picture, layer) => subtract(picture, gaussians[layer]!));
    octaves.push({ width, height, scale, gaussians, differences });
    base = halve(gaussians[layersPerOctave]!, width, height);
    [width, height, scale] = [width >> 1, height >> 1, scale * 2];
  }
  return octaves;
}

/** Twice the width and height by linear interpolation between pixel centres. */
function enlarge({ width, height, pixels }: GreyImage): Float32Array {
  const enlarged = new Float32Array(4 * width * height);
  for (let y = 0; y < 2 * height; y++) {
    const near = (y >> 1) * width;
    const far = Math.min(height - 1, Math.max(0, (y >> 1) + (y % 2 === 0 ? -1 : 1))) * width;
    for (let x = 0; x < 2 * width; x++) {
      const nearX = x >> 1;
      const farX = Math.min(width - 1, Math.max(0, nearX + (x % 2 === 0 ? -1 : 1)));
      const upper = 0.75 * pixels[near + nearX]! + 0.25 * pixels[near + farX]!;
      const lower = 0.75 * pixels[far + nearX]! + 0.25 * pixels[far + farX]!;
      enlarged[y * 2 * width + x] = 0.75 * upper + 0.25 * lower;
    }
  }
  return enlarged;
}

/** Every second pixel of every second row. */
function halve(source: Float32Array, width: number, height: number): Float32Array {
  const [halfWidth, halfHeight] = [width >> 1, height >> 1];
  const halved = new Float32Array(halfWidth * halfHeight);
  for (let y = 0; y < halfHeight; y++) {
    for (let x = 0; x < halfWidth; x++) halved[y * halfWidth + x] = source[2 * y * width + 2 * x]!;
  }
  return halved;
}

function subtract(a: Float32Array, b: Float32Array): Float32Array {
  const difference = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) difference[i] = a[i]! - b[i]!;
  return difference;
}
