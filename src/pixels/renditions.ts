import { maxWebpSidePixels, thumbnailPixels } from '../base/limits.js';
import type { DecodedImage } from './decode/decoded-image.js';
import { fromDecoded } from './sharp.js';

const webpQuality = 80;
/** Of 0 to 6. Against the default of 4: 3 % more bytes for a third less time, and every upload waits for it. */
const thumbnailEffort = 2;

/**
 * WebP, 320 pixels on its longer side unless told otherwise, and at least one on the other. A smaller image is enlarged: the contract promises one
 * size, so that a grid of thumbnails is even.
 */
export function makeThumbnail(image: DecodedImage, sidePixels = thumbnailPixels): Promise<Buffer> {
  return fromDecoded(image)
    .resize({ width: sidePixels, height: sidePixels, fit: 'inside' })
    .webp({ quality: webpQuality, effort: thumbnailEffort })
    .toBuffer();
}

/**
 * WebP in full size, upright and without metadata, for what browsers do not show (TIFF) or show differently. Scaled down
 * where a side is longer than WebP can hold.
 */
export function makeRendition(image: DecodedImage): Promise<Buffer> {
  return fromDecoded(image)
    .resize({ width: maxWebpSidePixels, height: maxWebpSidePixels, fit: 'inside', withoutEnlargement: true })
    .webp({ quality: webpQuality })
    .toBuffer();
}
