/** Weights from the centre outwards: of 2 radius + 1 samples, radius about 4 σ, with sum 1. */
export function gaussianWeights(sigma: number): Float64Array {
  const radius = Math.floor((Math.round(8 * sigma + 1) | 1) / 2);
  const weights = Float64Array.from({ length: radius + 1 }, (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)));
  const sum = weights.reduce((total, weight) => total + 2 * weight, -weights[0]!);
  return weights.map((weight) => weight / sum);
}

/**
 * Filters rows, then columns, with a symmetric window. Beyond an edge the picture is mirrored at the edge's pixel, which
 * is not repeated. Most of the time of SIFT passes here: four sums at a time share each weight, and stay in registers.
 */
export function blur(source: Float32Array, width: number, height: number, weights: Float64Array): Float32Array {
  const rows = blurRows(source, width, height, weights);
  return blurColumns(rows, width, height, weights);
}

function blurRows(source: Float32Array, width: number, height: number, weights: Float64Array): Float64Array {
  const radius = weights.length - 1;
  const target = new Float64Array(width * height);
  // Three more, so that the last four sums have something to read.
  const line = new Float64Array(width + 2 * radius + 3);
  const mirrored = Int32Array.from({ length: width + 2 * radius }, (_, i) => mirror(i - radius, width));
  const center = weights[0]!;
  for (let row = 0; row < target.length; row += width) {
    for (let i = 0; i < mirrored.length; i++) line[i] = source[row + mirrored[i]!]!;
    for (let x = 0; x < width; x += 4) {
      const at = x + radius;
      let s0 = center * line[at]!;
      let s1 = center * line[at + 1]!;
      let s2 = center * line[at + 2]!;
      let s3 = center * line[at + 3]!;
      for (let i = 1; i <= radius; i++) {
        const weight = weights[i]!;
        s0 += weight * (line[at - i]! + line[at + i]!);
        s1 += weight * (line[at - i + 1]! + line[at + i + 1]!);
        s2 += weight * (line[at - i + 2]! + line[at + i + 2]!);
        s3 += weight * (line[at - i + 3]! + line[at + i + 3]!);
      }
      const to = row + x;
      target[to] = s0;
      // Beyond the row's end lies the next row, which is written later.
      target[to + 1] = s1;
      target[to + 2] = s2;
      target[to + 3] = s3;
    }
  }
  return target;
}

function blurColumns(source: Float64Array, width: number, height: number, weights: Float64Array): Float32Array {
  const radius = weights.length - 1;
  const target = new Float32Array(width * height);
  const above = new Int32Array(radius + 1);
  const below = new Int32Array(radius + 1);
  const center = weights[0]!;
  const inFours = width - (width % 4);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let i = 1; i <= radius; i++) {
      above[i] = mirror(y - i, height) * width;
      below[i] = mirror(y + i, height) * width;
    }
    for (let x = 0; x < inFours; x += 4) {
      const at = row + x;
      let s0 = center * source[at]!;
      let s1 = center * source[at + 1]!;
      let s2 = center * source[at + 2]!;
      let s3 = center * source[at + 3]!;
      for (let i = 1; i <= radius; i++) {
        const weight = weights[i]!;
        const a = above[i]! + x;
        const b = below[i]! + x;
        s0 += weight * (source[a]! + source[b]!);
        s1 += weight * (source[a + 1]! + source[b + 1]!);
        s2 += weight * (source[a + 2]! + source[b + 2]!);
        s3 += weight * (source[a + 3]! + source[b + 3]!);
      }
      target[at] = s0;
      target[at + 1] = s1;
      target[at + 2] = s2;
      target[at + 3] = s3;
    }
    for (let x = inFours; x < width; x++) {
      let sum = center * source[row + x]!;
      for (let i = 1; i <= radius; i++) sum += weights[i]! * (source[above[i]! + x]! + source[below[i]! + x]!);
      target[row + x] = sum;
    }
  }
  return target;
}

/** A window can be wider than a small picture: the mirror image is then mirrored again. */
function mirror(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = ((index % period) + period) % period;
  return within < length ? within : period - within;
}
