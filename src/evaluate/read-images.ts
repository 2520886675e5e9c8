import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SemblanceError, type ErrorCode } from '../base/errors.js';
import type { Dataset } from './datasets/dataset.js';
import type { ImageDecoder } from '../pixels/decode/decode.js';
import type { DecodedImage } from '../pixels/decode/decoded-image.js';
import { makeGrey } from '../pixels/grey.js';
import { Semaphore } from '../base/concurrency/semaphore.js';
import { greySidePixels } from '../base/limits.js';
import { leafDimensions, leafKey, type Leaf } from '../methods/leaf.js';
import type { LeafEncoder } from '../methods/leaves.js';
import { describeFileError, shownPath } from '../images/import/find-images.js';
import type { OnProgress } from '../base/progress.js';
import { RowCache } from './row-cache.js';

/** The files of one evaluation: those that are indexed, asked or trained on. */
export interface EvaluationImages {
  /** Row of an image in every cache, by its number in the data set. */
  readonly rowOf: ReadonlyMap<number, number>;
  /** Numbers in the data set, by row. */
  readonly numbers: readonly number[];
  /** Rows of what is indexed or asked; behind them lies what is trained on alone. */
  readonly judgedRows: number;
  /** Hex of the SHA-256 of each file, by row; empty where the file could not be decoded. */
  readonly sha256: readonly string[];
  /** By row. */
  readonly unreadable: ReadonlyMap<number, string>;
  /** @throws SemblanceError as ImageDecoder.use; an error of the file system */
  use<T>(row: number, work: (image: DecodedImage) => Promise<T>): Promise<T>;
  /** Where caches of these very files lie. */
  readonly folder: string;
}

export interface ReadImagesOptions {
  readonly dataset: Dataset;
  readonly decoder: ImageDecoder;
  readonly workFolder: string;
  readonly maxFileBytes: number;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

const digestBytes = 32;

/** Reads and decodes every file once, to know those that cannot be, and what identifies each. */
export async function readImages(options: ReadImagesOptions): Promise<EvaluationImages> {
  const { dataset, decoder, workFolder, maxFileBytes, concurrency, signal, onProgress } = options;
  const judged = [...new Set([...dataset.gallery, ...dataset.queries])].sort((a, b) => a - b);
  const numbers = [...new Set([...judged, ...dataset.training])];
  const paths = numbers.map((number) => dataset.images[number]!.path);
  const folder = join(workFolder, `images-${await fingerprint(dataset, numbers)}`);
  const read = async (row: number): Promise<Buffer> => {
    const path = paths[row]!;
    const { size } = await stat(path);
    if (size <= maxFileBytes) return readFile(path);
    throw new SemblanceError('IMAGE_TOO_LARGE', `The file has ${size} bytes; at most ${maxFileBytes} are accepted`);
  };
  const digests = await RowCache.open(join(folder, 'sha256'), digestBytes);
  await digests.fill(numbers.length, {
    concurrency,
    signal,
    onProgress: (done, total) => {
      onProgress({ stage: 'Reading images', done, total });
    },
    rowOf: (row) =>
      orReason(async () => {
        const bytes = await read(row);
        await decoder.decode(bytes, 'bulk', signal);
        return createHash('sha256').update(bytes).digest();
      }),
  });
  const bytes = Buffer.from(await digests.read());
  return {
    folder,
    numbers,
    judgedRows: judged.length,
    rowOf: new Map(numbers.map((number, row) => [number, row])),
    sha256: numbers.map((_, row) => bytes.toString('hex', row * digestBytes, (row + 1) * digestBytes)),
    unreadable: digests.failures,
    use: async (row, work) => decoder.use(await read(row), 'bulk', work, signal),
  };
}

export interface FeatureOptions {
  readonly images: EvaluationImages;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** What one leaf gives for the first rows, decoding included, so that the cache's time is what indexing takes. */
export async function leafRows(
  leaf: Leaf,
  rows: number,
  leaves: LeafEncoder,
  { images, concurrency, signal, onProgress }: FeatureOptions,
): Promise<RowCache> {
  const cache = await RowCache.open(join(images.folder, leafKey(leaf)), 4 * leafDimensions(leaf));
  // The last bits of an embedding depend on the images beside it in a batch: one at a time, it is the same in every run.
  const turns = new Semaphore(leaf.kind === 'model' ? 1 : concurrency);
  await cache.fill(rows, {
    concurrency,
    signal,
    onProgress: (done, total) => {
      onProgress({ stage: `Features: ${leafName(leaf)}`, done, total });
    },
    rowOf: async (row) =>
      images.unreadable.get(row) ??
      orReason(async () => {
        const prepared = await images.use(row, (image) => leaves.prepare([leaf], image, 'bulk'));
        return turns.run(async () => (await leaves.compute([leaf], prepared, 'bulk', signal)).of(leaf));
      }),
  });
  return cache;
}

/** Grey renditions, for re-rankers that compare pixels. */
export async function greyRows({ images, concurrency, signal, onProgress }: FeatureOptions): Promise<RowCache> {
  const cache = await RowCache.open(join(images.folder, 'grey-rendition-contrast'), greySidePixels ** 2);
  await cache.fill(images.judgedRows, {
    concurrency,
    signal,
    onProgress: (done, total) => {
      onProgress({ stage: 'Grey renditions', done, total });
    },
    rowOf: async (row) => images.unreadable.get(row) ?? orReason(() => images.use(row, makeGrey)),
  });
  return cache;
}

function leafName(leaf: Leaf): string {
  if (leaf.kind === 'model') return leaf.model;
  return leaf.kind === 'bag-of-words' ? `${leaf.vocabulary.words.rows} visual words` : leaf.kind;
}

/** Of an image; all else is no fault of it, and ends the evaluation. */
const imageFaults: ReadonlySet<ErrorCode> = new Set([
  'BAD_USER_INPUT',
  'IMAGE_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'INVALID_IMAGE',
]);

async function orReason<T>(work: () => Promise<T>): Promise<T | string> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SemblanceError && imageFaults.has(error.code)) return error.message;
    if (error instanceof Error && 'syscall' in error) return describeFileError(error);
    throw error;
  }
}

/** Changes with the files: a picture that was exchanged is read again. */
async function fingerprint({ images }: Dataset, numbers: readonly number[]): Promise<string> {
  const hash = createHash('sha256');
  for (const number of numbers) {
    const { id, path } = images[number]!;
    const found = await stat(path).catch(() => undefined);
    hash.update(`${id} ${shownPath(path)} ${found?.size ?? ''} ${found?.mtimeMs ?? ''}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}
