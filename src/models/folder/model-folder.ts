import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError } from '../../base/errors.js';
import { bundledModelsFolder } from '../../base/paths.js';
import { loadManifest } from '../manifest.js';
import type { Manifest } from '../manifest-schema.js';
import { errorCode, isMissing, makeFolder, removeFolder, sizeOf, throwDiskError } from '../../base/disk.js';
import { readLock, type ModelLock } from './lock-file.js';

/** Where installed models lie: `models/` of the data folder. */
export interface ModelsFolder {
  /** Absolute. */
  readonly path: string;
  /** Makes this process the only one that works on the files in a folder, or tells which one does. */
  readonly acquire: (folder: string) => Promise<FolderClaim>;
}

export type FolderClaim =
  | { readonly kind: 'held'; readonly release: () => Promise<void> }
  | { readonly kind: 'busy'; readonly pid: number };

export interface Waiting {
  readonly signal?: AbortSignal | undefined;
  /** Another process works on the same model. */
  readonly onWait?: ((pid: number) => void) | undefined;
}

/** What is in the making; its name is none that a model may have. */
const workFolderName = '.downloads';
const waitMs = 500;
const maxVanished = 3;

export type InstalledModel =
  | { readonly kind: 'absent' }
  | { readonly kind: 'whole'; readonly manifest: Manifest; readonly lock: ModelLock | undefined }
  /** The folder is there and cannot serve. */
  | { readonly kind: 'broken'; readonly reason: string };

/** @throws ConfigurationError unless the name can be a folder's, and no bundled model has it */
export async function assertOwnName(name: string): Promise<void> {
  assertName(name);
  if (!(await bundledNames()).includes(name)) return;
  throw new ConfigurationError(`${name} is bundled: it is neither installed nor removed. Give yours another name.`);
}

export function assertName(name: string): void {
  if (/^[\w][\w.-]*$/.test(name)) return;
  throw new ConfigurationError(
    `${JSON.stringify(name)} cannot be a model's name: it is made of letters, digits, ".", "_" and "-", and begins with none of "." and "-".`,
  );
}

export async function bundledNames(): Promise<readonly string[]> {
  return subfolders(bundledModelsFolder);
}

/** Folders under models/, whatever is in them. */
export async function installedNames({ path }: ModelsFolder): Promise<readonly string[]> {
  return (await subfolders(path)).filter((name) => !name.startsWith('.'));
}

export function folderOf({ path }: ModelsFolder, name: string): string {
  return join(path, name);
}

/** Reads no weights: their size is compared, not their checksum. */
export async function inspectInstalled(folder: string): Promise<InstalledModel> {
  if (!(await exists(folder))) return { kind: 'absent' };
  try {
    const [manifest, lock] = [await loadManifest(folder), await readLock(folder)];
    if (lock === 'broken') return { kind: 'broken', reason: 'its lock file is damaged' };
    const bytes = await sizeOf(manifest.weightsPath);
    if (lock !== undefined && lock.sha256 !== manifest.sha256) {
      return { kind: 'broken', reason: 'its manifest and its lock file state different weights' };
    }
    if (lock !== undefined && lock.bytes !== bytes) {
      return { kind: 'broken', reason: `its weights have ${bytes ?? 0} bytes, the lock file states ${lock.bytes}` };
    }
    return { kind: 'whole', manifest, lock };
  } catch (error) {
    return { kind: 'broken', reason: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Runs `work` in a folder for one model's files, with no other process in it; files that it leaves are there for the next.
 * @throws ConfigurationError where the folder cannot be written
 */
export async function inWorkFolder<T>(
  models: ModelsFolder,
  name: string,
  { signal, onWait }: Waiting,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const parent = join(models.path, workFolderName);
  const folder = join(parent, name);
  try {
    const release = await claim(models, [models.path, parent, folder], { signal, onWait });
    try {
      return await work(folder);
    } finally {
      await release();
      // Both stay where something is left in them.
      for (const path of [folder, parent]) await rmdir(path).catch(() => undefined);
    }
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    throwDiskError(error, models.path);
  }
}

/** What lies in a work folder besides its claim. */
export async function leftovers(workFolder: string): Promise<readonly string[]> {
  const names = await readdir(workFolder);
  return names.filter((name) => !name.startsWith('semblance.lock')).map((name) => join(workFolder, name));
}

export async function clear(paths: readonly string[]): Promise<void> {
  for (const path of paths) await removeFolder(path);
}

async function claim(
  { acquire }: ModelsFolder,
  folders: readonly [string, string, string],
  { signal, onWait }: Waiting,
): Promise<() => Promise<void>> {
  let told = false;
  for (let vanished = 0; ;) {
    try {
      for (const path of folders) await makeFolder(path);
      const answer = await acquire(folders[2]);
      if (answer.kind === 'held') return answer.release;
      if (!told) onWait?.(answer.pid);
      told = true;
    } catch (error) {
      // Another process ended just now, and tidied up behind it.
      vanished += 1;
      if (errorCode(error) !== 'ENOENT' || vanished > maxVanished) throw error;
    }
    await delay(waitMs, undefined, signal === undefined ? {} : { signal });
  }
}

async function exists(folder: string): Promise<boolean> {
  return readdir(folder).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
}

async function subfolders(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map(({ name }) => name).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
