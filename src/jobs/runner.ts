import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { messageOf, SemblanceError, type ErrorCode } from '../base/errors.js';
import { jobPollIntervalMs, jobProgressIntervalMs } from '../base/limits.js';
import type { OnProgress } from '../base/progress.js';
import type { JobError, JobOutcome, JobRecord, Store } from '../database/store.js';
import { defaultRetryWaitsMs, retrying } from '../base/concurrency/retrying.js';
import { JobLease } from './lease.js';

export interface JobRunner {
  /** A job was begun here: it is not waited for. */
  wake(): void;
  /** Stops the job if it is worked on here; that it is cancelled, the database says. */
  stop(jobId: string): void;
  /** Gives the job in work back, so that another server, or this one after its next start, goes on with it. */
  close(): Promise<void>;
}

export interface JobRun {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** Tells the operator what went wrong with one image, which no client may see. */
  readonly onUnexpected: (error: unknown) => void;
}

export interface JobRunnerOptions {
  readonly store: Pick<Store, 'claimJob' | 'renewJob' | 'releaseJob' | 'finishJob'>;
  /** Those that `run` knows: a job of a newer version is left to a newer server. */
  readonly kinds: readonly string[];
  /** Does what a job says; a second time it goes on where the first was cut off. Its result is JSON. */
  readonly run: (job: JobRecord, run: JobRun) => Promise<unknown>;
  /** Whether a model is being loaded, which a job may then lack for a moment. */
  readonly isModelLoading: () => boolean;
  /** Nothing is begun before: settles once the server knows what it can do. */
  readonly started: Promise<unknown>;
  /** Where errors go that no client may see. */
  readonly logError: (message: string, error: unknown) => void;
  /** Told when a job is begun here and how it ended. */
  readonly log?: ((message: string, fields: Readonly<Record<string, unknown>>) => void) | undefined;
}

/** Claims jobs and works on one at a time, behind all queries. */
export function startJobRunner(options: JobRunnerOptions): JobRunner {
  return new ClaimingRunner(options);
}

/** Whoever answered so may serve again in a moment. */
const passing: ReadonlySet<ErrorCode> = new Set(['OVERLOADED', 'RATE_LIMITED', 'DATABASE_UNAVAILABLE']);

class ClaimingRunner implements JobRunner {
  readonly #options: JobRunnerOptions;
  /** In the database, of every claim of this server. */
  readonly #owner = randomUUID();
  readonly #closing = new AbortController();
  readonly #working: Promise<void>;
  #current: { readonly id: string; readonly stop: AbortController } | undefined;
  #woken = false;
  #endRest: (() => void) | undefined;
  #lastClaimFailure: string | undefined;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#working = this.#work();
  }

  wake(): void {
    this.#woken = true;
    this.#endRest?.();
  }

  stop(jobId: string): void {
    if (this.#current?.id === jobId) this.#current.stop.abort();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#endRest?.();
    await this.#working;
  }

  async #work(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#closing.signal.addEventListener('abort', resolve, { once: true });
    });
    await Promise.race([Promise.allSettled([this.#options.started]), closed]);
    while (!this.#closing.signal.aborted) {
      if (!(await this.#workOnOne())) await this.#rest();
    }
  }

  /** Until the next look for jobs. */
  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#endRest = undefined;
        this.#woken = false;
        resolve();
      };
      const timer = setTimeout(end, jobPollIntervalMs);
      this.#endRest = end;
      if (this.#woken || this.#closing.signal.aborted) end();
    });
  }

  /** @returns false where there is nothing to do, or no way to do it: not to be asked again at once */
  async #workOnOne(): Promise<boolean> {
    const job = await this.#claim();
    if (job === undefined) return false;
    const stop = new AbortController();
    // Every image on its way listens.
    setMaxListeners(0, stop.signal);
    this.#current = { id: job.id, stop };
    this.#options.log?.('job begun', { job: job.id, kind: job.kind });
    try {
      return await this.#run(job, stop);
    } catch (error) {
      // Its lease runs out, and it is claimed again.
      this.#options.logError(`Job ${job.id} could not be ended`, error);
      return false;
    } finally {
      this.#current = undefined;
    }
  }

  async #claim(): Promise<JobRecord | undefined> {
    try {
      const job = await this.#options.store.claimJob(this.#owner, this.#options.kinds);
      this.#lastClaimFailure = undefined;
      return job;
    } catch (error) {
      const failure = messageOf(error);
      // /readyz tells of a database that is away; anything else is told once.
      if (!isPassing(error) && failure !== this.#lastClaimFailure)
        this.#options.logError('Jobs cannot be claimed', error);
      this.#lastClaimFailure = failure;
      return undefined;
    }
  }

  async #run(job: JobRecord, stop: AbortController): Promise<boolean> {
    const { store } = this.#options;
    const onClose = (): void => {
      stop.abort();
    };
    if (this.#closing.signal.aborted) stop.abort();
    this.#closing.signal.addEventListener('abort', onClose);
    const lease = new JobLease({
      renew: (progress) => store.renewJob(job.id, this.#owner, progress),
      onLost: onClose,
    });
    const ticking = setInterval(() => void lease.tick(), jobProgressIntervalMs);
    let outcome: JobOutcome | { readonly state: 'queued'; readonly error?: JobError };
    try {
      outcome = { state: 'done', result: await this.#result(job, stop.signal, lease) };
    } catch (error) {
      if (stop.signal.aborted) outcome = { state: 'queued' };
      else {
        const shown = this.#presentError(job, error);
        outcome = { state: this.#mayPass(error) ? 'queued' : 'failed', error: shown };
      }
    } finally {
      clearInterval(ticking);
      this.#closing.signal.removeEventListener('abort', onClose);
      await lease.end();
    }
    this.#options.log?.('job ended', { job: job.id, kind: job.kind, state: outcome.state });
    // Where it is ours no more, neither does anything.
    if (outcome.state === 'queued') {
      const { error } = outcome;
      await store.releaseJob(job.id, this.#owner, error);
      return error === undefined;
    }
    const ending = outcome;
    await retrying(() => store.finishJob(job.id, this.#owner, ending), defaultRetryWaitsMs, this.#closing.signal);
    return true;
  }

  #result(job: JobRecord, signal: AbortSignal, lease: JobLease): Promise<unknown> {
    const { run, logError } = this.#options;
    const onUnexpected = (error: unknown): void => {
      logError(`Job ${job.id} goes on after an error`, error);
    };
    return run(job, { signal, onProgress: lease.report, onUnexpected });
  }

  /** Whether the same job may succeed in a moment. A model's worker that crashed is being started again. */
  #mayPass(error: unknown): boolean {
    const isLoading = this.#options.isModelLoading();
    return isPassing(error) || (isLoading && error instanceof SemblanceError && error.code === 'MODEL_UNAVAILABLE');
  }

  #presentError(job: JobRecord, error: unknown): JobError {
    if (error instanceof SemblanceError) {
      if (error.cause !== undefined) this.#options.logError(`Job ${job.id} failed: ${error.message}`, error.cause);
      return { code: error.code, message: error.message };
    }
    this.#options.logError(`Job ${job.id} failed`, error);
    return { code: 'INTERNAL_SERVER_ERROR', message: 'Internal server error' };
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof SemblanceError && passing.has(error.code);
}
