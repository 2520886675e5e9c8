import { randomUUID } from 'node:crypto';
import { rename, rm, utimes } from 'node:fs/promises';
import { ConfigurationError, messageOf } from '../../base/errors.js';
import { identityOfFolder } from './folder-identity.js';
import {
  isOfCopy,
  linkFile,
  lockPath,
  readChain,
  readHolder,
  readRecord,
  removeLeftovers,
  withRecordFile,
  claimPath,
  type Claim,
  type LockFile,
  type LockRecord,
} from './lock-file.js';
import { ownIdentity } from './process-identity.js';

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
  /**
   * Resolves with the process that has succeeded this one, because there was no sign of life: one that is stopped for some
   * seconds cannot be told from a dead one by another container.
   */
  readonly lost: Promise<number>;
  recordSocketFolder(folder: string): Promise<void>;
  /** For processes that want the folder while this one serves it. */
  recordUrl(url: string): Promise<void>;
  /** A lock that cannot be removed is logged, and no error: it is left as a killed process leaves it. */
  release(): Promise<void>;
}

export interface LockOptions {
  readonly heartbeatMs?: number;
  /** Is told what the operator is to know. Standard error by default. */
  readonly onLog?: (message: string) => void;
}

const defaultHeartbeatMs = 1_000;

/**
 * Makes this process the only user of the data folder. Postgres's own lock is of no use: every embedded one believes to
 * be process 42.
 *
 * Exactly one of any number of processes succeeds. The lock file appears whole, by link(2). To succeed a killed holder is
 * to link a claim under a name that its nonce makes, which one process alone can do; whoever is killed at that leaves a
 * holder like any other, to be succeeded in the same way. No process removes the claim of another that lives.
 * @throws DataFolderInUseError
 */
export async function lockDataFolder(dataDir: string, options: LockOptions = {}): Promise<DataFolderLock> {
  const { heartbeatMs = defaultHeartbeatMs, onLog = console.error } = options;
  const path = lockPath(dataDir);
  const own = await ownClaim(dataDir);
  for (;;) {
    const { chain, holder } = await readHolder(path, own, heartbeatMs);
    if (holder !== undefined) throw new DataFolderInUseError(dataDir, holder.pid, servedUrl(holder, own));
    const before = leftBy(chain, own);
    // Named until it is removed, lest a process that is killed before that forgets it.
    const socketFolder = before.abandonedSocketFolder ?? null;
    const record = { ...own, nonce: randomUUID(), socketFolder, url: null };
    if (!(await succeed(path, chain, record))) continue;
    await removeLeftovers(path, own, record.nonce);
    return new HeldLock(dataDir, record, before, { heartbeatMs, onLog });
  }
}

/** Where the server that holds the data folder listens. Undefined where there is none, or it does not listen yet. */
export async function readServerUrl(dataDir: string): Promise<string | undefined> {
  return (await readRecord(lockPath(dataDir)))?.url ?? undefined;
}

/** The process that holds the data folder; undefined where none does, or one that was killed did. */
export async function findHolder(
  dataDir: string,
): Promise<{ readonly pid: number; readonly url: string | undefined } | undefined> {
  const own = await ownClaim(dataDir);
  const { holder } = await readHolder(lockPath(dataDir), own, defaultHeartbeatMs);
  return holder && { pid: holder.pid, url: servedUrl(holder, own) };
}

/** As DataFolderLock.copiedFromPid, of a folder that nobody holds. */
export async function findCopiedFromPid(dataDir: string): Promise<number | undefined> {
  return leftBy(await readChain(lockPath(dataDir)), await ownClaim(dataDir)).copiedFromPid;
}

async function ownClaim(dataDir: string): Promise<Claim> {
  return { ...(await ownIdentity()), folder: await identityOfFolder(dataDir) };
}

/** None where it may be that of another gallery. */
function servedUrl(holder: LockRecord, own: Claim): string | undefined {
  return isOfCopy(holder, own) ? undefined : (holder.url ?? undefined);
}

/** What the holders before have left. */
type Before = Pick<DataFolderLock, 'abandonedSocketFolder' | 'copiedFromPid'>;

