import pg from 'pg';
import { databaseConnectTimeoutMs, databaseStatementTimeoutMs } from '../limits.js';

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

export function createServerPool(url: string, options: PoolOptions): pg.Pool {
  return createPool(
    {
      ...common,
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

function createPool(config: pg.PoolConfig, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool(config);
  // Without a listener, a connection that is lost while idle ends the process.
  pool.on('error', options.onIdleError);
  pool.on('connect', (client) => {
    // Likewise one that is lost between two statements of a transaction; the next statement reports it.
    client.on('error', () => undefined);
  });
  return pool;
}
