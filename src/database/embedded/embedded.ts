import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, messageOf } from '../../base/errors.js';
import { retryIntervalMs } from '../../base/limits.js';
import { temporaryFolder } from '../../base/paths.js';
import { describeCopy, makeDataDir, prepareDatabaseFolder } from './data-folder.js';
import { lockDataFolder, type DataFolderLock } from './lock.js';
import { startPostgresThread, type PostgresThread } from './thread.js';
import type { WorkerInput } from './worker-messages.js';

export interface EmbeddedPostgres {
  /** For pg's `host` and `port`: the socket is `<host>/.s.PGSQL.<port>`. */
  readonly host: string;
  readonly port: number;
  /** Tells other processes that want the data folder where this one serves. @throws ConfigurationError */
  recordUrl(url: string): Promise<void>;
  /** Checkpoint, close, release. To be called when all connections are closed. */
  close(): Promise<void>;
}

const port = 5432;
const socketName = `.s.PGSQL.${port}`;
/** sun_path holds 104 bytes on macOS and 108 on Linux, its final zero included. */
const maxSocketPathBytes = 103;

/** The operator's to mend, as is a wrong setting. */
export class DiskFullError extends ConfigurationError {}

interface EmbeddedPostgresOptions {
  /** Undefined: in memory. */
  readonly dataDir: string | undefined;
  readonly onLog: (message: string) => void;
  /** See prepareDatabaseFolder. */
  readonly keepLeftovers?: boolean | undefined;
}

/**
 * Starts Postgres in a worker thread.
 * @throws DataFolderInUseError, DiskFullError, ConfigurationError
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    return await start(options);
  } catch (error) {
    throw explainDiskFull(options.dataDir, error);
  }
}

function explainDiskFull(dataDir: string | undefined, error: unknown): unknown {
  if (dataDir === undefined || !isDiskFull(error)) return error;
  return new DiskFullError(
    `The disk of the data folder ${dataDir} or of temporary files (${tmpdir()}) is full, and the database cannot start: free some of it, and start again.`,
    { cause: error },
  );
}

/** Of a file of ours by its code, of one of Postgres's by what it said last. */
function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device|quota exceeded/i.test(messageOf(error));
}

async function start({ dataDir, onLog, keepLeftovers }: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  if (dataDir !== undefined) await makeDataDir(dataDir);
  const lock = dataDir === undefined ? undefined : await lockDataFolder(dataDir, { onLog });
  if (dataDir !== undefined && lock?.copiedFromPid !== undefined) onLog(describeCopy(dataDir, lock.copiedFromPid));
  let socketFolder: string | undefined;
  try {
    const data = dataDir === undefined ? undefined : await prepareDatabaseFolder(dataDir, { keepLeftovers });
    socketFolder = await makeSocketFolder(lock);
    const input = { socketPath: join(socketFolder, socketName), data };
    const thread = await startPostgresThread(input, onLog);
    return new RunningPostgres({ dataDir, socketFolder, input, thread, lock, onLog });
  } catch (error) {
    await release(socketFolder, lock);
    throw error;
  }
}

class RunningPostgres implements EmbeddedPostgres {
  readonly host: string;
  readonly port = port;
  readonly #dataDir: string | undefined;
  readonly #input: WorkerInput;
  readonly #lock: DataFolderLock | undefined;
  readonly #onLog: (message: string) => void;
  #closing = false;
  /** The thread that runs, or the next one where it was lost. */
  #thread: Promise<PostgresThread | undefined>;

  constructor(options: {
    readonly dataDir: string | undefined;
    readonly socketFolder: string;
    readonly input: WorkerInput;
    readonly thread: PostgresThread;
    readonly lock: DataFolderLock | undefined;
    readonly onLog: (message: string) => void;
  }) {
    this.host = options.socketFolder;
    this.#dataDir = options.dataDir;
    this.#input = options.input;
    this.#lock = options.lock;
    this.#onLog = options.onLog;
    this.#thread = Promise.resolve(options.thread);
    this.#watch(options.thread);
    void options.lock?.lost.then((pid) => this.#abandon(pid));
  }

  async recordUrl(url: string): Promise<void> {
    try {
      await this.#lock?.recordUrl(url);
    } catch (error) {
      const explained = explainDiskFull(this.#dataDir, error);
      if (explained instanceof ConfigurationError) throw explained;
      throw new ConfigurationError(
        `The address of this server cannot be written to the data folder ${this.#dataDir ?? ''}: ${messageOf(error)}.`,
        { cause: error },
      );
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    try {
      await (await this.#thread)?.close();
    } finally {
      await release(this.host, this.#lock);
    }
  }

  /** As Postgres's own supervisor does that finds another one's lock: two that write would destroy the database. */
  async #abandon(pid: number): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#onLog(
      `process ${pid} has taken over the data folder while this one gave no sign of life, so the database is closed here: end this server`,
    );
    await (await this.#thread)?.abandon();
  }

  /**
   * A thread that is lost (Postgres gave up, or ran out of memory) is replaced, as a server's supervisor does: what was
   * committed is in the folder. A database in memory is gone with its thread.
   */
  #watch(thread: PostgresThread): void {
    void thread.exited.then(() => {
      if (this.#closing || this.#input.data === undefined) return;
      this.#onLog('the embedded database is started again');
      this.#thread = this.#restart({ ...this.#input, data: { ...this.#input.data, initialise: false } });
    });
  }

  /** Undefined once this Postgres is closing. */
  async #restart(input: WorkerInput): Promise<PostgresThread | undefined> {
    let lastReason: string | undefined;
    while (!this.#closing) {
      try {
        const thread = await startPostgresThread(input, this.#onLog);
        this.#watch(thread);
        return thread;
      } catch (error) {
        const reason = messageOf(error);
        if (reason !== lastReason) this.#onLog(`the embedded database does not start: ${reason}`);
        lastReason = reason;
        await new Promise((resolve) => setTimeout(resolve, retryIntervalMs));
      }
    }
    return undefined;
  }
}

async function release(socketFolder: string | undefined, lock: DataFolderLock | undefined): Promise<void> {
  if (socketFolder !== undefined) await rm(socketFolder, { recursive: true, force: true });
  await lock?.release();
}

/**
 * A fresh one, mode 0700: the database has no password, so the folder is what keeps other users out. The lock names it before it is
 * there, and until another is named: whenever this process is killed, the next holder removes it. Nobody guesses the name.
 */
async function makeSocketFolder(lock: DataFolderLock | undefined): Promise<string> {
  if (lock?.abandonedSocketFolder !== undefined) await rm(lock.abandonedSocketFolder, { recursive: true, force: true });
  const temporary = await temporaryFolder();
  const name = `semblance-${randomBytes(8).toString('hex')}`;
  const fits = Buffer.byteLength(join(temporary, name, socketName)) <= maxSocketPathBytes;
  const folder = join(fits ? temporary : '/tmp', name);
  await lock?.recordSocketFolder(folder);
  await mkdir(folder, { mode: 0o700 });
  return folder;
}
