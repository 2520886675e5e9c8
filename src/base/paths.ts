import { existsSync, readFileSync } from 'node:fs';
import { access, constants, mkdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ConfigurationError, messageOf } from './errors.js';

/** Where the program's own files lie, the same from `src` under vitest as from `dist`. */
export const packageRoot = findPackageRoot(dirname(fileURLToPath(import.meta.url)));
export const bundledModelsFolder = join(packageRoot, 'models');
export const migrationsFolder = join(packageRoot, 'prisma', 'migrations');
export const packageVersion = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

/**
 * URL of a worker's built file, `name` as in 'models/session/worker'. Always from `dist`, for a worker thread cannot load
 * TypeScript: tests build first.
 */
export function workerUrl(name: string): URL {
  return pathToFileURL(join(packageRoot, 'dist', `${name}.js`));
}

/**
 * Where the socket of the embedded database lies, and uploads while they arrive.
 * @throws ConfigurationError where it is missing, or this user may not write in it
 */
export async function temporaryFolder(): Promise<string> {
  const folder = tmpdir();
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error('it is no folder');
    await access(folder, constants.W_OK | constants.X_OK);
    return folder;
  } catch (cause) {
    throw new ConfigurationError(
      `The folder for temporary files, ${folder}, cannot be written in (${messageOf(cause)}): make it, or set TMPDIR to another.`,
      { cause },
    );
  }
}

/** @throws Error that says why not, where this user could not write in it afterwards */
export async function makeWritableFolder(folder: string, mode = 0o777): Promise<void> {
  await makeFolder(folder, mode);
  await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
}

/**
 * Not mkdir's own `recursive`: where a file system answers ENOENT for a folder whose parent exists, as /proc does, Node 20
 * tries for ever.
 */
async function makeFolder(folder: string, mode: number): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new Error('it is no folder');
  await makeFolder(dirname(folder), mode);
  await mkdir(folder, { mode }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
}

function findPackageRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('package.json was not found above the program');
  return findPackageRoot(parent);
}
