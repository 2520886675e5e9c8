import type { Response } from 'express';
import { RetryLaterError, SemblanceError } from '../errors.js';
import {
  maxOperationRequests,
  maxOperationRequestsOfOne,
  maxUploadRequests,
  maxUploadRequestsOfOne,
} from '../limits.js';
import { callerOf } from './access.js';

export interface PlacesOptions {
  readonly all: number;
  /** At most this many of them are one caller's. */
  readonly ofOne: number;
  /** As in "Too many … are in work". */
  readonly what: string;
}

/** The requests of one kind that may be in work, each from its admission to the end of its answer. */
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
   * @returns gives the place back; again does nothing
   * @throws SemblanceError OVERLOADED where all are taken; RetryLaterError RATE_LIMITED where the caller has its share
   */
  take(callerId: string): () => void {
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
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#taken--;
      const left = (this.#takenBy.get(callerId) ?? 1) - 1;
      if (left === 0) this.#takenBy.delete(callerId);
      else this.#takenBy.set(callerId, left);
    };
  }

  /** Takes a place for the caller of a request, until the answer is out or its client gone. Throws as `take`. */
  admit(response: Response): void {
    // Its client left while it was asked who it is: nothing would say when it ends.
    if (response.destroyed) return;
    response.once('close', this.take(callerOf(response).id));
  }
}

/** Where requests to /graphql are let in, so that who is accepted has a bounded number of others before it. */
export interface Admission {
  /** With files: before any of the body is read, which would cost the accepted their time. */
  readonly uploads: Places;
  /** Without files: once the small body is there, so that a slow client holds no place while it sends. */
  readonly operations: Places;
}

export function openAdmission(): Admission {
  return {
    uploads: new Places({
      all: maxUploadRequests,
      ofOne: maxUploadRequestsOfOne,
      what: 'uploads and searches by upload',
    }),
    operations: new Places({ all: maxOperationRequests, ofOne: maxOperationRequestsOfOne, what: 'operations' }),
  };
}
