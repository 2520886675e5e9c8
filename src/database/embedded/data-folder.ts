import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, messageOf } from '../../base/errors.js';
import { makeWritableFolder } from '../../base/paths.js';

/** PGlite's. It reads no other version's files. */
export const postgresMajor = '18';

export const folderName = 'postgres';
/** Of the folders in which a start makes the database, until it is whole. */
export const unfinishedPrefix = `${folderName}.new-`;

/** For the operator, of a folder that was copied while process `pid` held it. */
export function describeCopy(dataDir: string, pid: number): string {
  return (
    `The data folder ${dataDir} is a copy of one that process ${pid} had in use. What was written meanwhile may be missing or damaged ` +
    'in it, even where nothing shows.'
  );
}

/** Something is there, and what it is cannot be told. */
export class UnreadableDatabaseError extends ConfigurationError {
  constructor(
    readonly problem: string,
    readonly remedy: string,
    cause: unknown,
  ) {
    super(`${problem} ${remedy}`, { cause });
  }
}

/** What lies where the database should: `foreign` for files that are no database, or not a whole one. */
export type DatabaseFolder =
  | { readonly kind: 'missing' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'database'; readonly postgresMajor: string };

/** @throws UnreadableDatabaseError */
export async function readDatabaseFolder(folder: string): Promise<DatabaseFolder> {
  const files = await ifThere(readdir(folder), folder);
  if (files === undefined) return { kind: 'missing' };
  if (files.length === 0) return { kind: 'empty' };
  const path = join(folder, 'PG_VERSION');
  const version = await ifThere(readFile(path, 'utf8'), path);
  return version === undefined ? { kind: 'foreign' } : { kind: 'database', postgresMajor: version.trim() };
}

async function ifThere<T>(read: Promise<T>, path: string): Promise<T | undefined> {
  return read.catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    const isForbidden = code === 'EACCES' || code === 'EPERM';
    throw new UnreadableDatabaseError(
      `${path} cannot be read: ${messageOf(error)}.`,
      `${isForbidden ? 'Give this user the right to it' : 'Mend that, restore the folder from a backup'}, or set SEMBLANCE_DATA_DIR to another folder.`,
      error,
    );
  });
}

/** @throws ConfigurationError */
export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await makeWritableFolder(dataDir, 0o700);
  } catch (error) {
    throw new ConfigurationError(
      `The data folder ${dataDir} cannot be written: ${messageOf(error)}. Give this user the right to it, or set SEMBLANCE_DATA_DIR to another folder.`,
      { cause: error },
    );
  }
}

/**
 * Only for the holder of the lock. Removes what a killed start left behind, unless `keepLeftovers`.
 * @throws ConfigurationError where the folder holds something that this version cannot open.
 */
export async function prepareDatabaseFolder(
  dataDir: string,
  { keepLeftovers = false }: { readonly keepLeftovers?: boolean | undefined } = {},
): Promise<{ readonly folder: string; readonly initialise: boolean }> {
  const entries = await readdir(dataDir);
  if (!keepLeftovers) await removeLeftovers(dataDir, entries);

  const folder = join(dataDir, folderName);
  const found = await readDatabaseFolder(folder);
  if (found.kind === 'missing') return { folder, initialise: true };
  if (found.kind === 'empty') {
    await rmdir(folder);
    return { folder, initialise: true };
  }
  if (found.kind === 'foreign') {
    throw new ConfigurationError(
      `The folder ${folder} is not empty and holds no Postgres database. Move it away, or set SEMBLANCE_DATA_DIR to another folder.`,
    );
  }
  if (found.postgresMajor !== postgresMajor) {
    throw new ConfigurationError(
      `The folder ${folder} was written by Postgres ${found.postgresMajor}, and this version of Semblance embeds Postgres ${postgresMajor}. Use the version of Semblance that wrote it, or set SEMBLANCE_DATA_DIR to another folder.`,
    );
  }
  return { folder, initialise: false };
}

async function removeLeftovers(dataDir: string, entries: readonly string[]): Promise<void> {
  await Promise.all(
    entries
      .filter((name) => name.startsWith(unfinishedPrefix))
      .map((name) => rm(join(dataDir, name), { recursive: true, force: true })),
  );
}
