import type { Region } from '../pixels/region.js';

const offsets = [0, 0.25, 0.5];

/**
 * The parts of an image that are embedded beside the whole: nine boxes of half its width and half its height, each
 * overlapping its neighbours by half, row by row from the upper left. An object of up to a quarter of either side lies
 * whole in at least one of them.
 */
export function regionsOf(): readonly Region[] {
  return offsets.flatMap((y) => offsets.map((x) => ({ x, y, width: 0.5, height: 0.5 })));
}
