import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, messageOf } from '../../errors.js';
import { makeWritableFolder } from '../../paths.js';

/** PGlite's. It reads no other version's files. */
export const postgresMajor = '18';

const folderName = 'postgres';

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
 * Only for the holder of the lock. Removes what a killed start left behind.
 * @throws ConfigurationError where the folder holds something that this version cannot open.
 */
export async function prepareDatabaseFolder(
  dataDir: string,
): Promise<{ readonly folder: string; readonly initialise: boolean }> {
  const entries = await readdir(dataDir);
  const unfinished = entries.filter((name) => name.startsWith(`${folderName}.new-`));
  await Promise.all(unfinished.map((name) => rm(join(dataDir, name), { recursive: true, force: true })));

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
