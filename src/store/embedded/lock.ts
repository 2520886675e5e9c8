import { createHash, randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError } from '../../errors.js';
import { identityOfFolder, isSameFolder, type FolderIdentity } from './folder-identity.js';
import { livenessOf, ownIdentity, type ProcessIdentity } from './process-identity.js';

/** Who holds the data folder. The nonce makes each holding a different text. */
interface LockRecord extends ProcessIdentity {
  readonly nonce: string;
  /** Where it was written, by which a copy is told. None in the locks of older versions. */
  readonly folder?: FolderIdentity | undefined;
  /** Holds the database's socket; left behind by a process that was killed. */
  readonly socketFolder: string | null;
  /** Where the holder serves HTTP, once it does. */
  readonly url: string | null;
}

/** The embedded database has one user at a time; the command line offers to work through the one that there is. */
export class DataFolderInUseError extends ConfigurationError {
  constructor(
    readonly dataDir: string,
    readonly pid: number,
    /** Undefined where the holder serves no HTTP, or not yet, or may be serving another folder of which this is a copy. */
    readonly url: string | undefined,
  ) {
    super(
      `The data folder ${dataDir} is in use by process ${pid}${url === undefined ? '' : `, a server at ${url}`}. ` +
        (url === undefined
          ? 'Wait for it to end, or set SEMBLANCE_DATA_DIR to another folder. For several at a time, start a server with `semblance serve`: commands beside it work through it, from anywhere with --server.'
          : `Work through it with --server ${url}, or set SEMBLANCE_DATA_DIR to another folder.`),
    );
  }
}

export interface DataFolderLock {
  /** Of the holder before, if it was killed. */
  readonly abandonedSocketFolder: string | undefined;
  /** The process whose lock came with this folder when it was copied: it may have written meanwhile. */
  readonly copiedFromPid: number | undefined;
  recordSocketFolder(folder: string): Promise<void>;
  /** For processes that want the folder while this one serves it. */
  recordUrl(url: string): Promise<void>;
  release(): Promise<void>;
}

const defaultHeartbeatMs = 1_000;
/** A holder whose process cannot be asked about, or holds another folder, is dead after so many heartbeats without a sign. */
const missedHeartbeats = 5;

/**
 * Makes this process the only user of the data folder. Postgres's own lock is of no use: every embedded one believes to
 * be process 42.
 *
 * Exactly one of any number of processes succeeds. The lock file appears whole, by link(2). A killed process's lock is
 * replaced only by whoever won the right to replace that very text.
 * @throws DataFolderInUseError
 */
export async function lockDataFolder(
  dataDir: string,
  options: { readonly heartbeatMs?: number } = {},
): Promise<DataFolderLock> {
  const heartbeatMs = options.heartbeatMs ?? defaultHeartbeatMs;
  const own = await ownClaim(dataDir);
  const record = { ...own, nonce: randomUUID(), socketFolder: null, url: null };
  const before = await acquire(dataDir, record, heartbeatMs);
  return new HeldLock(dataDir, record, heartbeatMs, before);
}

/** Where the server that holds the data folder listens. Undefined where there is none, or it does not listen yet. */
export async function readServerUrl(dataDir: string): Promise<string | undefined> {
  return parseRecord(await readText(lockPath(dataDir)))?.url ?? undefined;
}

/** The process that holds the data folder; undefined where none does, or one that was killed did. */
export async function findHolder(
  dataDir: string,
): Promise<{ readonly pid: number; readonly url: string | undefined } | undefined> {
  const path = lockPath(dataDir);
  const text = await readText(path);
  const holder = parseRecord(text);
  if (text === undefined || holder === undefined) return undefined;
  const own = await ownClaim(dataDir);
  const held = await isHeld(path, text, holder, own, defaultHeartbeatMs);
  return held ? { pid: holder.pid, url: servedUrl(holder, own) } : undefined;
}

/** As DataFolderLock.copiedFromPid, of a folder that nobody holds. */
export async function findCopiedFromPid(dataDir: string): Promise<number | undefined> {
  const holder = parseRecord(await readText(lockPath(dataDir)));
  return holder !== undefined && isOfCopy(holder, await ownClaim(dataDir)) ? holder.pid : undefined;
}

/** Who asks, and for which folder. */
type Claim = ProcessIdentity & { readonly folder: FolderIdentity };

async function ownClaim(dataDir: string): Promise<Claim> {
  return { ...(await ownIdentity()), folder: await identityOfFolder(dataDir) };
}

/** Written in another folder, and copied with it. Older versions' locks do not tell: they count as written here. */
function isOfCopy(holder: LockRecord, own: Claim): boolean {
  if (holder.folder === undefined) return false;
  const sameBoot = holder.bootId !== null && holder.bootId === own.bootId;
  return !isSameFolder(holder.folder, own.folder, { sameBoot });
}

/** None where it may be that of another gallery. */
function servedUrl(holder: LockRecord, own: Claim): string | undefined {
  return isOfCopy(holder, own) ? undefined : (holder.url ?? undefined);
}

/** What the holder before has left. */
type Before = Pick<DataFolderLock, 'abandonedSocketFolder' | 'copiedFromPid'>;

