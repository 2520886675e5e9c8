import { greySidePixels } from '../base/limits.js';
import type { DecodedImage } from './decode/decoded-image.js';
import { toGrey } from './luma.js';
import { resizeForModel } from './resize.js';
import { composed } from './transparency.js';

/**
 * What re-rankers compare pixel by pixel: the image stretched to `greySidePixels` on both sides (bicubic, antialiased), its
 * luma as `toGrey` takes it; a transparent picture on the background that shows it, for every space. Row-major, one byte a pixel, no header.
 */
export async function makeGrey(image: DecodedImage): Promise<Buffer> {
  const side = greySidePixels;
  const seen = composed(image, 'contrast');
  const pixels = await resizeForModel(seen, { resize: { width: side, height: side }, interpolation: 'bicubic' });
  const grey = toGrey({ width: side, height: side, pixels }).pixels;
  return Buffer.from(grey.buffer, grey.byteOffset, grey.length);
}
