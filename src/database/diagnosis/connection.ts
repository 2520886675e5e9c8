import type pg from 'pg';
import { messageOf } from '../../base/errors.js';
import { sqlStateOf } from '../errors.js';
import { problem, type Finding } from './finding.js';

/**
 * Whether the pool's role gets into the database.
 * @param variable that names the database: `DATABASE_URL`
 */
export async function diagnoseConnection(pool: pg.Pool, variable: string): Promise<Finding | undefined> {
  try {
    await pool.query('SELECT 1');
    return undefined;
  } catch (error) {
    return explain(error, variable);
  }
}

function explain(error: unknown, variable: string): Finding {
  const said = describe(error);
  switch (sqlStateOf(error)) {
    case '28P01':
    case '28000':
      return problem(
        'database-login',
        `The database server refuses the role of ${variable}: ${said}.`,
        `Correct user and password in ${variable}, or let the role in (pg_hba.conf).`,
      );
    case '3D000':
      return problem(
        'database-login',
        `The database of ${variable} does not exist: ${said}.`,
        `Create it, or correct its name in ${variable}.`,
      );
    case '42501':
      return problem(
        'database-login',
        `The role of ${variable} may not enter the database: ${said}.`,
        'Grant it CONNECT on the database.',
      );
    case '53300':
      return problem(
        'database-connections',
        `The database server has no connection left: ${said}.`,
        'Raise its max_connections, lower SEMBLANCE_DATABASE_CONNECTIONS of the servers, or put a pooler before it.',
      );
    case '57P03':
      return problem(
        'database',
        `The database server takes no connections at the moment: ${said}.`,
        'Wait until it has started, and look again.',
      );
    default:
      return problem(
        'database',
        `The database of ${variable} cannot be reached: ${said}.`,
        `Check that it runs, and that ${variable} names its host and port.`,
      );
  }
}

/** The driver names host, role and database in it, never a password. One that tried several addresses says nothing itself. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return (error.errors as readonly unknown[]).map(messageOf).join(', ');
  return messageOf(error).replace(/\.$/, '');
}

/** Whether the database takes writes at the moment. */
export async function diagnoseWrites(pool: pg.Pool): Promise<Finding | undefined> {
  const { rows } = await pool.query<{ readonly standby: boolean; readonly read_only: boolean }>(
    `SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only')::boolean AS read_only`,
  );
  const [state] = rows;
  if (state?.standby === true) {
    return problem(
      'read-only',
      'The database is a standby, which takes no writes.',
      'Point DATABASE_URL to the primary, or promote this one.',
    );
  }
  if (state?.read_only === true) {
    return problem(
      'read-only',
      'The database takes no writes: default_transaction_read_only is on.',
      'Turn it off for the role, the database or the server; some hosts turn it on where the disk is full.',
    );
  }
  return undefined;
}
