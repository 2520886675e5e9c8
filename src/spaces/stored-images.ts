import { availableParallelism } from 'node:os';
import { messageOf, SemblanceError } from '../base/errors.js';
import type { DecodedImage } from '../pixels/decode/decoded-image.js';
import type { OperationsContext } from './context.js';
import { requireFound } from '../base/require-found.js';
import type { FailedImage } from '../base/progress.js';
import { defaultRetryWaitsMs, endsAll, retrying } from '../base/concurrency/retrying.js';

/** Images whose ids are read at once; what was made of them is written before the next. */
export const imagesPerPage = 64;

/**
 * One a core: the model has work still, and whoever searches meanwhile waits for little of it. Four times as many gave no more images
 * a second, and twice the wait: npm run bench:backfill.
 */
const imagesAtOnce = availableParallelism();

type Parts = Pick<OperationsContext, 'store' | 'decoder'>;

/**
 * Decodes a stored image behind all queries.
 * @throws SemblanceError NOT_FOUND where it was deleted; as ImageDecoder.use
 */
export async function useStored<T>(
  { store, decoder }: Parts,
  imageId: string,
  work: (image: DecodedImage) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const { bytes } = requireFound(await store.readOriginal(imageId), imageId);
  return decoder.use(bytes, 'bulk', work, signal);
}

export interface WorkOnPages {
  /** The next ids by id, those after `after`; none at the end. */
  readonly next: (after: string | undefined) => Promise<readonly string[]>;
  /** Tried again where something is full or the database away. */
  readonly work: (imageId: string) => Promise<void>;
  /** Once a page is done, or cut off by an error that ends all. */
  readonly finishPage?: (() => Promise<void>) | undefined;
  readonly onImage: () => void;
  readonly signal: AbortSignal | undefined;
}

export interface WorkedPages {
  readonly failed: readonly FailedImage[];
  readonly interrupted: boolean;
}

/**
 * Goes through stored images, several at once, and on after a bad one; an unknown error is a mistake in the program, and no reason
 * to lose the others. An image that was deleted meanwhile is passed over.
 * `signal` ends it after what is on its way, with nothing of that lost.
 * @throws SemblanceError what every other image would fail with, too: MODEL_UNAVAILABLE, DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function workOnPages({ next, work, finishPage, onImage, signal }: WorkOnPages): Promise<WorkedPages> {
  const failed: FailedImage[] = [];
  const workOn = async (imageId: string): Promise<void> => {
    try {
      await retrying(() => work(imageId), defaultRetryWaitsMs, signal);
    } catch (error) {
      if (signal?.aborted === true && !(error instanceof SemblanceError)) return;
      if (endsAll(error)) throw error;
      if (!isDeleted(error)) {
        failed.push({
          imageId,
          reason: messageOf(error),
          code: error instanceof SemblanceError ? error.code : undefined,
          cause: error instanceof SemblanceError ? error.cause : error,
        });
      }
    }
    onImage();
  };
  const finish = async (): Promise<void> => {
    if (finishPage !== undefined) await retrying(finishPage, defaultRetryWaitsMs, undefined);
  };
  for (let after: string | undefined; signal?.aborted !== true;) {
    const ids = await next(after);
    after = ids.at(-1);
    if (after === undefined) break;
    try {
      await overAll(ids, workOn, { concurrency: imagesAtOnce, signal });
    } catch (error) {
      // What was made of the page is not lost with it; that this fails as well tells nothing more.
      await finish().catch(() => undefined);
      throw error;
    }
    await finish();
  }
  return { failed, interrupted: signal?.aborted === true };
}

/** Waits for all that began, whatever fails: no work goes on behind an error. `signal` ends it without one. */
export async function overAll(
  ids: readonly string[],
  work: (id: string) => Promise<void>,
  { concurrency, signal }: { readonly concurrency: number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const left = ids[Symbol.iterator]();
  let broken = false;
  const worker = async (): Promise<void> => {
    for (const id of left) {
      if (broken || signal?.aborted === true) return;
      try {
        await work(id);
      } catch (error) {
        broken = true;
        throw error;
      }
    }
  };
  const endings = await Promise.allSettled(Array.from({ length: concurrency }, worker));
  const failure = endings.find((ending) => ending.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

function isDeleted(error: unknown): boolean {
  return error instanceof SemblanceError && error.code === 'NOT_FOUND';
}
