import type { Metadata, Sharp, SharpOptions } from 'sharp';
import { SemblanceError } from '../../base/errors.js';
import type { DecodedImage, MediaType } from './decoded-image.js';
import { asStill } from '../formats/avif-still.js';
import { assertJpegSupported } from '../formats/jpeg-frame.js';
import { unsupported } from '../formats/image-kinds.js';
import { decodeSamples, maxBands, maxPixelsOf, plainInks, toSrgb } from '../formats/samples.js';
import { decodeHeif } from '../formats/heif.js';
import { sharp } from '../sharp.js';
import { chooseTiffPicture, type TiffPicture } from '../formats/tiff-picture.js';
import { contrastingLevel, isOpaque, layOver } from '../transparency.js';

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
  // As decodeHeif hands them on.
  'image/heic': 'tiff',
  'image/heif': 'tiff',
};

/**
 * Decodes a file in this process: for a decoder process, which it may end.
 * @throws SemblanceError IMAGE_TOO_LARGE (more than `maxPixels`, told from the header), INVALID_IMAGE (broken or cut off),
 * UNSUPPORTED_MEDIA_TYPE naming what is not read (image-kinds.ts)
 */
export async function decodePixels({ bytes: file, mediaType, maxPixels }: DecodeRequest): Promise<DecodedImage> {
  const { bytes, samples, ...place } = await findPicture({ bytes: file, mediaType, maxPixels });
  const options: SharpOptions = {
    // Truncated data is an error, a harmless oddity such as bytes between two JPEG markers is not.
    failOn: 'error',
    limitInputPixels: maxPixels,
    autoOrient: true,
    limitInputChannels: maxBands,
    ...place,
  };
  const header = await readHeader(
    bytes,
    mediaType,
    options,
    samples === undefined ? maxPixels : maxPixelsOf(samples, maxPixels),
  );
  try {
    // libvips would assume a press profile; browsers and Pillow take the bare inks.
    const isBareInks = header.space === 'cmyk' && header.channels === 4 && !header.hasProfile;
    const layout = samples ?? (isBareInks ? plainInks : undefined);
    const decoded = layout === undefined ? undefined : await decodeSamples(bytes, options, layout, header);
    if (decoded?.channels === 3) {
      return { mediaType, width: decoded.width, height: decoded.height, pixels: decoded.data };
    }
    const source = toSrgb(sharp(bytes, options), header);
    if (decoded === undefined && !header.hasAlpha) return { mediaType, ...(await readBytes(source, 3)) };
    const clear =
      decoded === undefined
        ? await readBytes(source.clone(), 4)
        : { width: decoded.width, height: decoded.height, pixels: decoded.data };
    if (isOpaque(clear.pixels)) return { mediaType, ...clear, pixels: layOver(clear.pixels, 255) };
    // sharp lays over the background before it reduces to 8 bits, so other depths are decoded once more.
    const { width, height } = clear;
    const again =
      decoded === undefined && header.depth !== 'uchar'
        ? source
        : sharp(clear.pixels, { raw: { width, height, channels: 4 }, limitInputPixels: false });
    const white = await readBytes(again.flatten({ background: '#ffffff' }), 3);
    const level = contrastingLevel(clear.pixels);
    return { mediaType, ...white, contrasted: level === 255 ? undefined : layOver(clear.pixels, level) };
  } catch (error) {
    throw error instanceof SemblanceError ? error : invalidImage(mediaType, error);
  }
}

/**
 * What of the file is the picture, and the file as libvips is to see it.
 * @throws SemblanceError UNSUPPORTED_MEDIA_TYPE
 */
async function findPicture(request: DecodeRequest): Promise<Partial<TiffPicture> & Pick<TiffPicture, 'bytes'>> {
  const { bytes: file, mediaType } = request;
  switch (mediaType) {
    case 'image/heic':
    case 'image/heif':
      return { bytes: await decodeHeif({ ...request, mediaType }) };
    case 'image/jpeg':
      assertJpegSupported(file);
      return { bytes: file };
    case 'image/png':
      // Behind the signature and the length of the first chunk, which is to be IHDR.
      if (file.toString('latin1', 12, 16) === 'CgBI') throw unsupported('pngApple');
      return { bytes: file };
    case 'image/avif':
      return { bytes: asStill(file) };
    case 'image/tiff':
      return chooseTiffPicture(file) ?? { bytes: file };
    default:
      return { bytes: file };
  }
}

/** @returns row-major RGB, or RGBA, of 8 bits */
async function readBytes(source: Sharp, channels: 3 | 4): Promise<Omit<DecodedImage, 'mediaType'>> {
  const { data, info } = await source.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  if (info.channels !== channels) throw new Error(`Expected ${channels} channels but received ${info.channels}`);
  return { width: info.width, height: info.height, pixels: data };
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

function invalidImage(mediaType: MediaType, cause: unknown): SemblanceError {
  return new SemblanceError('INVALID_IMAGE', `The ${mediaType} image is broken or cut off`, { cause });
}
