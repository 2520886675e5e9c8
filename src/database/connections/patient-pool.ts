import pg from 'pg';
import { sqlStateOf } from '../errors.js';
import { allSettings, keptByPoolers, type SettingConfig } from './session-settings.js';

/** A pooler refuses settings that it does not keep: PgBouncer by the first code, Amazon's proxy by the second. */
const refusesSettings: ReadonlySet<string | undefined> = new Set(['08P01', '0A000']);

/** Between two attempts, where no connection of ours comes free before. */
const retryMs = 200;

type Callback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: Error | boolean) => void,
) => void;

/**
 * Where a pooler stands before the database, connections are made with the settings that all poolers keep.
 *
 * Where Postgres grants no further connection (53300: all are taken, or the role's limit is reached), those that the pool has do
 * the work: whoever asked for another waits for one of them, as long as for a connection. A pool that has none says so at once.
 */
export class PatientPool extends pg.Pool {
  declare readonly options: pg.PoolOptions & SettingConfig;

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<pg.PoolClient> | void {
    const endMs = performance.now() + (this.options.connectionTimeoutMillis ?? 0);
    if (callback !== undefined) {
      this.#attempt(endMs, callback);
      return;
    }
    return new Promise((resolve, reject) => {
      this.#attempt(endMs, (error, client) => {
        if (client === undefined) reject(error ?? new Error('The pool gave no connection'));
        else resolve(client);
      });
    });
  }

  #attempt(endMs: number, callback: Callback): void {
    const { settings } = this.options;
    super.connect((error, client, done) => {
      if (settings === allSettings && refusesSettings.has(sqlStateOf(error))) {
        this.options.settings = keptByPoolers;
        this.#attempt(endMs, callback);
        return;
      }
      const refused = error !== undefined && sqlStateOf(error) === '53300';
      if (!refused || this.totalCount === 0 || performance.now() >= endMs) callback(error, client, done);
      else {
        this.#soon(() => {
          this.#attempt(endMs, callback);
        });
      }
    });
  }

  /** Once a connection was given back, or after `retryMs`. */
  #soon(next: () => void): void {
    const go = (): void => {
      clearTimeout(timer);
      this.off('release', go);
      // The pool tells of it before it has it.
      setImmediate(next);
    };
    const timer = setTimeout(go, retryMs);
    this.once('release', go);
  }
}
