import type { Extremum } from './extrema.js';
import type { Octave } from './scale-space.js';

const grid = 4;
const directions = 8;
export const descriptorLength = grid * grid * directions;
/** Side of one cell of the grid, in units of the keypoint's blur. */
const cellSigmas = 3;
const clip = 0.2;

/** The grid with a margin of one cell on each side, for what interpolation spills over the edge. */
const paddedGrid = grid + 2;

/** Describes keypoints; keeps one histogram for all of them. */
export class Describer {
  readonly #histogram = new Float64Array(paddedGrid * paddedGrid * directions);

  /**
   * Gradients around the keypoint, turned by its orientation, in a 4×4 grid of eight directions, each shared out to the
   * eight nearest bins by trilinear interpolation; scaled to length 1, clipped at 0.2, and scaled again (Lowe 2004,
   * section 6).
   * @param target `descriptorLength` numbers; cells row by row, in each the directions, against the turn from x to y
   */
  describe(octave: Octave, extremum: Extremum, orientation: number, target: Float32Array): void {
    this.#histogram.fill(0);
    this.#gather(octave, extremum, orientation);
    for (let row = 0; row < grid; row++) {
      const from = ((row + 1) * paddedGrid + 1) * directions;
      target.set(this.#histogram.subarray(from, from + grid * directions), row * grid * directions);
    }
    scaleToLength(target);
    for (let i = 0; i < target.length; i++) target[i] = Math.min(clip, target[i]!);
    scaleToLength(target);
  }

  #gather({ width, height, gaussians }: Octave, extremum: Extremum, orientation: number): void {
    const picture = gaussians[extremum.layer]!;
    const [centerX, centerY] = [Math.round(extremum.x), Math.round(extremum.y)];
    const cell = cellSigmas * extremum.sigma;
    // The turned square of grid + 1 cells fits into this one.
    const wanted = Math.round((cell * Math.SQRT2 * (grid + 1)) / 2);
    const radius = Math.min(wanted, Math.floor(Math.hypot(width, height)));
    const cosine = Math.cos(orientation) / cell;
    const sine = Math.sin(orientation) / cell;
    const top = Math.max(1, centerY - radius);
    const bottom = Math.min(height - 2, centerY + radius);
    const left = Math.max(1, centerX - radius);
    const right = Math.min(width - 2, centerX + radius);
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const [i, j] = [y - centerY, x - centerX];
        const along = j * cosine + i * sine;
        const across = i * cosine - j * sine;
        const column = along + grid / 2 - 0.5;
        const row = across + grid / 2 - 0.5;
        if (row <= -1 || row >= grid || column <= -1 || column >= grid) continue;
        const at = y * width + x;
        const dx = picture[at + 1]! - picture[at - 1]!;
        const dy = picture[at + width]! - picture[at - width]!;
        const weight = Math.exp(-(along * along + across * across) / (0.5 * grid * grid));
        const turn = (orientation - Math.atan2(dy, dx)) / (2 * Math.PI);
        this.#share(row, column, (turn - Math.floor(turn)) * directions, weight * Math.sqrt(dx * dx + dy * dy));
      }
    }
  }

  /** @param direction 0 to 8, both ends the same */
  #share(row: number, column: number, direction: number, magnitude: number): void {
    const histogram = this.#histogram;
    const [r, c, d] = [Math.floor(row), Math.floor(column), Math.floor(direction)];
    const rest = direction - d;
    const lower = d % directions;
    const upper = (d + 1) % directions;
    const inNextRow = magnitude * (row - r);
    const inRow = magnitude - inNextRow;
    const nextColumn = column - c;
    // The margin makes −1 the first cell.
    let at = ((r + 1) * paddedGrid + c + 1) * directions;
    for (const share of [inRow, inNextRow]) {
      const right = share * nextColumn;
      const left = share - right;
      histogram[at + lower]! += left * (1 - rest);
      histogram[at + upper]! += left * rest;
      histogram[at + directions + lower]! += right * (1 - rest);
      histogram[at + directions + upper]! += right * rest;
      at += paddedGrid * directions;
    }
  }
}

function scaleToLength(values: Float32Array): void {
  let sum = 0;
  for (const value of values) sum += value * value;
  if (sum === 0) return;
  const length = Math.sqrt(sum);
  for (let i = 0; i < values.length; i++) values[i]! /= length;
}
