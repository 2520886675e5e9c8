import type { ErrorCode } from './errors.js';

/** How far a long operation is. `stage` is in words, and `total` may be 0 where a stage's end is not known. */
export interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

export type OnProgress = (progress: Progress) => void;

/** An image that a long operation passed over. */
export interface FailedImage {
  readonly imageId: string;
  readonly reason: string;
  /** None for an error that no client may see: `reason` is for the operator alone then. */
  readonly code?: ErrorCode | undefined;
  /** What it came of, for the operator alone. */
  readonly cause?: unknown;
}
