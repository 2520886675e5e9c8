import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, messageOf } from '../../errors.js';
import { makeWritableFolder } from '../../paths.js';

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
  if (!entries.includes(folderName)) return { folder, initialise: true };
  if ((await readdir(folder)).length === 0) {
    await rmdir(folder);
    return { folder, initialise: true };
  }
  const version = await readFile(join(folder, 'PG_VERSION'), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
  if (version === undefined) {
    throw new ConfigurationError(
      `The folder ${folder} is not empty and holds no Postgres database. Move it away, or set SEMBLANCE_DATA_DIR to another folder.`,
    );
  }
  if (version !== postgresMajor) {
    throw new ConfigurationError(
      `The folder ${folder} was written by Postgres ${version}, and this version of Semblance embeds Postgres ${postgresMajor}. Use the version of Semblance that wrote it, or set SEMBLANCE_DATA_DIR to another folder.`,
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
