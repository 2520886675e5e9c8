import { setTimeout } from 'node:timers/promises';
import { SemblanceError, type ErrorCode } from '../errors.js';
import { maxRetryAfterMs } from '../limits.js';

export const defaultRetryWaitsMs: readonly number[] = [250, 500, 1000, 2000, 4000, 8000];

/** Whoever answered so may serve again in a moment: the image is tried again. */
const passing: ReadonlySet<ErrorCode> = new Set(['OVERLOADED', 'RATE_LIMITED', 'DATABASE_UNAVAILABLE']);
/** Every other image would fail with it too. */
const final: ReadonlySet<ErrorCode> = new Set([
  ...passing,
  'MODEL_UNAVAILABLE',
  'STORAGE_FULL',
  'UNAUTHENTICATED',
  'FORBIDDEN',
]);

/** What a server has asked for, as far as anybody waits for it. */
function askedWaitMs(error: SemblanceError): number {
  const seconds = 'retryAfterSeconds' in error ? error.retryAfterSeconds : undefined;
  return typeof seconds === 'number' ? Math.min(maxRetryAfterMs, seconds * 1000) : 0;
}

/** As many attempts as waits, and one. `signal` ends a wait with its reason. */
export async function retrying<T>(
  attempt: () => Promise<T>,
  waitsMs: readonly number[],
  signal: AbortSignal | undefined,
): Promise<T> {
  for (const waitMs of waitsMs) {
    let askedMs: number;
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof SemblanceError && passing.has(error.code))) throw error;
      askedMs = askedWaitMs(error);
    }
    await setTimeout(Math.max(waitMs, askedMs), undefined, { signal });
  }
  return attempt();
}

/** Whether there is no point in going on with other images. */
export function endsAll(error: unknown): boolean {
  return error instanceof SemblanceError && final.has(error.code);
}

/** Whether this image has its answer, and trying again would not change it. */
export function isAnswer(error: unknown): boolean {
  return error instanceof SemblanceError && !passing.has(error.code);
}
