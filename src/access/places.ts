import { RetryLaterError, SemblanceError } from '../base/errors.js';

export interface PlacesOptions {
  readonly all: number;
  /** At most this many of them are one caller's. */
  readonly ofOne: number;
  /** As in "Too many … are in work". */
  readonly what: string;
}

/** What one request was let in with. Each method may be called again, and then does nothing. */
export interface Place {
  /** The work has begun: it goes on, and needs its place, even where the client has gone. */
  begin(): void;
  /** The work has ended, or will not begin. */
  end(): void;
  /** The client has its answer, or has gone: ends what has not begun. */
  leave(): void;
}

/** The requests of one kind that may be in work. */
export class Places {
  readonly #options: PlacesOptions;
  readonly #takenBy = new Map<string, number>();
  readonly #refusals = { full: 0, share: 0 };
  #taken = 0;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Since the start: for want of any place, and because the caller had its share. */
  get refusals(): Readonly<Record<'full' | 'share', number>> {
    return this.#refusals;
  }

  /**
   * @param callerId whose share the place counts to
   * @throws SemblanceError OVERLOADED where all are taken; RetryLaterError RATE_LIMITED where the caller has its share
   */
  take(callerId: string): Place {
    const { all, ofOne, what } = this.#options;
    if (this.#taken >= all) {
      this.#refusals.full++;
      throw new SemblanceError('OVERLOADED', `Too many ${what} are in work`);
    }
    const own = this.#takenBy.get(callerId) ?? 0;
    if (own >= ofOne) {
      this.#refusals.share++;
      throw new RetryLaterError('RATE_LIMITED', `You may have ${ofOne} ${what} in work at the same time`, 1);
    }
    this.#taken++;
    this.#takenBy.set(callerId, own + 1);
    let state: 'waiting' | 'working' | 'ended' = 'waiting';
    const end = (): void => {
      if (state === 'ended') return;
      state = 'ended';
      this.#giveBack(callerId);
    };
    return {
      begin: () => {
        if (state === 'waiting') state = 'working';
      },
      end,
      leave: () => {
        if (state === 'waiting') end();
      },
    };
  }

  #giveBack(callerId: string): void {
    this.#taken--;
    const left = (this.#takenBy.get(callerId) ?? 1) - 1;
    if (left === 0) this.#takenBy.delete(callerId);
    else this.#takenBy.set(callerId, left);
  }
}
