import { openDatabase, type DatabaseOptions } from '../database.js';
import { toStoreError } from '../errors.js';
import { quoteIdentifier } from '../identifiers.js';

const disposable = /^semblance_evaluation_[0-9a-f]{12}$/;

/**
 * Drops a schema that an evaluation made for itself, with everything in it.
 * @throws RangeError for any other name
 */
export async function dropSchema(options: DatabaseOptions): Promise<void> {
  if (!disposable.test(options.schema)) throw new RangeError(`${options.schema} was not made by an evaluation`);
  const database = await openDatabase(options);
  try {
    await database.adminPool.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(options.schema)} CASCADE`);
  } catch (error) {
    throw toStoreError(error);
  } finally {
    await database.close();
  }
}
