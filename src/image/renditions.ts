import { maxWebpSidePixels, thumbnailPixels } from '../limits.js';
import type { DecodedImage } from './decoded-image.js';
import { fromDecoded } from './sharp.js';

const webpQuality = 80;

/**
 * WebP, 320 pixels on its longer side and at least one on the other. A smaller image keeps its size: enlarged it would
 * show nothing more.
 */
export function makeThumbnail(image: DecodedImage): Promise<Buffer> {
  return encodeWithin(image, thumbnailPixels);
}

/**
 * WebP in full size, upright and without metadata, for what browsers do not show (TIFF) or show differently. Scaled down
 * where a side is longer than WebP can hold.
 */
export function makeRendition(image: DecodedImage): Promise<Buffer> {
  return encodeWithin(image, maxWebpSidePixels);
}

function encodeWithin(image: DecodedImage, sidePixels: number): Promise<Buffer> {
  return fromDecoded(image)
    .resize({ width: sidePixels, height: sidePixels, fit: 'inside', withoutEnlargement: true })
    .webp({ quality: webpQuality })
    .toBuffer();
}
