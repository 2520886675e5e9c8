/** Weights from the centre outwards: of 2 radius + 1 samples, radius about 4 σ, with sum 1. */
export function gaussianWeights(sigma: number): Float64Array {
  const radius = Math.floor((Math.round(8 * sigma + 1) | 1) / 2);
  const weights = Float64Array.from({ length: radius + 1 }, (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)));
  const sum = weights.reduce((total, weight) => total + 2 * weight, -weights[0]!);
  return weights.map((weight) => weight / sum);
}

/**
 * Filters rows, then columns, with a symmetric window. Beyond an edge the picture is mirrored at the edge's pixel, which
 * is not repeated.
 */
export function blur(source: Float32Array, width: number, height: number, weights: Float64Array): Float32Array {
  return blurColumns(blurRows(source, width, height, weights), width, height, weights);
}

function blurRows(source: Float32Array, width: number, height: number, weights: Float64Array): Float32Array {
  const radius = weights.length - 1;
  const target = new Float32Array(source.length);
  const line = new Float64Array(width + 2 * radius);
  const mirrored = Int32Array.from(line, (_, i) => mirror(i - radius, width));
  const center = weights[0]!;
  for (let row = 0; row < source.length; row += width) {
    for (let i = 0; i < line.length; i++) line[i] = source[row + mirrored[i]!]!;
    for (let x = 0; x < width; x++) {
      const at = x + radius;
      let sum = center * line[at]!;
      for (let i = 1; i <= radius; i++) sum += weights[i]! * (line[at - i]! + line[at + i]!);
      target[row + x] = sum;
    }
  }
  return target;
}

function blurColumns(source: Float32Array, width: number, height: number, weights: Float64Array): Float32Array {
  const radius = weights.length - 1;
  const target = new Float32Array(source.length);
  const sums = new Float64Array(width);
  const center = weights[0]!;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) sums[x] = center * source[y * width + x]!;
    for (let i = 1; i <= radius; i++) {
      const above = mirror(y - i, height) * width;
      const below = mirror(y + i, height) * width;
      const weight = weights[i]!;
      for (let x = 0; x < width; x++) sums[x]! += weight * (source[above + x]! + source[below + x]!);
    }
    target.set(sums, y * width);
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
