import { statfs } from 'node:fs/promises';
import type pg from 'pg';
import { SemblanceError } from '../base/errors.js';
import { minFreeDatabaseBytes } from '../base/limits.js';

/** Of an embedded database, its folder. */
const folders = new WeakMap<pg.Pool, string>();

/** From now on requireRoom looks at the disk of `folder`. */
export function watchRoom(pool: pg.Pool, folder: string): void {
  folders.set(pool, folder);
}

/** Written twice, to its table and to the log, with what pages and indexes add. */
const bytesOnDiskPerByte = 3;

/**
 * Keeps what is about to store a file from filling the disk of an embedded database: that ends where it cannot write its log, and then
 * answers no search either. To be called inside of the transaction, for then nobody else writes. A server's disk is its own concern.
 * @param sizeBytes the file's; vectors have room in what is kept free
 * @throws SemblanceError STORAGE_FULL
 */
export async function requireRoom(pool: pg.Pool, sizeBytes = 0): Promise<void> {
  const folder = folders.get(pool);
  if (folder === undefined) return;
  // A folder that cannot be asked about is the database's to find out.
  const stats = await statfs(folder).catch(() => undefined);
  if (stats === undefined) return;
  const freeBytes = stats.bavail * stats.bsize;
  if (freeBytes < minFreeDatabaseBytes + bytesOnDiskPerByte * sizeBytes) {
    throw new SemblanceError('STORAGE_FULL', 'The database has no room left');
  }
}
