import { lstat, readdir, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requestTimeoutMs, temporarySweepIntervalMs } from '../base/limits.js';

/** What graphql-upload-ts names the files in which it keeps uploads while they are read. */
const temporaryFile = /^capacitor-[0-9a-f]{32}\.tmp$/;

/**
 * Removes the temporary files that a killed process left behind, now and from time to time: those of the process before
 * this one are too young at its start. Keeps no process alive.
 */
export function sweepAbandonedUploads(): void {
  const sweep = (): void => void removeAbandonedUploads();
  setInterval(sweep, temporarySweepIntervalMs).unref();
  sweep();
}

/**
 * Removes the temporary files of uploads that a killed process left behind. Only those that no request can still be
 * writing, this server's or another's on the same machine: a request ends after `requestTimeoutMs`.
 */
export async function removeAbandonedUploads(nowMs = Date.now()): Promise<void> {
  const abandoned = await findAbandonedUploads(nowMs);
  // Gone in the meantime, or not ours to remove: in either case nobody's loss.
  await Promise.all(abandoned.map((path) => unlink(path).catch(() => undefined)));
}

/** Paths of what removeAbandonedUploads would remove. */
export async function findAbandonedUploads(nowMs = Date.now()): Promise<readonly string[]> {
  const folder = tmpdir();
  const names = (await readdir(folder).catch(() => [])).filter((name) => temporaryFile.test(name));
  const paths = names.map((name) => join(folder, name));
  const abandoned = await Promise.all(paths.map((path) => isAbandoned(path, nowMs)));
  return paths.filter((_, index) => abandoned[index] === true);
}

async function isAbandoned(path: string, nowMs: number): Promise<boolean> {
  return lstat(path).then(
    ({ mtimeMs, uid }) => uid === process.getuid?.() && nowMs - mtimeMs > 2 * requestTimeoutMs,
    () => false,
  );
}
