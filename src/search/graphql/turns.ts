import { setImmediate } from 'node:timers/promises';
import { answerSliceMs } from '../../base/limits.js';

/**
 * Lets its callers go on one after another, and gives the event loop a turn every `answerSliceMs`: GraphQL makes all rows of a list at
 * once, which for a thousand would keep every other request waiting.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #sliceEndMs = performance.now() + answerSliceMs;

  /** The value when its turn has come. */
  async wait<T>(value: T): Promise<T> {
    this.#last = this.#last.then(async () => {
      if (performance.now() < this.#sliceEndMs) return;
      await setImmediate();
      this.#sliceEndMs = performance.now() + answerSliceMs;
    });
    await this.#last;
    return value;
  }
}
