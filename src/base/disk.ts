import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm, stat, statfs } from 'node:fs/promises';
import { ConfigurationError, messageOf } from './errors.js';

/** Lower-case hex of a file's SHA-256, read in pieces. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { signal: signal ?? undefined })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/**
 * One folder of a folder that exists: `recursive` would go round for ever where a file system, as /proc, answers ENOENT
 * for a folder whose parent exists.
 */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o755 }).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error;
  });
}

/** @throws ConfigurationError where the disk has no room for `bytes` more */
export async function assertRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new ConfigurationError(
    `The disk that holds ${folder} has ${megabytes(free)} left, and ${megabytes(bytes)} are needed: free some, or set SEMBLANCE_DATA_DIR to a folder on another disk.`,
  );
}

/** Makes the operator's sentence of what writing into `folder` fails with; anything else is thrown as it is. */
export function throwDiskError(error: unknown, folder: string): never {
  const code = errorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    throw new ConfigurationError(
      `The disk that holds ${folder} is full${code === 'EDQUOT' ? ' for this user' : ''}: free some, or set SEMBLANCE_DATA_DIR to a folder on another disk. What has been downloaded is kept, and the next pull goes on there.`,
      { cause: error },
    );
  }
  if (code !== undefined && ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT'].includes(code)) {
    throw new ConfigurationError(
      `${folder} cannot be written (${code}): give this user the right to it, or set SEMBLANCE_DATA_DIR to another folder.`,
      { cause: error },
    );
  }
  throw error;
}

/** Bytes of a file; undefined where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    (error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    },
  );
}

export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
}

export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '');
}

export function errorCode(error: unknown): string | undefined {
  const { code } = (error instanceof Error ? error : new Error(messageOf(error))) as NodeJS.ErrnoException;
  return code;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
