import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { SemblanceError } from '../../base/errors.js';
import { workerUrl } from '../../base/paths.js';
import type { HeifAnswer, HeifOrder } from './heif-messages.js';
import { sharp } from '../sharp.js';

/** What every HEIF file needs, made when the first one comes. */
let prepared: Promise<Pick<HeifOrder, 'module' | 'displayP3'>> | undefined;

export interface HeifFile {
  readonly bytes: Buffer;
  readonly mediaType: 'image/heic' | 'image/heif';
  /** Width times height. */
  readonly maxPixels: number;
}

/**
 * Decodes the primary image of a HEIF file, for a decoder process.
 * @returns an uncompressed TIFF file: upright, 8 bits a channel, with its colour profile and alpha where it has them
 * @throws SemblanceError UNSUPPORTED_MEDIA_TYPE naming what is not read, IMAGE_TOO_LARGE, INVALID_IMAGE
 */
export async function decodeHeif({ bytes, mediaType, maxPixels }: HeifFile): Promise<Buffer> {
  prepared ??= prepare();
  const format = mediaType === 'image/heic' ? 'HEIC' : 'HEIF';
  const order: HeifOrder = { ...(await prepared), bytes, format, maxPixels };
  const answer = await runWorker(order).catch((cause: unknown) => {
    throw new SemblanceError('INVALID_IMAGE', `The ${format} image cannot be decoded`, { cause });
  });
  if (answer.kind === 'decoded') return Buffer.from(answer.tiff.buffer);
  throw new SemblanceError(answer.code, answer.message, { cause: new Error(answer.cause) });
}

async function prepare(): Promise<Pick<HeifOrder, 'module' | 'displayP3'>> {
  const path = createRequire(import.meta.url).resolve('libheif-js/libheif-wasm/libheif.wasm');
  const [module, displayP3] = await Promise.all([
    readFile(path).then((wasm) => WebAssembly.compile(wasm)),
    readDisplayP3(),
  ]);
  return { module, displayP3 };
}

/** libvips brings the profile, and gives it to an image alone. */
async function readDisplayP3(): Promise<Buffer> {
  const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } });
  const { icc } = await sharp(await pixel.withIccProfile('p3').png().toBuffer()).metadata();
  if (icc === undefined) throw new Error('libvips gave no profile of Display P3');
  return icc;
}

/** @throws Error where the thread ends without an answer */
function runWorker(order: HeifOrder): Promise<HeifAnswer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl('pixels/formats/heif-worker'), { workerData: order, name: 'heif' });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => {
      reject(new Error('The thread ended'));
    });
  });
}
