import type { Metadata, SharpOptions } from 'sharp';
import { SemblanceError } from '../errors.js';
import type { DecodedImage, MediaType } from './decoded-image.js';
import { detectMediaType } from './detect.js';
import { Semaphore } from './semaphore.js';
import { sharp } from './sharp.js';

export interface ImageDecoderOptions {
  /** Width times height of one frame. */
  readonly maxPixels: number;
  /** Images in work at the same time: a decode holds up to 11 bytes per pixel (seen: 50 megapixels, 16-bit, interlaced: 540 MB). */
  readonly concurrency: number;
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

/** Turns the bytes of an upload into pixels, a bounded number of images at a time. */
export class ImageDecoder {
  readonly #maxPixels: number;
  readonly #semaphore: Semaphore;

  constructor({ maxPixels, concurrency }: ImageDecoderOptions) {
    this.#maxPixels = maxPixels;
    this.#semaphore = new Semaphore(concurrency);
  }

  /**
   * @param signal ends the waiting for a turn; a decode that has begun goes on to its end.
   * @throws SemblanceError BAD_USER_INPUT (empty), UNSUPPORTED_MEDIA_TYPE, IMAGE_TOO_LARGE (more than `maxPixels`, told
   * from the header), INVALID_IMAGE (broken or cut off)
   */
  decode(bytes: Buffer, signal?: AbortSignal): Promise<DecodedImage> {
    return this.use(bytes, (image) => Promise.resolve(image), signal);
  }

  /** As `decode`, and counts `work` on the pixels as part of it: for work that needs as much memory again. */
  async use<T>(bytes: Buffer, work: (image: DecodedImage) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const mediaType = detectMediaType(bytes);
    return this.#semaphore.run(async () => work(await this.#decodeNow(bytes, mediaType)), signal);
  }

  async #decodeNow(bytes: Buffer, mediaType: MediaType): Promise<DecodedImage> {
    const options: SharpOptions = {
      // Truncated data is an error, a harmless oddity such as bytes between two JPEG markers is not.
      failOn: 'error',
      limitInputPixels: this.#maxPixels,
      autoOrient: true,
    };
    const header = await this.#readHeader(bytes, mediaType, options);
    try {
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
  async #readHeader(bytes: Buffer, mediaType: MediaType, options: SharpOptions): Promise<Metadata> {
    let header: Metadata;
    try {
      header = await sharp(bytes, { ...options, limitInputPixels: false }).metadata();
    } catch (error) {
      throw invalidImage(mediaType, error);
    }
    if (header.format !== sharpFormats[mediaType])
      throw invalidImage(mediaType, new Error(`libvips reads it as ${header.format}`));
    const height = header.pageHeight ?? header.height;
    if (header.width * height > this.#maxPixels) {
      throw new SemblanceError(
        'IMAGE_TOO_LARGE',
        `The image has ${header.width} × ${height} pixels; at most ${this.#maxPixels} are accepted`,
      );
    }
    return header;
  }
}

function invalidImage(mediaType: MediaType, cause: unknown): SemblanceError {
  return new SemblanceError('INVALID_IMAGE', `The ${mediaType} image is broken or cut off`, { cause });
}
