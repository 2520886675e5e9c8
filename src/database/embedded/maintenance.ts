import type { Gate } from './gate.js';

/** As much of PGlite as maintenance uses. */
export interface MaintenanceDatabase {
  query(sql: string): Promise<{ readonly rows: readonly unknown[] }>;
  exec(sql: string): Promise<unknown>;
}

/** An image is three rows, so tables are looked at about every 330 images. */
const changesPerLook = 1_000;
const changesPerWalLook = 64;
const bytesPerWalLook = 16 * 1024 * 1024;

/**
 * What a checkpointer and an autovacuum do in a Postgres that has background processes; the embedded one has none.
 * Each statement takes its turn at the gate like any connection, so a query waits for at most one of them.
 */
export class Maintenance {
  readonly #gate: Gate<object>;
  readonly #database: MaintenanceDatabase;
  readonly #checkpointBytes: number;
  readonly #onError: (error: unknown) => void;
  #changes = 0;
  #changesSinceWalLook = 0;
  #bytesSinceWalLook = 0;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: {
    readonly gate: Gate<object>;
    readonly database: MaintenanceDatabase;
    /** A checkpoint is written once the log has grown by so much. */
    readonly checkpointBytes: number;
    readonly onError: (error: unknown) => void;
  }) {
    this.#gate = options.gate;
    this.#database = options.database;
    this.#checkpointBytes = options.checkpointBytes;
    this.#onError = options.onError;
  }

  /** Told after each request; starts what is due and does not wait for it. */
  note(request: { readonly bytes: number; readonly changes: number }): void {
    this.#changes += request.changes;
    this.#changesSinceWalLook += request.changes;
    this.#bytesSinceWalLook += request.bytes;
    if (this.#stopped || this.#running !== undefined || !this.#isDue()) return;
    this.#running = this.#work()
      .catch(this.#onError)
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Finishes the statement under way and starts no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  #isDue(): boolean {
    return this.#walLookIsDue() || this.#changes >= changesPerLook;
  }

  #walLookIsDue(): boolean {
    return this.#changesSinceWalLook >= changesPerWalLook || this.#bytesSinceWalLook >= bytesPerWalLook;
  }

  async #work(): Promise<void> {
    if (this.#walLookIsDue()) {
      this.#changesSinceWalLook = 0;
      this.#bytesSinceWalLook = 0;
      await this.#inTurn(() => this.#checkpointIfDue());
    }
    if (this.#changes >= changesPerLook) {
      this.#changes = 0;
      for (const statement of (await this.#inTurn(() => this.#dueStatements())) ?? []) {
        await this.#inTurn(() => this.#database.exec(statement));
      }
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T | undefined> {
    const turn = {};
    await this.#gate.enter(turn);
    try {
      return this.#stopped ? undefined : await work();
    } finally {
      this.#gate.leave(turn);
    }
  }

  async #checkpointIfDue(): Promise<void> {
    const { rows } = await this.#database.query(
      'SELECT (pg_current_wal_insert_lsn() - redo_lsn)::text AS bytes FROM pg_control_checkpoint()',
    );
    const [row] = rows as readonly { readonly bytes: string }[];
    if (Number(row?.bytes) >= this.#checkpointBytes) await this.#database.exec('CHECKPOINT');
  }

  /**
   * Autovacuum's own rule with lower constants: a tenth of the table, and 300 rows at least. Its counters are lost with a
   * killed process, which therefore costs at most a tenth; a table that was never looked at is due in any case.
   */
  async #dueStatements(): Promise<readonly string[]> {
    await this.#database.query('SELECT pg_stat_force_next_flush()');
    const { rows } = await this.#database.query(`
      SELECT format(CASE WHEN wants_vacuum THEN 'VACUUM (ANALYZE) %I.%I' ELSE 'ANALYZE %I.%I' END, schemaname, relname) AS statement
      FROM (
        SELECT s.relid, s.schemaname, s.relname, c.reltuples < 0 AS unknown, s.n_mod_since_analyze >= due.rows AS wants_analyze,
               greatest(s.n_dead_tup, s.n_ins_since_vacuum) >= due.rows AS wants_vacuum
        FROM pg_stat_user_tables s
        JOIN pg_class c ON c.oid = s.relid
        CROSS JOIN LATERAL (SELECT 300 + 0.1 * greatest(c.reltuples, 0) AS rows) due
        WHERE c.relkind = 'r' AND c.relpersistence = 'p'
      ) t
      WHERE wants_vacuum OR wants_analyze OR (unknown AND pg_relation_size(relid) > 0)`);
    return (rows as readonly { readonly statement: string }[]).map((row) => row.statement);
  }
}
