import type { Extremum } from './extrema.js';
import type { Octave } from './scale-space.js';

const bins = 36;
/** Of the Gaussian around the keypoint, in units of its blur. */
const windowSigmas = 1.5;
/** A further peak counts from this share of the highest on. */
const peakShare = 0.8;

/**
 * The dominant directions of the gradient around an extremum, in radians from 0 to 2π, turning from the x axis (right)
 * to the y axis (down): one as a rule, more where the histogram has several high peaks (Lowe 2004, section 5).
 */
export function orientationsOf(octave: Octave, extremum: Extremum): readonly number[] {
  const histogram = smooth(gradientHistogram(octave, extremum));
  const threshold = peakShare * Math.max(...histogram);
  const found: number[] = [];
  for (let bin = 0; bin < bins; bin++) {
    const left = histogram[(bin + bins - 1) % bins]!;
    const right = histogram[(bin + 1) % bins]!;
    const here = histogram[bin]!;
    if (here <= left || here <= right || here < threshold) continue;
    // The peak of the parabola through three bins.
    const peak = bin + (0.5 * (left - right)) / (left - 2 * here + right);
    found.push((((peak + bins) % bins) * 2 * Math.PI) / bins);
  }
  return found;
}

function gradientHistogram({ width, height, gaussians }: Octave, extremum: Extremum): Float64Array {
  const picture = gaussians[extremum.layer]!;
  const sigma = windowSigmas * extremum.sigma;
  const radius = Math.round(3 * sigma);
  const histogram = new Float64Array(bins);
  const top = Math.max(1, extremum.row - radius);
  const bottom = Math.min(height - 2, extremum.row + radius);
  const left = Math.max(1, extremum.column - radius);
  const right = Math.min(width - 2, extremum.column + radius);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const at = y * width + x;
      const dx = picture[at + 1]! - picture[at - 1]!;
      const dy = picture[at + width]! - picture[at - width]!;
      const squaredDistance = (y - extremum.row) ** 2 + (x - extremum.column) ** 2;
      const weight = Math.exp(-squaredDistance / (2 * sigma * sigma));
      const turn = Math.atan2(dy, dx) / (2 * Math.PI);
      histogram[(Math.round(turn * bins) + bins) % bins]! += weight * Math.sqrt(dx * dx + dy * dy);
    }
  }
  return histogram;
}

/** With 1 4 6 4 1, around the circle. */
function smooth(histogram: Float64Array): Float64Array {
  const at = (bin: number) => histogram[(bin + bins) % bins]!;
  return histogram.map((here, bin) => (at(bin - 2) + at(bin + 2) + 4 * (at(bin - 1) + at(bin + 1)) + 6 * here) / 16);
}
