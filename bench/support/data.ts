import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/base/paths.js';

const run = promisify(execFile);
const archives = { caltech101: 'caltech101-half.tar.gz', cifar10: 'cifar10.tar.gz' } as const;

/** Where benchmarks keep what they unpack and import; ignored by git. */
export const benchFolder = join(packageRoot, 'bench', '.cache');

/**
 * Folder of an unpacked data set. The archives are research data and no part of the repository: SEMBLANCE_BENCH_DATA names
 * their folder, ../shared/data unless set.
 */
export async function dataset(name: keyof typeof archives): Promise<string> {
  const folder = join(benchFolder, name);
  if (existsSync(folder)) return folder;
  const archive = resolve(
    process.env.SEMBLANCE_BENCH_DATA ?? join(packageRoot, '..', 'shared', 'data'),
    archives[name],
  );
  if (!existsSync(archive)) {
    throw new Error(`${archives[name]} was not found: set SEMBLANCE_BENCH_DATA to the folder that holds it.`);
  }
  const partial = `${folder}.partial`;
  await mkdir(partial, { recursive: true });
  await run('tar', ['-xzf', archive, '-C', partial]);
  await rename(partial, folder);
  return folder;
}

/** Paths of the images below a folder, sorted. */
export async function imagesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.jpg'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
