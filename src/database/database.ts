import { join } from 'node:path';
import type pg from 'pg';
import type { Config } from '../base/config.js';
import { folderName } from './embedded/data-folder.js';
import { startEmbeddedPostgres } from './embedded/embedded.js';
import { createEmbeddedPool, createServerPool } from './connections/pool.js';
import { watchRoom } from './room.js';
import type { StoreKind } from './store.js';

/**
 * A Postgres to talk to: a pool of pg connections, the same for the embedded database and for a server. Statements are
 * unnamed, no session is ever SET, and search_path is never relied on: the embedded connections share one backend, and
 * behind PgBouncer a connection changes its backend between transactions.
 */
export interface Database {
  readonly kind: StoreKind;
  /** One driver for all three. Prisma's adapter takes it as it is: `new PrismaPg(database.pool)`. Do not end it: `close`. */
  readonly pool: pg.Pool;
  /** Of the role that makes and drops tables: SEMBLANCE_ADMIN_DATABASE_URL's where it is set, else `pool`. */
  readonly adminPool: pg.Pool;
  /** Postgres schema that holds Semblance's tables. A plain lower-case identifier. */
  readonly schema: string;
  /** Tells processes that find the embedded data folder in use where this one serves HTTP. Nothing for the others. */
  recordServerUrl(url: string): Promise<void>;
  /** Ends the pool; the embedded database writes a checkpoint, and its folder is free for another process. */
  close(): Promise<void>;
}

/** Spaces are made and removed one at a time. */
const adminConnections = 2;

export type DatabaseOptions = Pick<Config, 'database' | 'schema' | 'dataDir' | 'databaseConnections'> & {
  /** For the operator: lost connections, failed maintenance. Standard error by default. */
  readonly onLog?: (message: string) => void;
  /** For a look that changes nothing: what a killed start left in the data folder stays. */
  readonly keepLeftovers?: boolean;
};

/**
 * `server`: connects to nothing, so it succeeds while the server is away; the first query tells.
 * `embedded` and `memory`: starts Postgres, and resolves once it answers: within a second for a folder that exists, a few
 * seconds for a new one.
 * @throws DataFolderInUseError where another process holds the data folder, ConfigurationError where it cannot be used.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { database, schema, dataDir, databaseConnections: connections } = options;
  const onLog =
    options.onLog ??
    ((message) => {
      console.error(message);
    });
  const onIdleError = (error: Error): void => {
    onLog(`lost a connection to the database: ${error.message}`);
  };

  if (database.kind === 'server') {
    const pool = createServerPool(database.url, { connections, onIdleError });
    const adminPool =
      database.adminUrl === undefined
        ? pool
        : createServerPool(database.adminUrl, { connections: adminConnections, onIdleError });
    return new OpenDatabase(
      'server',
      schema,
      pool,
      adminPool,
      () => Promise.resolve(),
      () => Promise.resolve(),
    );
  }
  const postgres = await startEmbeddedPostgres({
    dataDir: database.kind === 'memory' ? undefined : dataDir,
    onLog,
    keepLeftovers: options.keepLeftovers,
  });
  const pool = createEmbeddedPool(postgres, { connections, onIdleError });
  if (database.kind === 'embedded') watchRoom(pool, join(dataDir, folderName));
  return new OpenDatabase(
    database.kind,
    schema,
    pool,
    pool,
    (url) => postgres.recordUrl(url),
    () => postgres.close(),
  );
}

class OpenDatabase implements Database {
  #closing: Promise<void> | undefined;

  constructor(
    readonly kind: StoreKind,
    readonly schema: string,
    readonly pool: pg.Pool,
    readonly adminPool: pg.Pool,
    readonly recordServerUrl: (url: string) => Promise<void>,
    private readonly closePostgres: () => Promise<void>,
  ) {}

  close(): Promise<void> {
    const pools = new Set([this.pool, this.adminPool]);
    this.#closing ??= Promise.all([...pools].map((pool) => pool.end()))
      .then(() => undefined)
      .finally(this.closePostgres);
    return this.#closing;
  }
}
