/** Lets at most `permits` tasks run at once; the others wait in the order of their arrival. */
export class Semaphore {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(permits: number) {
    if (!Number.isInteger(permits) || permits < 1)
      throw new RangeError(`A semaphore needs at least one permit, not ${permits}`);
    this.#free = permits;
  }

  /** Tasks that wait for a permit. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Runs `task` once a permit is free and gives it back whatever comes of it. `signal` ends the waiting with its reason;
   * a task that has begun is not interrupted.
   */
  async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#acquire(signal);
    try {
      return await task();
    } finally {
      this.#release();
    }
  }

  #acquire(signal: AbortSignal | undefined): Promise<void> {
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
      const grant = (): void => {
        signal?.removeEventListener('abort', abandon);
        resolve();
      };
      const abandon = (): void => {
        this.#waiting.delete(grant);
        if (signal !== undefined) reject(abortReason(signal));
      };
      this.#waiting.add(grant);
      signal?.addEventListener('abort', abandon, { once: true });
    });
  }

  /** Hands the permit to the next in line, so that nobody who comes later overtakes. */
  #release(): void {
    for (const grant of this.#waiting) {
      this.#waiting.delete(grant);
      grant();
      return;
    }
    this.#free++;
  }
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('Aborted', { cause: signal.reason });
}
