import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Where the program's own files lie, the same from `src` under vitest as from `dist`. */
export const packageRoot = findPackageRoot(dirname(fileURLToPath(import.meta.url)));
export const bundledModelsFolder = join(packageRoot, 'models');
export const migrationsFolder = join(packageRoot, 'prisma', 'migrations');
export const packageVersion = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

/**
 * URL of a worker's built file, `name` as in 'embedding/worker'. Always from `dist`, for a worker thread cannot load
 * TypeScript: tests build first.
 */
export function workerUrl(name: string): URL {
  return pathToFileURL(join(packageRoot, 'dist', `${name}.js`));
}

function findPackageRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('package.json was not found above the program');
  return findPackageRoot(parent);
}
