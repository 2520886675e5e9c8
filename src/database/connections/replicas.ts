import { setTimeout } from 'node:timers/promises';
import type pg from 'pg';
import { messageOf, SemblanceError } from '../../base/errors.js';
import { healthTimeoutMs, replicaRecheckMs, retryIntervalMs } from '../../base/limits.js';
import { connectStore, type ConnectedStore } from '../connected-store.js';
import { toStoreError } from '../errors.js';
import { ownName, type Schemas } from '../identifiers.js';
import { createServerPool } from './pool.js';

export interface ReplicasOptions {
  readonly urls: readonly string[];
  /** Connections to each. */
  readonly connections: number;
  readonly primary: pg.Pool;
  /** For the operator: a replica is left out, or is used again. */
  readonly onLog: (message: string) => void;
}

/** A position in the write-ahead log. */
type Lsn = bigint;

/**
 * Streaming replicas that reads may go to. A replica is used while it answers, is a standby of this very database, and has
 * replayed all that this server wrote: so who writes through this server reads it through this server. What a replica does not
 * have, or fails over, the primary is asked for.
 */
export class ReadReplicas {
  readonly #options: ReplicasOptions;
  readonly #replicas: readonly Replica[];
  readonly #reads = { replica: 0, primary: 0 };
  /** Up to where this server wrote; undefined before its first write. */
  #written: Lsn | undefined;
  /** A write whose position could not be asked for: until it is, no replica is known to have it. */
  #positionUnknown = false;
  #asks = false;
  #next = 0;

  constructor(options: ReplicasOptions) {
    this.#options = options;
    this.#replicas = options.urls.map((url, index) => new Replica(index + 1, url, options));
  }

  get states(): readonly { readonly up: boolean }[] {
    return this.#replicas.map(({ up }) => ({ up }));
  }

  /** By who answered. */
  get reads(): Readonly<Record<'replica' | 'primary', number>> {
    return this.#reads;
  }