async function acquire(dataDir: string, record: LockRecord & Claim, heartbeatMs: number): Promise<Before> {
  const path = lockPath(dataDir);
  const temporary = `${path}.${record.nonce}`;
  try {
    await writeFile(temporary, JSON.stringify(record), { flag: 'wx', mode: 0o600 });
    for (;;) {
      if (await tryLink(temporary, path)) return { abandonedSocketFolder: undefined, copiedFromPid: undefined };
      const text = await readText(path);
      if (text === undefined) continue;
      const holder = parseRecord(text);
      if (holder !== undefined && (await isHeld(path, text, holder, record, heartbeatMs))) {
        throw new DataFolderInUseError(dataDir, holder.pid, servedUrl(holder, record));
      }
      const before = leftBy(holder, record);
      // Named until it is removed, lest a process that is killed before that forgets it.
      const inherited = { ...record, socketFolder: before.abandonedSocketFolder ?? null };
      if (await replace(path, text, temporary, inherited, heartbeatMs)) return before;
    }
  } finally {
    await rm(temporary, { force: true });
  }
}

function leftBy(holder: LockRecord | undefined, own: Claim): Before {
  // The socket that a copied lock names is the original's, which may well be running.
  return holder !== undefined && isOfCopy(holder, own)
    ? { abandonedSocketFolder: undefined, copiedFromPid: holder.pid }
    : { abandonedSocketFolder: holder?.socketFolder ?? undefined, copiedFromPid: undefined };
}

async function isHeld(
  path: string,
  text: string,
  holder: LockRecord,
  own: Claim,
  heartbeatMs: number,
): Promise<boolean> {
  const liveness = await livenessOf(holder, own);
  if (liveness === 'dead') return false;
  // The holder gives signs of life to its own folder's lock: a copy's gets none.
  if (liveness === 'alive' && !isOfCopy(holder, own)) return true;
  const before = await modifiedMs(path);
  for (let beat = 0; beat < missedHeartbeats; beat++) {
    await delay(heartbeatMs);
    if ((await modifiedMs(path)) !== before) return (await readText(path)) !== undefined;
  }
  const now = await readText(path);
  return now !== undefined && now !== text;
}

/** Replaces the lock `stale` by our own, unless another process is about to. */
async function replace(
  path: string,
  stale: string,
  temporary: string,
  own: LockRecord & Claim,
  heartbeatMs: number,
): Promise<boolean> {
  const claim = `${path}.takeover-${createHash('sha256').update(stale).digest('hex').slice(0, 16)}`;
  if (!(await tryLink(temporary, claim))) {
    const text = await readText(claim);
    const claimant = parseRecord(text);
    const stillClaimed =
      claimant !== undefined && text !== undefined && (await isHeld(claim, text, claimant, own, heartbeatMs));
    if (!stillClaimed) await rm(claim, { force: true });
    await delay(heartbeatMs / 20);
    return false;
  }
  try {
    if ((await readText(path)) !== stale) return false;
    const copy = `${temporary}.new`;
    await writeFile(copy, JSON.stringify(own), { flag: 'wx', mode: 0o600 });
    await rename(copy, path);
    return true;
  } finally {
    await rm(claim, { force: true });
  }
}

class HeldLock implements DataFolderLock {
  readonly #path: string;
  readonly #heartbeat: NodeJS.Timeout;
  readonly abandonedSocketFolder: string | undefined;
  readonly copiedFromPid: number | undefined;
  #record: LockRecord;

  constructor(dataDir: string, record: LockRecord, heartbeatMs: number, before: Before) {
    this.#path = lockPath(dataDir);
    this.#record = record;
    this.abandonedSocketFolder = before.abandonedSocketFolder;
    this.copiedFromPid = before.copiedFromPid;
    this.#heartbeat = setInterval(() => {
      const now = new Date();
      // A folder that was removed under a running server is found out by the database itself.
      utimes(this.#path, now, now).catch(() => undefined);
    }, heartbeatMs);
    this.#heartbeat.unref();
  }

  recordSocketFolder(socketFolder: string): Promise<void> {
    return this.#write({ ...this.#record, socketFolder });
  }

  recordUrl(url: string): Promise<void> {
    return this.#write({ ...this.#record, url });
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    if (parseRecord(await readText(this.#path))?.nonce === this.#record.nonce) await rm(this.#path, { force: true });
  }

  async #write(record: LockRecord): Promise<void> {
    this.#record = record;
    const temporary = `${this.#path}.${record.nonce}`;
    try {
      await writeFile(temporary, JSON.stringify(record), { mode: 0o600 });
      await rename(temporary, this.#path);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

function lockPath(dataDir: string): string {
  return join(dataDir, 'semblance.lock');
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function modifiedMs(path: string): Promise<number | undefined> {
  return stat(path).then(
    (stats) => stats.mtimeMs,
    () => undefined,
  );
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function parseRecord(text: string | undefined): LockRecord | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is LockRecord {
  return (
    typeof value === 'object' && value !== null && 'pid' in value && typeof value.pid === 'number' && 'nonce' in value
  );
}