function leftBy(chain: readonly LockFile[], own: Claim): Before {
  const last = chain.at(-1)?.record;
  const copied = chain.find(({ record }) => record !== undefined && isOfCopy(record, own))?.record;
  return {
    // The socket that a copied lock names is the original's, which may well be running.
    abandonedSocketFolder: last === undefined || last === copied ? undefined : (last.socketFolder ?? undefined),
    copiedFromPid: copied?.pid,
  };
}

/**
 * The record is written once, before anything is claimed: a full disk leaves the lock as it was.
 * @returns false where another process was quicker: nothing of this attempt is left
 */
function succeed(path: string, chain: readonly LockFile[], record: LockRecord): Promise<boolean> {
  return withRecordFile(path, record, async (temporary) => {
    const claim = chain.at(-1)?.claimPath;
    if (claim === undefined) return linkFile(temporary, path);
    if (!(await linkFile(temporary, claim))) return false;
    // The name is free, too, where another process has claimed it, put its record in place of the lock and removed the claim. Then
    // the lock leads to that holder, and never to this claim again, for a nonce is used once.
    const now = await readChain(path);
    if (now.at(-1)?.record?.nonce !== record.nonce) {
      // It stays where the chain leads through it: another process saw no sign of life of this one, and has claimed it in turn.
      if (now.every((file) => file.path !== claim)) await rm(claim, { force: true });
      return false;
    }
    await rename(temporary, path);
    for (const file of now.slice(1)) await rm(file.path, { force: true });
    return true;
  });
}

class HeldLock implements DataFolderLock {
  readonly #dataDir: string;
  readonly #path: string;
  readonly #onLog: (message: string) => void;
  readonly #heartbeat: NodeJS.Timeout;
  readonly abandonedSocketFolder: string | undefined;
  readonly copiedFromPid: number | undefined;
  readonly lost: Promise<number>;
  #lose: (pid: number) => void = () => undefined;
  #record: LockRecord;

  constructor(dataDir: string, record: LockRecord, before: Before, { heartbeatMs, onLog }: Required<LockOptions>) {
    this.#dataDir = dataDir;
    this.#onLog = onLog;
    this.#path = lockPath(dataDir);
    this.#record = record;
    this.abandonedSocketFolder = before.abandonedSocketFolder;
    this.copiedFromPid = before.copiedFromPid;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.#heartbeat = setInterval(() => {
      // A folder that was removed under a running server is found out by the database itself.
      this.#beat().catch(() => undefined);
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
    try {
      await this.#remove();
    } catch (error) {
      this.#onLog(
        `the lock of the data folder ${this.#dataDir} cannot be removed (${messageOf(error)}): once this process has ended, the next one takes it over`,
      );
    }
  }

  /**
   * Claimed as by a successor: whoever has claimed it before, because there was no sign of life, keeps it. The claim is the
   * lock itself under a second name, because the disk may be full.
   */
  async #remove(): Promise<void> {
    const { nonce } = this.#record;
    if ((await readRecord(this.#path))?.nonce !== nonce) return;
    const claim = claimPath(this.#path, nonce);
    if (!(await linkFile(this.#path, claim))) return;
    if ((await readRecord(this.#path))?.nonce === nonce) await rm(this.#path, { force: true });
    await rm(claim, { force: true });
  }

  /** Another holder's lock gets no sign of life from this one. */
  async #beat(): Promise<void> {
    const holder = (await readChain(this.#path)).at(-1)?.record;
    if (holder === undefined) return;
    const now = new Date();
    if (holder.nonce === this.#record.nonce) await utimes(this.#path, now, now);
    else this.#lose(holder.pid);
  }

  /** @throws DataFolderInUseError where another process has succeeded this one, which gave no sign of life */
  async #write(record: LockRecord): Promise<void> {
    const holder = (await readChain(this.#path)).at(-1)?.record;
    if (holder !== undefined && holder.nonce !== record.nonce) {
      throw new DataFolderInUseError(this.#dataDir, holder.pid, holder.url ?? undefined);
    }
    this.#record = record;
    await withRecordFile(this.#path, record, (temporary) => rename(temporary, this.#path));
  }
}
