import { baseSigma, borderPixels, layersPerOctave, type Octave } from './scale-space.js';

/** A stable extremum of the difference of Gaussians, in the pixels of its octave. */
export interface Extremum {
  /** The picture of the octave whose blur is nearest. */
  readonly layer: number;
  /** Between pixels. */
  readonly x: number;
  readonly y: number;
  /** The pixel it was found at. */
  readonly column: number;
  readonly row: number;
  /** Blur at which it is extreme. */
  readonly sigma: number;
  /** Contrast at the extremum, as a share of the range of grey. */
  readonly response: number;
}

const contrastThreshold = 0.04;
const edgeThreshold = 10;
const greyRange = 255;
/** A pixel fainter than this cannot reach the contrast threshold: half of it, rounded down to a whole grey. */
const faintestGrey = Math.floor((0.5 * contrastThreshold * greyRange) / layersPerOctave);
const maxSteps = 5;

/**
 * Extrema among their 26 neighbours in space and scale, located between pixels by a quadratic fit (Brown and Lowe 2002);
 * those of low contrast and those on edges are left out (Lowe 2004, sections 3.1, 4 and 4.1).
 */
export function findExtrema(octave: Octave): readonly Extremum[] {
  const { width, height, differences } = octave;
  const found: Extremum[] = [];
  // Two neighbours can lead to the same place.
  const places = new Set<number>();
  for (let layer = 1; layer <= layersPerOctave; layer++) {
    const [below, here, above] = [differences[layer - 1]!, differences[layer]!, differences[layer + 1]!];
    for (let row = borderPixels; row < height - borderPixels; row++) {
      for (let column = borderPixels; column < width - borderPixels; column++) {
        const at = row * width + column;
        if (Math.abs(here[at]!) <= faintestGrey || !isExtreme(below, here, above, at, width)) continue;
        const extremum = refine(octave, layer, row, column);
        if (extremum === undefined) continue;
        const place = (extremum.layer * height + extremum.row) * width + extremum.column;
        if (places.has(place)) continue;
        places.add(place);
        found.push(extremum);
      }
    }
  }
  return found;
}

function isExtreme(below: Float32Array, here: Float32Array, above: Float32Array, at: number, width: number): boolean {
  const value = here[at]!;
  const sign = value > 0 ? 1 : -1;
  const limit = value * sign;
  for (let row = at - width; row <= at + width; row += width) {
    for (let i = row - 1; i <= row + 1; i++) {
      if (sign * here[i]! > limit || sign * below[i]! > limit || sign * above[i]! > limit) return false;
    }
  }
  return true;
}

/** Moves to where the fit peaks, pixel by pixel, until the peak is less than half a pixel away. */
function refine(octave: Octave, startLayer: number, startRow: number, startColumn: number): Extremum | undefined {
  const { width, height } = octave;
  let [layer, row, column] = [startLayer, startRow, startColumn];
  for (let step = 0; step < maxSteps; step++) {
    const fit = fitQuadratic(octave, layer, row, column);
    const { dx, dy, ds } = fit;
    if (Math.abs(dx) < 0.5 && Math.abs(dy) < 0.5 && Math.abs(ds) < 0.5) {
      if (Math.abs(fit.peak) * layersPerOctave < contrastThreshold || isEdge(fit)) return undefined;
      return {
        layer,
        row,
        column,
        x: column + dx,
        y: row + dy,
        sigma: baseSigma * 2 ** ((layer + ds) / layersPerOctave),
        response: Math.abs(fit.peak),
      };
    }
    column += Math.round(dx);
    row += Math.round(dy);
    layer += Math.round(ds);
    const inside =
      layer >= 1 &&
      layer <= layersPerOctave &&
      column >= borderPixels &&
      column < width - borderPixels &&
      row >= borderPixels &&
      row < height - borderPixels;
    // Also where the fit has no peak: an offset that is not a number is inside nothing.
    if (!inside) return undefined;
  }
  return undefined;
}

interface Fit {
  /** From the pixel to the peak: columns, rows, layers. */
  readonly dx: number;
  readonly dy: number;
  readonly ds: number;
  /** Value at the peak, as a share of the range of grey. */
  readonly peak: number;
  /** Second derivatives in space. */
  readonly xx: number;
  readonly yy: number;
  readonly xy: number;
}

/** Second-order Taylor expansion around a pixel, from differences with its neighbours; its peak by Cramer's rule. */
function fitQuadratic({ width, differences }: Octave, layer: number, row: number, column: number): Fit {
  const [below, here, above] = [differences[layer - 1]!, differences[layer]!, differences[layer + 1]!];
  const at = row * width + column;
  const [up, down] = [at - width, at + width];
  const value = here[at]!;
  const gx = (here[at + 1]! - here[at - 1]!) / 2;
  const gy = (here[down]! - here[up]!) / 2;
  const gs = (above[at]! - below[at]!) / 2;
  const xx = here[at + 1]! + here[at - 1]! - 2 * value;
  const yy = here[down]! + here[up]! - 2 * value;
  const ss = above[at]! + below[at]! - 2 * value;
  const xy = (here[down + 1]! - here[down - 1]! - here[up + 1]! + here[up - 1]!) / 4;
  const xs = (above[at + 1]! - above[at - 1]! - below[at + 1]! + below[at - 1]!) / 4;
  const ys = (above[down]! - above[up]! - below[down]! + below[up]!) / 4;

  const c0 = yy * ss - ys * ys;
  const c1 = xs * ys - xy * ss;
  const c2 = xy * ys - xs * yy;
  const determinant = xx * c0 + xy * c1 + xs * c2;
  const dx = -(gx * c0 + gy * c1 + gs * c2) / determinant;
  const dy = -(gx * c1 + gy * (xx * ss - xs * xs) + gs * (xy * xs - xx * ys)) / determinant;
  const ds = -(gx * c2 + gy * (xy * xs - xx * ys) + gs * (xx * yy - xy * xy)) / determinant;
  const peak = (value + (gx * dx + gy * dy + gs * ds) / 2) / greyRange;
  return { dx, dy, ds, peak, xx, yy, xy };
}

/** On an edge the curvature across is more than `edgeThreshold` times that along it. */
function isEdge({ xx, yy, xy }: Fit): boolean {
  const trace = xx + yy;
  const determinant = xx * yy - xy * xy;
  return determinant <= 0 || trace * trace * edgeThreshold >= (edgeThreshold + 1) ** 2 * determinant;
}