  /** Once the primary is there and migrated; again whenever it is found so. */
  async connect(schemas: Schemas): Promise<void> {
    const history = await readHistory(this.#options.primary, schemas);
    await Promise.all(this.#replicas.map((replica) => replica.connect(schemas, history)));
  }

  /**
   * @param isMissing whether the answer may be that of a replica that lags
   * @throws whatever `onPrimary` throws
   */
  async read<T>(
    operation: (store: ConnectedStore) => Promise<T>,
    isMissing: (answer: T) => boolean,
    onPrimary: () => Promise<T>,
  ): Promise<T> {
    const replica = await this.#choose();
    if (replica !== undefined) {
      try {
        const answer = await replica.run(operation);
        if (!isMissing(answer)) {
          this.#reads.replica++;
          return answer;
        }
      } catch {
        // The primary says what is the matter: an image that has not arrived yet, a replica that is gone, or the truth.
      }
    }
    this.#reads.primary++;
    return onPrimary();
  }

  /** For what is the primary's to say, while nobody else can. @throws `failure` where no replica can either */
  async readInstead<T>(operation: (store: ConnectedStore) => Promise<T>, failure: unknown): Promise<T> {
    const replica = await this.#choose();
    if (replica === undefined) throw failure;
    const answer = await replica.run(operation).catch(() => {
      throw failure;
    });
    this.#reads.replica++;
    return answer;
  }

  /** After each write, before it is acknowledged. Never rejects. */
  async noteWrite(): Promise<void> {
    try {
      const { rows } = await this.#options.primary.query<{ readonly lsn: string }>({
        text: 'SELECT pg_catalog.pg_current_wal_insert_lsn()::text AS lsn',
        query_timeout: healthTimeoutMs,
      } as pg.QueryConfig);
      const written = parseLsn(rows[0]?.lsn);
      if (this.#written === undefined || (written !== undefined && written > this.#written)) this.#written = written;
      this.#positionUnknown = false;
    } catch {
      this.#positionUnknown = true;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => replica.close()));
  }

  /** In turn; undefined where none is up and far enough. */
  async #choose(): Promise<Replica | undefined> {
    if (!this.#replicas.some(({ up }) => up)) return undefined;
    if (this.#positionUnknown) {
      // Known for a read to come.
      if (!this.#asks) {
        this.#asks = true;
        void this.noteWrite().then(() => {
          this.#asks = false;
        });
      }
      return undefined;
    }
    const first = this.#next++;
    for (let turn = 0; turn < this.#replicas.length; turn++) {
      const replica = this.#replicas[(first + turn) % this.#replicas.length];
      if (replica?.up === true && (this.#written === undefined || (await replica.hasReplayed(this.#written)))) {
        return replica;
      }
    }
    return undefined;
  }
}

class Replica {
  readonly #number: number;
  readonly #pool: pg.Pool;
  /** A connection of its own: where reads take all the others, the replica is busy, not away. */
  readonly #watchPool: pg.Pool;
  readonly #name: string;
  readonly #onLog: (message: string) => void;
  readonly #closed = new AbortController();
  #schemas: Schemas | undefined;
  /** Of the primary. */
  #history = '';
  #store: ConnectedStore | undefined;
  #watching: Promise<void> | undefined;
  #up = false;
  #reason: string | undefined;
  #replayed: Lsn = 0n;
  #askedMs = 0;
  #asking: Promise<void> | undefined;
  /** Rejects what runs on the replica when it is left out. */
  readonly #running = new Set<(error: Error) => void>();

  constructor(number: number, url: string, { connections, onLog }: ReplicasOptions) {
    this.#number = number;
    this.#name = new URL(url).host;
    this.#onLog = onLog;
    // The next look at the replica tells of it.
    const onIdleError = (): void => undefined;
    this.#pool = createServerPool(url, { connections, onIdleError });
    this.#watchPool = createServerPool(url, { connections: 1, onIdleError });
  }

  get up(): boolean {
    return this.#up;
  }

  async connect(schemas: Schemas, history: string): Promise<void> {
    this.#history = history;
    if (this.#schemas?.own !== schemas.own || this.#schemas.vector !== schemas.vector) {
      await this.#store?.close();
      this.#schemas = schemas;
      this.#store = connectStore(this.#pool, schemas);
    }
    this.#watching ??= this.#watch();
  }

  /** Ends with an error as soon as the replica is left out: nobody waits for one that is cut off. */
  async run<T>(operation: (store: ConnectedStore) => Promise<T>): Promise<T> {
    const store = this.#store;
    if (store === undefined) throw new Error('The replica is not connected');
    let reject: (error: Error) => void = () => undefined;
    const lost = new Promise<never>((_resolve, onLost) => {
      reject = onLost;
    });
    this.#running.add(reject);
    try {
      return await Promise.race([operation(store), lost]);
    } catch (error) {
      const translated = toStoreError(error);
      if (translated instanceof SemblanceError && translated.code === 'DATABASE_UNAVAILABLE') {
        this.#leaveOut(messageOf(error));
      }
      throw translated;
    } finally {
      this.#running.delete(reject);
    }
  }

  async hasReplayed(position: Lsn): Promise<boolean> {
    if (this.#replayed >= position) return true;
    // One that lags by much is not asked before each read.
    if (performance.now() - this.#askedMs >= replicaRecheckMs) await this.#look();
    return this.#up && this.#replayed >= position;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#up = false;
    await this.#watching;
    await this.#store?.close();
    await Promise.all([this.#pool.end(), this.#watchPool.end()]);
  }

  async #watch(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      await this.#look();
      await setTimeout(retryIntervalMs, undefined, { signal: this.#closed.signal }).catch(() => undefined);
    }
  }

  /** At most one look at a time. Never rejects. */
  #look(): Promise<void> {
    this.#asking ??= this.#lookNow().finally(() => {
      this.#askedMs = performance.now();
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #lookNow(): Promise<void> {
    if (this.#schemas === undefined) return;
    try {
      const { rows } = await this.#watchPool.query<{ readonly standby: boolean; readonly lsn: string | null }>({
        text: `SELECT pg_catalog.pg_is_in_recovery() AS standby, pg_catalog.pg_last_wal_replay_lsn()::text AS lsn`,
        query_timeout: healthTimeoutMs,
      } as pg.QueryConfig);
      const replayed = parseLsn(rows[0]?.lsn);
      if (rows[0]?.standby !== true || replayed === undefined) throw new Error('it is no standby that replays a log');
      if (!this.#up && (await readHistory(this.#watchPool, this.#schemas)) !== this.#history) {
        throw new Error('it is no replica of this database, or lacks its last migrations');
      }
      if (this.#closed.signal.aborted) return;
      this.#replayed = replayed;
      if (this.#up) return;
      this.#up = true;
      this.#reason = undefined;
      this.#onLog(`read replica ${this.#number} (${this.#name}) is used`);
    } catch (error) {
      this.#leaveOut(messageOf(error));
    }
  }

  #leaveOut(reason: string): void {
    this.#up = false;
    // It may come back as another, restored from a backup.
    this.#replayed = 0n;
    for (const reject of this.#running) reject(new Error('The replica was left out'));
    if (reason === this.#reason || this.#closed.signal.aborted) return;
    this.#reason = reason;
    this.#onLog(`read replica ${this.#number} (${this.#name}) is left out: ${reason}`);
  }
}

/** The ids of the applied migrations: drawn at random, so those of another database differ. */
async function readHistory(pool: pg.Pool, schemas: Schemas): Promise<string> {
  const { rows } = await pool.query<{ readonly history: string | null }>({
    text: `SELECT string_agg(id, ',' ORDER BY id) AS history FROM ${ownName(schemas, '_prisma_migrations')}
           WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`,
    query_timeout: healthTimeoutMs,
  } as pg.QueryConfig);
  return rows[0]?.history ?? '';
}

/** https://www.postgresql.org/docs/current/datatype-pg-lsn.html: two 32-bit halves in hexadecimal. */
function parseLsn(text: string | null | undefined): Lsn | undefined {
  const [high, low] = text?.split('/') ?? [];
  return high === undefined || low === undefined ? undefined : (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}
