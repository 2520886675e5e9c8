import { open, rm, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { hubRetryDelayMs, maxHubAttempts, maxHubRetryAfterMs } from '../../base/limits.js';
import { sha256OfFile } from '../../base/disk.js';
import type { Hub, HubBody, HubFile } from './hub.js';
import { connectionError, HubError } from './hub-error.js';

export interface DownloadOptions {
  readonly hub: Hub;
  readonly file: HubFile;
  /** Size of the whole file, and the SHA-256 that it must have (lower-case hex). */
  readonly expected: { readonly bytes: number; readonly sha256: string };
  /** Where it is gathered. What an earlier download left there is gone on from. */
  readonly path: string;
  readonly signal?: AbortSignal | undefined;
  /** How many bytes there are now. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly onRetry?: ((reason: string, waitMs: number) => void) | undefined;
  readonly retryDelayMs?: number | undefined;
}

/**
 * Downloads a file, resuming where an attempt or an earlier run was cut off, and resolves once its bytes are on the disk
 * and have the expected SHA-256. One process at a time. A file that is found wrong is removed.
 * @throws HubError; the error of the disk; the signal's reason
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { file, expected, path, signal, onRetry } = options;
  const resumed = await gather(options);
  let actual = await sha256OfFile(path, signal);
  // What an earlier run left may be at fault: once more, from the first byte.
  if (actual !== expected.sha256 && resumed) {
    onRetry?.('What an earlier download left does not belong to this file', 0);
    await rm(path);
    await gather(options);
    actual = await sha256OfFile(path, signal);
  }
  if (actual === expected.sha256) return;
  await rm(path);
  throw new HubError(
    `The hub sent ${file.path} with SHA-256 ${actual}, and ${expected.sha256} is expected: it was thrown away`,
  );
}

/** Runs `attempt` until it succeeds, waiting between attempts as the hub asks; for what no further attempt mends, not again. */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  options: Pick<DownloadOptions, 'signal' | 'onRetry' | 'retryDelayMs'> & {
    /** Whether the last attempt brought something, so that counting begins anew. */
    readonly progressed?: () => boolean;
  },
): Promise<T> {
  const { signal, onRetry, retryDelayMs = hubRetryDelayMs, progressed = () => false } = options;
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof HubError) || !error.retry) throw error;
      if (progressed()) failures = 1;
      if (failures >= maxHubAttempts) throw error;
      const waitMs = error.retryAfterMs ?? retryDelayMs * 2 ** (failures - 1);
      if (waitMs > maxHubRetryAfterMs) {
        throw new HubError(`${error.message}, and asks to wait for ${Math.ceil(waitMs / 1000)} s`, {
          unreachable: true,
          cause: error,
        });
      }
      onRetry?.(error.message, waitMs);
      await delay(waitMs, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** Brings the file at `path` to its whole size. @returns whether it began with what was there */
async function gather(options: DownloadOptions): Promise<boolean> {
  const { path, expected, onBytes } = options;
  const handle = await open(path, 'a', 0o644);
  let bytes = (await handle.stat()).size;
  try {
    if (bytes > expected.bytes) {
      await handle.truncate(0);
      bytes = 0;
    }
    const resumed = bytes > 0;
    onBytes?.(bytes);
    let before = bytes;
    const attempt = async (): Promise<void> => {
      before = bytes;
      await append(options, handle, bytes, (now) => {
        bytes = now;
        onBytes?.(now);
      });
    };
    if (bytes < expected.bytes) await withRetries(attempt, { ...options, progressed: () => bytes > before });
    await handle.sync();
    return resumed;
  } finally {
    await handle.close();
    if (bytes === 0) await rm(path, { force: true });
  }
}

/** One request: everything from `offset` on, as far as it comes. */
async function append(
  { hub, file, expected, signal }: DownloadOptions,
  handle: FileHandle,
  offset: number,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const body = await hub.open(file, offset, signal);
  const { stream } = body;
  // Destroyed while it still sends, it fails once more, with nobody left to hear it.
  stream.on('error', () => undefined);
  try {
    if (body.totalBytes !== undefined && body.totalBytes !== expected.bytes) {
      throw new HubError(`The hub states ${expected.bytes} bytes for ${file.path} and sends ${body.totalBytes}`);
    }
    let bytes = offset;
    if (body.offset !== offset) {
      if (body.offset !== 0) throw new HubError('The hub resumes elsewhere than it was asked', { retry: true });
      await handle.truncate(0);
      bytes = 0;
      onBytes(0);
    }
    for await (const chunk of readable(body)) {
      if (bytes + chunk.length > expected.bytes) {
        throw new HubError(`The hub sends more than the ${expected.bytes} bytes that it states for ${file.path}`);
      }
      await handle.appendFile(chunk);
      bytes += chunk.length;
      onBytes(bytes);
    }
    if (bytes < expected.bytes) throw new HubError('The answer was cut short', { retry: true, unreachable: true });
  } finally {
    stream.destroy();
  }
}

/** The stream's own errors as the hub's; the disk's stay what they are. */
async function* readable({ stream, host }: HubBody): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    throw connectionError(host, error);
  }
}
