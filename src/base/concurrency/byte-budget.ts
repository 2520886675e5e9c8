import { RetryLaterError, SemblanceError } from '../errors.js';

export interface ByteBudgetOptions {
  readonly maxBytes: number;
  /** At most so many of them are one owner's; as many as there are unless given. */
  readonly maxBytesOfOne?: number;
  /** As in "There is no room for more …". */
  readonly what: string;
}

/** What one of the holders has of a budget. */
export interface ByteHold {
  /**
   * Adds nothing where it throws.
   * @throws SemblanceError OVERLOADED where all holders together would hold too much; RetryLaterError RATE_LIMITED where
   * those of this owner would
   */
  add(bytes: number): void;
  /** Gives back all of it; again does nothing. */
  release(): void;
}

/**
 * Bounds the bytes that many hold together, where a count of holders would not: one may hold a thousand times as much as
 * another. It refuses and lets nobody wait, for who waits goes on holding. Whoever is alone may hold any number: whatever is
 * too large for everybody is somebody else's to refuse.
 */
export class ByteBudget {
  readonly #options: ByteBudgetOptions;
  readonly #heldBy = new Map<string, number>();
  #heldBytes = 0;

  constructor(options: ByteBudgetOptions) {
    this.#options = options;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @param owner whose share it counts to */
  open(owner = ''): ByteHold {
    const { maxBytes, maxBytesOfOne = maxBytes, what } = this.#options;
    let ownBytes = 0;
    return {
      add: (bytes) => {
        const ownersBytes = this.#heldBy.get(owner) ?? 0;
        if (this.#heldBytes > ownBytes && this.#heldBytes + bytes > maxBytes) {
          throw new SemblanceError('OVERLOADED', `There is no room for more ${what}`);
        }
        if (ownersBytes > ownBytes && ownersBytes + bytes > maxBytesOfOne) {
          throw new RetryLaterError('RATE_LIMITED', `Your share of the room for ${what} is taken`, 1);
        }
        this.#heldBytes += bytes;
        this.#heldBy.set(owner, ownersBytes + bytes);
        ownBytes += bytes;
      },
      release: () => {
        this.#heldBytes -= ownBytes;
        const left = (this.#heldBy.get(owner) ?? 0) - ownBytes;
        if (left > 0) this.#heldBy.set(owner, left);
        else this.#heldBy.delete(owner);
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
