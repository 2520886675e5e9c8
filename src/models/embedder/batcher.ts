import { SemblanceError } from '../../base/errors.js';
import { Line } from '../../base/concurrency/line.js';
import type { Priority } from '../../base/concurrency/priority.js';

export interface BatcherOptions<Item, Result> {
  /** Answers a batch with one result per item, in the same order. Not called again before it has settled. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Most items of one run; asked before each. */
  readonly batchSize: () => number;
  /** Most items of one priority that wait. */
  readonly maxWaiting: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Runs one batch at a time, each of one priority: all waiting queries go before any bulk item, unless that has waited for long:
 * see Line. So a query waits for no more bulk work than the one batch that is running.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  readonly #line = new Line<Waiting<Item, Result>>();
  #running = false;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  get waiting(): Readonly<Record<Priority, number>> {
    return this.#line.waiting;
  }

  /** @throws SemblanceError OVERLOADED */
  assertRoom(priority: Priority): void {
    if (this.#line.waiting[priority] < this.#options.maxWaiting) return;
    throw new SemblanceError('OVERLOADED', 'Too many images wait to be embedded');
  }

  /**
   * @param signal an abort rejects with its reason; a waiting item then leaves the queue
   * @throws SemblanceError OVERLOADED, or what `run` throws
   */
  async submit(item: Item, priority: Priority, signal?: AbortSignal): Promise<Result> {
    signal?.throwIfAborted();
    this.assertRoom(priority);
    let entry: Waiting<Item, Result>;
    const onAbort = () => {
      this.#line.delete(entry, priority);
      entry.reject(signal?.reason);
    };
    try {
      return await new Promise<Result>((resolve, reject) => {
        entry = { item, resolve, reject };
        this.#line.add(entry, priority);
        signal?.addEventListener('abort', onAbort, { once: true });
        this.#startRun();
      });
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Rejects everything that waits. A batch that is running goes on. */
  rejectWaiting(error: Error): void {
    for (const entry of this.#line.clear()) entry.reject(error);
  }

  #startRun(): void {
    if (this.#running) return;
    const batch = this.#line.take(Math.max(1, this.#options.batchSize()));
    if (batch.length === 0) return;
    this.#running = true;
    void this.#runBatch(batch);
  }

  async #runBatch(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.run(batch.map(({ item }) => item));
      batch.forEach((entry, i) => {
        // `run` gives one result per item.
        entry.resolve(results[i] as Result);
      });
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    }
    this.#running = false;
    this.#startRun();
  }
}
