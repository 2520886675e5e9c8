import { jobLeaseMs, jobRenewIntervalMs } from '../base/limits.js';
import type { JobProgress } from '../database/store.js';
import type { OnProgress } from '../base/progress.js';

export interface LeaseOptions {
  /** False: the job is ours no more. */
  readonly renew: (progress: JobProgress) => Promise<boolean>;
  /** Called once. */
  readonly onLost: () => void;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

/**
 * Keeps a job while it is worked on, and writes how far it is: at each `tick` where there is news, and else before the lease runs
 * out. It is lost where the database says so, and where that could not be asked for as long as the lease lasts.
 */
export class JobLease {
  readonly #options: LeaseOptions;
  readonly #now: () => number;
  #progress: JobProgress = { stage: '', done: 0, total: 0 };
  #written = this.#progress;
  /** When the lease began that is known to be ours. */
  #renewedMs: number;
  #writing: Promise<void> | undefined;
  #ended = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#renewedMs = this.#now();
  }

  readonly report: OnProgress = (progress) => {
    this.#progress = progress;
  };

  /** To be called every `jobProgressIntervalMs`. One write at a time. */
  tick(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    const due = this.#now() - this.#renewedMs >= jobRenewIntervalMs;
    if (this.#writing === undefined && (due || this.#progress !== this.#written)) {
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
      });
    }
    return this.#writing ?? Promise.resolve();
  }

  /** Writes what is new. Resolves once nothing is written any more. */
  async end(): Promise<void> {
    const isLost = this.#ended;
    this.#ended = true;
    await this.#writing;
    if (!isLost && this.#progress !== this.#written) await this.#write();
  }

  async #write(): Promise<void> {
    const progress = this.#progress;
    // From before it is sent: the database's clock starts later.
    const sentMs = this.#now();
    try {
      if (await this.#options.renew(progress)) {
        this.#renewedMs = sentMs;
        this.#written = progress;
        return;
      }
    } catch {
      // The database is away, or slow: the next tick asks again.
      if (this.#now() - this.#renewedMs < jobLeaseMs) return;
    }
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onLost();
  }
}
