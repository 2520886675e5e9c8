import type pg from 'pg';
import { databaseConnectTimeoutMs, databaseStatementTimeoutMs } from '../../base/limits.js';
import { isRetryable } from '../errors.js';
import { PatientPool } from './patient-pool.js';
import { allSettings, SettingClient, type SettingConfig } from './session-settings.js';

export interface PoolOptions {
  readonly connections: number;
  /** An idle connection was lost; the pool replaces it. */
  readonly onIdleError: (error: Error) => void;
}

/**
 * What both kinds of connections share. The timeout is the client's own: statement_timeout would have to be SET in a session,
 * or sent at the start, which PgBouncer refuses. An operator sets it for the role: see docs/postgres.md.
 */
const common = {
  application_name: 'semblance',
  query_timeout: databaseStatementTimeoutMs,
} as const;

/**
 * Its sessions begin with the settings of session-settings.ts.
 * @param url its parameter query_timeout, in milliseconds, takes the place of `databaseStatementTimeoutMs`
 */
export function createServerPool(url: string, options: PoolOptions): pg.Pool {
  const pool = createPool(
    {
      ...common,
      Client: SettingClient,
      settings: allSettings,
      connectionString: url,
      max: options.connections,
      connectionTimeoutMillis: databaseConnectTimeoutMs,
      idleTimeoutMillis: 30_000,
      // A connection that a firewall has forgotten must not hang for the two hours of TCP's default.
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    },
    options,
  );
  servers.set(pool, { idleInTransactionMs: queryTimeoutOf(url) });
  return pool;
}

/** Pools that lead to a server, not to the embedded database. */
const servers = new WeakMap<pg.Pool, { readonly idleInTransactionMs: number }>();

export function isServer(pool: pg.Pool): boolean {
  return servers.has(pool);
}

/**
 * Never what the database or the role has for a default: behind another isolation level a lock that was waited for shows no newer row.
 * A snapshot sees the database as it is at its first query, and writes nothing.
 */
export type TransactionMode = 'ISOLATION LEVEL READ COMMITTED' | 'ISOLATION LEVEL REPEATABLE READ, READ ONLY';

/**
 * Where the network swallows a transaction, the server hears of no end: for hours its locks would refuse the same image, and hold
 * up whatever changes the spaces. So it ends the session itself; an operator's own limit stands. A snapshot locks nobody out, and an
 * export may wait for a slow disk. The embedded database has no timers.
 */
export function beginStatement(pool: pg.Pool, mode: TransactionMode = 'ISOLATION LEVEL READ COMMITTED'): string {
  const server = servers.get(pool);
  const begin = `BEGIN ${mode}`;
  if (server === undefined || mode !== 'ISOLATION LEVEL READ COMMITTED') return begin;
  const setting = `'idle_in_transaction_session_timeout'`;
  return `${begin}; SELECT set_config(${setting}, '${server.idleInTransactionMs}', true) WHERE current_setting(${setting}) = '0'`;
}

function queryTimeoutOf(url: string): number {
  const given = URL.canParse(url) ? Number(new URL(url).searchParams.get('query_timeout')) : 0;
  return Number.isInteger(given) && given > 0 ? given : databaseStatementTimeoutMs;
}

export function createEmbeddedPool(
  socket: { readonly host: string; readonly port: number },
  options: PoolOptions,
): pg.Pool {
  return createPool(
    {
      ...common,
      // Every field that pg would otherwise take from PG… variables, which mean another server.
      host: socket.host,
      port: socket.port,
      user: 'postgres',
      password: 'none',
      database: 'postgres',
      ssl: false,
      max: options.connections,
      // All connections share one backend: waiting for one is waiting for the queries ahead.
      connectionTimeoutMillis: databaseStatementTimeoutMs,
      idleTimeoutMillis: 0,
    },
    options,
  );
}

function createPool(config: pg.PoolConfig & SettingConfig, options: PoolOptions): pg.Pool {
  const pool = new PatientPool(config);
  retryAlone(pool);
  // Whoever waits for a connection listens.
  pool.setMaxListeners(0);
  // Without a listener, a connection that is lost while idle ends the process.
  pool.on('error', options.onIdleError);
  pool.on('connect', (client) => {
    // Likewise one that is lost between two statements of a transaction; the next statement reports it.
    client.on('error', () => undefined);
  });
  return pool;
}

/** Of one statement. It does not lose to other transactions so often by chance. */
const maxAttempts = 5;

/**
 * Runs a single statement again that failed because of another transaction: it is a transaction by itself, so nothing of it was done.
 * Under READ COMMITTED it would have waited; it fails where the default is stricter and a pooler does not let ours through.
 */
function retryAlone(pool: pg.Pool): void {
  const query: (...given: readonly unknown[]) => Promise<pg.QueryResult> = pool.query.bind(pool);
  pool.query = async (...given: readonly unknown[]) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await query(...given);
      } catch (error) {
        if (attempt === maxAttempts || !isRetryable(error)) throw error;
      }
    }
  };
}
