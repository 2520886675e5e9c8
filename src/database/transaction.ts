import type pg from 'pg';
import { isGivenUp } from './errors.js';
import { beginStatement, type TransactionMode } from './connections/pool.js';

/**
 * Runs `work` on one connection between BEGIN and COMMIT. `work` must not take a second connection: in the embedded
 * database all connections are one backend, and the second would wait for the first for ever.
 */
export async function transaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
  mode?: TransactionMode,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(beginStatement(pool, mode));
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A connection that cannot roll back is not given to anybody else. Behind a statement that has not ended, ROLLBACK would wait as
    // long again, for a caller who has waited enough.
    if (error instanceof Error && isGivenUp(error)) broken = error;
    else {
      await client.query('ROLLBACK').catch((rollbackError: unknown) => {
        broken = rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError));
      });
    }
    throw error;
  } finally {
    client.release(broken);
  }
}
