import { isMainThread } from 'node:worker_threads';
import sharp, { type Sharp } from 'sharp';
import type { DecodedImage } from './decode/decoded-image.js';

// What follows is set for the whole process: a thread that set it anew would have every decode of the moment refused.
if (!isMainThread) throw new Error('Only the main thread loads sharp');

// An allow-list: a loader that a later libvips brings stays off. Renderers of SVG and PDF are programs for hostile input,
// and the Ultra HDR loader would read a gain map where its plain JPEG serves.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif', 'Tiff'].map((name) => `VipsForeignLoad${name}Buffer`),
});
// No image comes twice within the cache's life, so it would only hold memory.
sharp.cache(false);
// Several images are worked on at once; threads within each add contention, not speed.
sharp.concurrency(1);

/** The decoded pixels as the start of a new pipeline. */
export function fromDecoded({ pixels, width, height }: Pick<DecodedImage, 'pixels' | 'width' | 'height'>): Sharp {
  return sharp(pixels, { raw: { width, height, channels: 3 }, limitInputPixels: false });
}

export { sharp };
