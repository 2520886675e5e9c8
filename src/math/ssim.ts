import { requireEqualLength, type Vector } from './vector.js';

const k1 = 0.01;
const k2 = 0.03;

/**
 * Structural similarity (Wang et al. 2004) of two vectors as wholes, from their means, population variances and
 * covariance:
 *
 *   (2 µa µb + C1)(2 σab + C2) / ((µa² + µb² + C1)(σa² + σb² + C2)),  C1 = (0.01 R)², C2 = (0.03 R)²
 *
 * It is scikit-image's structural_similarity with one window over the whole vector and use_sample_covariance=False.
 * @param dataRange R. Pixels have one (255); embeddings do not, so by default R is the largest minus the smallest number
 *   of both vectors together: symmetric, and the same for vectors scaled together.
 * @returns −1 to 1; 1 for equal vectors
 * @throws RangeError where the lengths differ or there is no number
 */
export function vectorSsim(a: Vector, b: Vector, dataRange = jointRange(a, b)): number {
  requireEqualLength(a, b);
  const length = a.length;
  if (length === 0) throw new RangeError('SSIM needs at least one number');
  let sumA = 0;
  let sumB = 0;
  for (let i = 0; i < length; i++) {
    sumA += a[i]!;
    sumB += b[i]!;
  }
  const meanA = sumA / length;
  const meanB = sumB / length;
  let squaresA = 0;
  let squaresB = 0;
  let products = 0;
  for (let i = 0; i < length; i++) {
    const x = a[i]! - meanA;
    const y = b[i]! - meanB;
    squaresA += x * x;
    squaresB += y * y;
    products += x * y;
  }
  const c1 = (k1 * dataRange) ** 2;
  const c2 = (k2 * dataRange) ** 2;
  const denominator = (meanA * meanA + meanB * meanB + c1) * ((squaresA + squaresB) / length + c2);
  // Two vectors that repeat one and the same number: equal, with no range to compare on.
  if (denominator === 0) return 1;
  return ((2 * meanA * meanB + c1) * ((2 * products) / length + c2)) / denominator;
}

function jointRange(a: Vector, b: Vector): number {
  let smallest = Infinity;
  let largest = -Infinity;
  for (const vector of [a, b]) {
    for (let i = 0; i < vector.length; i++) {
      const value = vector[i]!;
      if (value < smallest) smallest = value;
      if (value > largest) largest = value;
    }
  }
  return largest - smallest;
}

/** A grey image with the local statistics that every comparison needs; made by `ImageSsim.prepare`. */
export interface SsimImage {
  readonly pixels: Float64Array;
  /** Weighted mean and variance around each pixel that is at least 5 pixels from every edge. */
  readonly means: Float64Array;
  readonly variances: Float64Array;
}

const windowSize = 11;
const windowSigma = 1.5;
const dataRange = 255;

/** The window's weights from its centre outwards; it is symmetric, and its sum over both sides is 1. */
const windowWeights = ((): Float64Array => {
  const half = Float64Array.from({ length: (windowSize + 1) / 2 }, (_, i) => Math.exp(-0.5 * (i / windowSigma) ** 2));
  const sum = 2 * half.reduce((total, weight) => total + weight, 0) - half[0]!;
  return half.map((weight) => weight / sum);
})();

/**
 * Structural similarity of grey images of one size (Wang et al. 2004): Gaussian window of 11×11 and σ 1.5, K1 0.01,
 * K2 0.03, L 255, averaged over the windows that lie inside the image. Equal to scikit-image's
 * structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255).
 *
 * The statistics of one image are computed once by `prepare`; `compare` filters the product alone and allocates nothing.
 */
export class ImageSsim {
  readonly #width: number;
  readonly #height: number;
  readonly #innerWidth: number;
  readonly #innerHeight: number;
  /** The product of two images; afterwards its vertical sums. */
  readonly #product: Float64Array;
  readonly #columns: Float64Array;
  readonly #covariances: Float64Array;

