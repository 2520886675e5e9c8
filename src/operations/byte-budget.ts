import { SemblanceError } from '../errors.js';

export interface ByteBudgetOptions {
  readonly maxBytes: number;
  /** Message of the OVERLOADED beyond it. */
  readonly refusal: string;
}

/** What one of the holders has of a budget. */
export interface ByteHold {
  /** @throws SemblanceError OVERLOADED where all holders together would hold too much; then nothing is added */
  add(bytes: number): void;
  /** Gives back all of it; again does nothing. */
  release(): void;
}

/**
 * Bounds the bytes that many hold together, where a count of holders would not: one may hold a thousand times as much as
 * another. It refuses and lets nobody wait, for who waits goes on holding.
 */
export class ByteBudget {
  readonly #options: ByteBudgetOptions;
  #heldBytes = 0;

  constructor(options: ByteBudgetOptions) {
    this.#options = options;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  open(): ByteHold {
    let ownBytes = 0;
    return {
      add: (bytes) => {
        if (this.#heldBytes + bytes > this.#options.maxBytes) {
          throw new SemblanceError('OVERLOADED', this.#options.refusal);
        }
        this.#heldBytes += bytes;
        ownBytes += bytes;
      },
      release: () => {
        this.#heldBytes -= ownBytes;
        ownBytes = 0;
      },
    };
  }

  async use<T>(work: (hold: ByteHold) => Promise<T>): Promise<T> {
    const hold = this.open();
    try {
      return await work(hold);
    } finally {
      hold.release();
    }
  }
}
