import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { workerUrl } from '../../paths.js';
import { makeDataDir, prepareDatabaseFolder } from './data-folder.js';
import { lockDataFolder, type DataFolderLock } from './lock.js';
import type { WorkerInput, WorkerOrder, WorkerReport } from './worker-messages.js';

export interface EmbeddedPostgres {
  /** For pg's `host` and `port`: the socket is `<host>/.s.PGSQL.<port>`. */
  readonly host: string;
  readonly port: number;
  /** Tells other processes that want the data folder where this one serves. */
  recordUrl(url: string): Promise<void>;
  /** Checkpoint, close, release. To be called when all connections are closed. */
  close(): Promise<void>;
}

const port = 5432;
const socketName = `.s.PGSQL.${port}`;
/** sun_path holds 104 bytes on macOS and 108 on Linux, its final zero included. */
const maxSocketPathBytes = 103;

/**
 * Starts Postgres in a worker thread.
 * @param dataDir undefined: in memory
 * @throws DataFolderInUseError, ConfigurationError
 */
export async function startEmbeddedPostgres(options: {
  readonly dataDir: string | undefined;
  readonly onLog: (message: string) => void;
}): Promise<EmbeddedPostgres> {
  const { dataDir } = options;
  if (dataDir !== undefined) await makeDataDir(dataDir);
  const lock = dataDir === undefined ? undefined : await lockDataFolder(dataDir);
  let socketFolder: string | undefined;
  try {
    const data = dataDir === undefined ? undefined : await prepareDatabaseFolder(dataDir);
    socketFolder = await makeSocketFolder(lock);
    const worker = await startWorker({ socketPath: join(socketFolder, socketName), data }, options.onLog);
    return new RunningPostgres(socketFolder, worker, lock);
  } catch (error) {
    await release(socketFolder, lock);
    throw error;
  }
}

class RunningPostgres implements EmbeddedPostgres {
  readonly port = port;

  constructor(
    readonly host: string,
    private readonly worker: RunningWorker,
    private readonly lock: DataFolderLock | undefined,
  ) {}

  async recordUrl(url: string): Promise<void> {
    await this.lock?.recordUrl(url);
  }

  async close(): Promise<void> {
    try {
      await this.worker.close();
    } finally {
      await release(this.host, this.lock);
    }
  }
}

async function release(socketFolder: string | undefined, lock: DataFolderLock | undefined): Promise<void> {
  if (socketFolder !== undefined) await rm(socketFolder, { recursive: true, force: true });
  await lock?.release();
}

/** A fresh one, mode 0700: the database has no password, so the folder is what keeps other users out. */
async function makeSocketFolder(lock: DataFolderLock | undefined): Promise<string> {
  if (lock?.abandonedSocketFolder !== undefined) await rm(lock.abandonedSocketFolder, { recursive: true, force: true });
  const prefix = 'semblance-';
  const fits = Buffer.byteLength(join(tmpdir(), `${prefix}XXXXXX`, socketName)) <= maxSocketPathBytes;
  const folder = await mkdtemp(join(fits ? tmpdir() : '/tmp', prefix));
  await lock?.recordSocketFolder(folder);
  return folder;
}

interface RunningWorker {
  close(): Promise<void>;
}

/** Resolves once it listens. The thread always ends by itself: ending it in the middle of a write could tear a page. */
async function startWorker(input: WorkerInput, onLog: (message: string) => void): Promise<RunningWorker> {
  const worker = new Worker(workerUrl('store/embedded/worker'), { workerData: input, name: 'postgres' });
  let failure: Error | undefined;
  let closed = false;
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      resolve();
    });
  });
  worker.on('error', (error) => {
    failure = error instanceof Error ? error : new Error(String(error));
    onLog(`the embedded database stopped: ${failure.message}`);
  });

  await new Promise<void>((resolve, reject) => {
    worker.on('message', (report: WorkerReport) => {
      if (report.kind === 'listening') resolve();
      else if (report.kind === 'closed') closed = true;
      else if (report.kind === 'log') onLog(report.message);
      else failure = Object.assign(new Error(report.message), report.code === undefined ? {} : { code: report.code });
    });
    void exited.then(() => {
      reject(failure ?? new Error('the embedded database ended while it was starting'));
    });
  });

  return {
    close: async () => {
      worker.postMessage({ kind: 'close' } satisfies WorkerOrder);
      await exited;
      if (!closed)
        onLog(`the embedded database was not closed in order: ${failure?.message ?? 'its thread had ended'}`);
    },
  };
}
