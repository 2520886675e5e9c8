import type { GreyImage } from '../../pixels/luma.js';
import { requirePixels } from './require-pixels.js';

const orientations = 9;
const cellPixels = 8;
const blockCells = 2;
const blockLength = blockCells * blockCells * orientations;
const epsilon = 1e-5;
const clip = 0.2;

/** Length of the descriptor of an image; 0 where not even one block of 16×16 pixels fits. */
export function hogLength(width: number, height: number): number {
  const [columns, rows] = [blocksAlong(width), blocksAlong(height)];
  return columns * rows * blockLength;
}

/**
 * Histograms of oriented gradients (Dalal and Triggs 2005): cells of 8×8 pixels with nine unsigned orientations, blocks
 * of 2×2 cells at every cell, L2 with clipping at 0.2. Equal to scikit-image's hog(orientations=9, pixels_per_cell=(8, 8),
 * cells_per_block=(2, 2), block_norm='L2-Hys'); like it, each pixel votes for one cell and one orientation, and pixels
 * beyond the last whole cell do not vote.
 * @returns blocks row by row, in each its cells row by row, in each nine numbers
 * @throws RangeError for an image smaller than 16×16 pixels
 */
export function hog(image: GreyImage): Float32Array {
  const { width, height, pixels } = image;
  requirePixels(width, height, pixels.length, 1);
  const descriptor = new Float32Array(hogLength(width, height));
  if (descriptor.length === 0) throw new RangeError(`No block of 16×16 pixels fits into ${width}×${height}`);
  const cellColumns = Math.floor(width / cellPixels);
  const cells = cellHistograms(image);
  const [columns, rows] = [blocksAlong(width), blocksAlong(height)];
  const block = new Float64Array(blockLength);
  const rowLength = blockCells * orientations;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let inner = 0; inner < blockCells; inner++) {
        const from = ((row + inner) * cellColumns + column) * orientations;
        block.set(cells.subarray(from, from + rowLength), inner * rowLength);
      }
      scaleToLength(block);
      for (let i = 0; i < blockLength; i++) block[i] = Math.min(clip, block[i]!);
      scaleToLength(block);
      descriptor.set(block, (row * columns + column) * blockLength);
    }
  }
  return descriptor;
}

function blocksAlong(pixels: number): number {
  return Math.max(0, Math.floor(pixels / cellPixels) - blockCells + 1);
}

/** Mean gradient per pixel of each orientation, cell by cell. */
function cellHistograms({ width, height, pixels }: GreyImage): Float64Array {
  const columns = Math.floor(width / cellPixels);
  const rows = Math.floor(height / cellPixels);
  const cells = new Float64Array(columns * rows * orientations);
  for (let y = 0; y < rows * cellPixels; y++) {
    for (let x = 0; x < columns * cellPixels; x++) {
      const at = y * width + x;
      // Central differences, none at the edges.
      const dx = x === 0 || x === width - 1 ? 0 : pixels[at + 1]! - pixels[at - 1]!;
      const dy = y === 0 || y === height - 1 ? 0 : pixels[at + width]! - pixels[at - width]!;
      if (dx === 0 && dy === 0) continue;
      const cell = Math.floor(y / cellPixels) * columns + Math.floor(x / cellPixels);
      cells[cell * orientations + orientationOf(dx, dy)]! += Math.hypot(dx, dy) / (cellPixels * cellPixels);
    }
  }
  return cells;
}

/** Which twenty degrees of the half circle. */
function orientationOf(dx: number, dy: number): number {
  const degrees = (Math.atan2(dy, dx) * 180) / Math.PI;
  return Math.floor((degrees < 0 ? degrees + 180 : degrees) / (180 / orientations)) % orientations;
}

function scaleToLength(block: Float64Array): void {
  let sum = epsilon * epsilon;
  for (const value of block) sum += value * value;
  const length = Math.sqrt(sum);
  for (let i = 0; i < block.length; i++) block[i]! /= length;
}
