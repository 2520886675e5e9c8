import { maxWaitingDecodes } from '../../base/limits.js';
import type { DecodedImage } from './decoded-image.js';
import { DecoderProcesses } from './decoder-processes.js';
import { detectMediaType } from './detect.js';
import type { Priority } from '../../base/concurrency/priority.js';
import { Semaphore } from '../../base/concurrency/semaphore.js';

export interface ImageDecoderOptions {
  /** Width times height of one frame. */
  readonly maxPixels: number;
  /** Images in work at the same time: a decode holds up to 11 bytes per pixel (seen: 50 megapixels, 16-bit, interlaced: 540 MB). */
  readonly concurrency: number;
  /** Images of one priority that wait for their turn; `maxWaitingDecodes` unless given. */
  readonly maxWaiting?: number | undefined;
}

/**
 * Turns the bytes of an upload into pixels, a bounded number of images at a time, those of queries first. In processes of
 * their own: a file that a decoder aborts over fails alone.
 */
export class ImageDecoder {
  readonly #maxPixels: number;
  readonly #semaphore: Semaphore;
  readonly #processes = new DecoderProcesses();

  constructor({ maxPixels, concurrency, maxWaiting = maxWaitingDecodes }: ImageDecoderOptions) {
    this.#maxPixels = maxPixels;
    this.#semaphore = new Semaphore(concurrency, { maxWaiting, refusal: 'Too many images wait to be decoded' });
  }

  /** Images that wait for their turn. */
  get waiting(): Readonly<Record<Priority, number>> {
    return this.#semaphore.waiting;
  }

  /** The processes that decode, as far as they were needed yet. */
  get processes(): DecoderProcesses['states'] {
    return this.#processes.states;
  }

  /**
   * To be asked before bytes are read that would only be refused.
   * @throws SemblanceError OVERLOADED
   */
  assertRoom(priority: Priority): void {
    this.#semaphore.assertRoom(priority);
  }

  /**
   * @param signal ends the waiting for a turn; a decode that has begun goes on to its end.
   * @throws SemblanceError BAD_USER_INPUT (empty), UNSUPPORTED_MEDIA_TYPE, IMAGE_TOO_LARGE (more than `maxPixels`, told
   * from the header), INVALID_IMAGE (broken, cut off, or more than a decoder can stand), OVERLOADED (too many wait)
   */
  decode(bytes: Buffer, priority: Priority, signal?: AbortSignal): Promise<DecodedImage> {
    return this.use(bytes, priority, (image) => Promise.resolve(image), signal);
  }

  /** As `decode`, and counts `work` on the pixels as part of it: for work that needs as much memory again. */
  async use<T>(
    bytes: Buffer,
    priority: Priority,
    work: (image: DecodedImage) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const mediaType = detectMediaType(bytes);
    const request = { bytes, mediaType, maxPixels: this.#maxPixels };
    return this.#semaphore.run(async () => work(await this.#processes.decode(request)), signal, priority);
  }

  /** Ends the processes; what they have in work fails. Without it they end with this one. */
  close(): Promise<void> {
    return this.#processes.close();
  }
}
