import { setImmediate } from 'node:timers/promises';
import type { Metadata, SharpOptions } from 'sharp';
import { SemblanceError } from '../errors.js';
import type { DecodedImage, MediaType } from './decoded-image.js';
import { sharp } from './sharp.js';

export interface DecodeRequest {
  readonly bytes: Buffer;
  /** By `detectMediaType`. */
  readonly mediaType: MediaType;
  /** Width times height of one frame. */
  readonly maxPixels: number;
}

/** What sharp calls each type; a difference means that two parsers disagree about the bytes. */
const sharpFormats: Readonly<Record<MediaType, string>> = {
  'image/jpeg': 'jpeg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/avif': 'heif',
  'image/gif': 'gif',
  'image/tiff': 'tiff',
};

/**
 * Decodes a file in this process: for a decoder process, which it may end.
 * @throws SemblanceError IMAGE_TOO_LARGE (more than `maxPixels`, told from the header), INVALID_IMAGE (broken or cut off)
 */
export async function decodePixels({ bytes, mediaType, maxPixels }: DecodeRequest): Promise<DecodedImage> {
  const options: SharpOptions = {
    // Truncated data is an error, a harmless oddity such as bytes between two JPEG markers is not.
    failOn: 'error',
    limitInputPixels: maxPixels,
    autoOrient: true,
  };
  const header = await readHeader(bytes, mediaType, options, maxPixels);
  try {
    // libvips would assume a press profile; browsers and Pillow take the bare inks.
    const bareInks = header.space === 'cmyk' && header.channels === 4 && !header.hasProfile && header.depth === 'uchar';
    if (bareInks) return { mediaType, ...(await decodeInks(bytes, options)) };
    let pipeline = sharp(bytes, options).flatten({ background: '#ffffff' }).toColourspace('srgb');
    // sharp works on 16-bit images with a profile in Display P3 and would hand out those numbers as sRGB.
    if (header.depth === 'ushort' && header.hasProfile) pipeline = pipeline.withIccProfile('srgb', { attach: false });
    const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`Expected 3 channels but received ${info.channels}`);
    return { mediaType, width: info.width, height: info.height, pixels: data };
  } catch (error) {
    throw invalidImage(mediaType, error);
  }
}

/** Dimensions stand at the beginning of a file, so a bomb is refused before anything of it unfolds. */
async function readHeader(
  bytes: Buffer,
  mediaType: MediaType,
  options: SharpOptions,
  maxPixels: number,
): Promise<Metadata> {
  let header: Metadata;
  try {
    header = await sharp(bytes, { ...options, limitInputPixels: false }).metadata();
  } catch (error) {
    throw invalidImage(mediaType, error);
  }
  if (header.format !== sharpFormats[mediaType])
    throw invalidImage(mediaType, new Error(`libvips reads it as ${header.format}`));
  const height = header.pageHeight ?? header.height;
  if (header.width * height > maxPixels) {
    throw new SemblanceError(
      'IMAGE_TOO_LARGE',
      `The image has ${header.width} × ${height} pixels; at most ${maxPixels} are accepted`,
    );
  }
  return header;
}

/** CMYK pixels between two turns of the event loop: about 10 ms. */
const inkPixelsPerTurn = 1_000_000;

/** Each ink lets through what it does not cover, as in Pillow's cmyk2rgb (src/libImaging/Convert.c): the same numbers. */
async function decodeInks(bytes: Buffer, options: SharpOptions): Promise<Omit<DecodedImage, 'mediaType'>> {
  const { data, info } = await sharp(bytes, options)
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 4) throw new Error(`Expected 4 channels but received ${info.channels}`);
  const count = info.width * info.height;
  // In place: the RGB of a pixel lies at or before its inks.
  for (let start = 0; start < count; start += inkPixelsPerTurn) {
    const end = Math.min(count, start + inkPixelsPerTurn);
    for (let pixel = start; pixel < end; pixel++) {
      const light = 255 - (data[pixel * 4 + 3] ?? 0);
      for (let channel = 0; channel < 3; channel++) {
        const ink = data[pixel * 4 + channel] ?? 0;
        data[pixel * 3 + channel] = light - Math.round((ink * light) / 255);
      }
    }
    await setImmediate();
  }
  return { width: info.width, height: info.height, pixels: data.subarray(0, count * 3) };
}

function invalidImage(mediaType: MediaType, cause: unknown): SemblanceError {
  return new SemblanceError('INVALID_IMAGE', `The ${mediaType} image is broken or cut off`, { cause });
}
