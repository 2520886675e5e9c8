import { SemblanceError } from '../errors.js';
import { Line } from './line.js';
import type { Priority } from './priority.js';

export interface SemaphoreQueue {
  /** Most tasks of one priority that wait. */
  readonly maxWaiting: number;
  /** Message of the OVERLOADED beyond them. */
  readonly refusal: string;
}

/** Lets at most `permits` tasks run at once; of the others, queries come before bulk, each in the order of arrival: see Line. */
export class Semaphore {
  readonly #line = new Line<() => void>();
  readonly #queue: SemaphoreQueue | undefined;
  #free: number;

  /** @param queue no bound unless given */
  constructor(permits: number, queue?: SemaphoreQueue) {
    if (!Number.isInteger(permits) || permits < 1)
      throw new RangeError(`A semaphore needs at least one permit, not ${permits}`);
    this.#free = permits;
    this.#queue = queue;
  }

  /** Tasks that wait for a permit. */
  get waiting(): Readonly<Record<Priority, number>> {
    return this.#line.waiting;
  }

  /** @throws SemblanceError OVERLOADED where a task of that priority could not even wait */
  assertRoom(priority: Priority): void {
    if (this.#queue === undefined || this.#line.waiting[priority] < this.#queue.maxWaiting) return;
    throw new SemblanceError('OVERLOADED', this.#queue.refusal);
  }

  /**
   * Runs `task` once a permit is free and gives it back whatever comes of it. `signal` ends the waiting with its reason;
   * a task that has begun is not interrupted.
   * @throws SemblanceError OVERLOADED, or what `task` throws
   */
  async run<T>(task: () => Promise<T>, signal?: AbortSignal, priority: Priority = 'query'): Promise<T> {
    await this.#acquire(priority, signal);
    try {
      return await task();
    } finally {
      this.#release();
    }
  }

  #acquire(priority: Priority, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(abortReason(signal));
        return;
      }
      if (this.#free > 0) {
        this.#free--;
        resolve();
        return;
      }
      this.assertRoom(priority);
      const grant = (): void => {
        signal?.removeEventListener('abort', abandon);
        resolve();
      };
      const abandon = (): void => {
        this.#line.delete(grant, priority);
        if (signal !== undefined) reject(abortReason(signal));
      };
      this.#line.add(grant, priority);
      signal?.addEventListener('abort', abandon, { once: true });
    });
  }

  /** Hands the permit to the next in line, so that nobody who comes later overtakes. */
  #release(): void {
    const [grant] = this.#line.take(1);
    if (grant === undefined) this.#free++;
    else grant();
  }
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('Aborted', { cause: signal.reason });
}