  /** @throws RangeError where a side is below 11 pixels: no window fits */
  constructor(width: number, height: number) {
    if (width < windowSize || height < windowSize) {
      throw new RangeError(`SSIM needs images of at least ${windowSize}×${windowSize} pixels, not ${width}×${height}`);
    }
    this.#width = width;
    this.#height = height;
    this.#innerWidth = width - windowSize + 1;
    this.#innerHeight = height - windowSize + 1;
    this.#product = new Float64Array(width * height);
    this.#columns = new Float64Array(width * this.#innerHeight);
    this.#covariances = new Float64Array(this.#innerWidth * this.#innerHeight);
  }

  /**
   * @param grey row-major, 0…255, `width * height` numbers
   * @throws RangeError for another number of pixels
   */
  prepare(grey: Uint8Array | Uint8ClampedArray | Float32Array): SsimImage {
    if (grey.length !== this.#width * this.#height) {
      throw new RangeError(`Expected ${this.#width}×${this.#height} pixels but received ${grey.length}`);
    }
    const pixels = Float64Array.from(grey);
    const means = new Float64Array(this.#covariances.length);
    const variances = new Float64Array(this.#covariances.length);
    this.#filter(pixels, means);
    this.#multiply(pixels, pixels);
    this.#filter(this.#product, variances);
    for (let i = 0; i < means.length; i++) variances[i]! -= means[i]! * means[i]!;
    return { pixels, means, variances };
  }

  /** −1 to 1; 1 for equal images. */
  compare(a: SsimImage, b: SsimImage): number {
    const covariances = this.#covariances;
    this.#multiply(a.pixels, b.pixels);
    this.#filter(this.#product, covariances);
    const c1 = (k1 * dataRange) ** 2;
    const c2 = (k2 * dataRange) ** 2;
    let sum = 0;
    for (let i = 0; i < covariances.length; i++) {
      const meanA = a.means[i]!;
      const meanB = b.means[i]!;
      const product = meanA * meanB;
      sum +=
        ((2 * product + c1) * (2 * (covariances[i]! - product) + c2)) /
        ((meanA * meanA + meanB * meanB + c1) * (a.variances[i]! + b.variances[i]! + c2));
    }
    return sum / covariances.length;
  }

  #multiply(a: Float64Array, b: Float64Array): void {
    const product = this.#product;
    for (let i = 0; i < product.length; i++) product[i] = a[i]! * b[i]!;
  }

  /** The weighted sum of the window around every pixel whose window lies inside: columns first, then rows. */
  #filter(source: Float64Array, target: Float64Array): void {
    const columns = this.#columns;
    filterAxis(source, columns, this.#innerHeight, this.#width, this.#width, this.#width, this.#width);
    filterAxis(columns, target, this.#innerHeight, this.#innerWidth, this.#width, this.#innerWidth, 1);
  }
}

/** Sums 11 numbers that lie `step` apart, for each of `rows` × `width` targets. */
function filterAxis(
  source: Float64Array,
  target: Float64Array,
  rows: number,
  width: number,
  sourceStride: number,
  targetStride: number,
  step: number,
): void {
  const [w0, w1, w2, w3, w4, w5] = windowWeights as unknown as [number, number, number, number, number, number];
  for (let row = 0; row < rows; row++) {
    for (let x = 0; x < width; x++) {
      const at = row * sourceStride + x;
      const center = at + 5 * step;
      target[row * targetStride + x] =
        w0 * source[center]! +
        w1 * (source[center - step]! + source[center + step]!) +
        w2 * (source[center - 2 * step]! + source[center + 2 * step]!) +
        w3 * (source[center - 3 * step]! + source[center + 3 * step]!) +
        w4 * (source[center - 4 * step]! + source[center + 4 * step]!) +
        w5 * (source[at]! + source[at + 10 * step]!);
    }
  }
}
