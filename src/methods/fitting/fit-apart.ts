import { Worker } from 'node:worker_threads';
import { SemblanceError } from '../../base/errors.js';
import { workerUrl } from '../../base/paths.js';
import type { Fitted, FittingInput, FittingStart, FittingTask, FromFittingThread } from './fitting-tasks.js';

export interface FitApartOptions {
  /** Ends the thread. */
  readonly signal?: AbortSignal | undefined;
  /** After each step of a task that has steps, with its number from 1 on. */
  readonly onStep?: ((done: number) => void) | undefined;
}

/**
 * Fits in a thread of its own, for a server answers searches meanwhile and keeps its job: on this one it would do neither for
 * seconds, or a minute.
 * @throws SemblanceError as the task; `signal`'s reason
 */
export async function fitApart<T extends FittingTask>(
  task: T,
  input: FittingInput<T>,
  { signal, onStep }: FitApartOptions,
): Promise<Fitted<T>> {
  signal?.throwIfAborted();
  const start = { task, input } as FittingStart;
  const worker = new Worker(workerUrl('methods/fitting/fitting-worker'), { workerData: start, name: 'fitting' });
  const stop = (): void => void worker.terminate();
  signal?.addEventListener('abort', stop, { once: true });
  let steps = 0;
  try {
    return await new Promise<Fitted<T>>((resolve, reject) => {
      worker.on('message', (message: FromFittingThread) => {
        if (message.kind === 'step') onStep?.(++steps);
        else if (message.kind === 'fitted') resolve(message.fitted as Fitted<T>);
        else reject(new SemblanceError(message.code, message.message));
      });
      worker.once('error', reject);
      worker.once('exit', (code) => {
        reject(
          signal?.aborted === true
            ? (signal.reason as Error)
            : new Error(`The fitting thread died (exit code ${code})`),
        );
      });
    });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
