/**
 * The embedded Postgres's thread: PGlite blocks its thread for as long as a statement runs. It listens on a Unix socket,
 * and the rest of the program talks to it as to any Postgres.
 */
import { mkdtemp, rename } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite, type PGliteOptions } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { messageOf } from '../../base/errors.js';
import { settle } from '../../base/concurrency/threads.js';
import { Gate } from './gate.js';
import { extractInitialDatabase, readInitialDatabase } from './initial-database.js';
import { Maintenance } from './maintenance.js';
import { SocketServer, type Backend } from './socket-server.js';
import { startupMessage } from './wire.js';
import type { WorkerInput, WorkerReport } from './worker-messages.js';

const checkpointBytes = 256 * 1024 * 1024;
/** In memory the log is memory. */
const memoryCheckpointBytes = 32 * 1024 * 1024;
const idleInTransactionTimeoutMs = 60_000;

const settings = [
  // An HNSW graph that fits is built many times faster than one that does not.
  'maintenance_work_mem=256MB',
  // It costs start-up time, and no query here is long enough to gain from it.
  'jit=off',
  'min_wal_size=32MB',
];

/** The last thing that Postgres said before it gave up; what PGlite throws then says nothing. */
let lastWords: string | undefined;

const port = parentPort;
if (port === null) throw new Error('this file is a worker thread');
const report = (message: WorkerReport): void => {
  port.postMessage(message);
};

try {
  const close = await start(workerData as WorkerInput);
  port.once('message', () => {
    close().then(
      () => {
        finish({ kind: 'closed' });
      },
      (error: unknown) => {
        finish(failure(error));
      },
    );
  });
  report({ kind: 'listening' });
} catch (error) {
  finish(failure(error));
}

function finish(message: WorkerReport): void {
  report(message);
  void settle().then(() => port?.close());
}

function failure(error: unknown): WorkerReport {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { kind: 'failed', message: lastWords ?? messageOf(error), code };
}

async function start(input: WorkerInput): Promise<() => Promise<void>> {
  if (input.data?.initialise === true) await initialise(input.data.folder);
  const database = await open(input.data?.folder);
  endOnExit(database);
  const gate = new Gate<object>();
  const maintenance = new Maintenance({
    gate,
    database,
    checkpointBytes: input.data === undefined ? memoryCheckpointBytes : checkpointBytes,
    onError: (error) => {
      report({ kind: 'log', message: `maintenance of the embedded database: ${messageOf(error)}` });
    },
  });
  const server = new SocketServer({
    backend: await connectBackend(database),
    gate,
    idleInTransactionTimeoutMs,
    onRequest: (request) => {
      maintenance.note(request);
    },
    onBackendLost: (error) => {
      // Uncaught on purpose: nothing can be saved in this thread, and its end is what the main thread notices.
      setImmediate(() => {
        throw new Error(`Postgres ended: ${describeExit(error)}`);
      });
    },
  });
  await server.listen(input.socketPath);

  return async () => {
    await Promise.all([maintenance.stop(), server.close()]);
    if (input.data !== undefined) await database.exec('CHECKPOINT');
    await database.close();
  };
}

/** What PGlite's C code exits with to say that a statement failed: no exit at all. */
const failedStatementStatus = 100;

/**
 * Ends the thread where Postgres exits, as it does when its log cannot be written. PGlite swallows such an exit, and then
 * calls the main loop of a Postgres that is gone over and over without ever giving the thread back.
 */
function endOnExit(database: PGlite): void {
  const module = database.Module;
  const mainLoopOnce = module._PostgresMainLoopOnce;
  module._PostgresMainLoopOnce = () => {
    try {
      mainLoopOnce();
    } catch (error) {
      const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
      if (status !== failedStatementStatus) {
        report({ kind: 'log', message: `the embedded database stopped: ${describeExit(error)}` });
        // In a thread this ends the thread alone, at once.
        process.exit(1);
      }
      throw error;
    }
  };
}

/** Emscripten throws an object of its own where a process would have exited. */
function describeExit(error: unknown): string {
  if (lastWords !== undefined) return lastWords;
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}

/** In a folder beside, renamed once it is whole: a start that is killed leaves nothing that looks like a database. */
async function initialise(folder: string): Promise<void> {
  const temporary = await mkdtemp(`${folder}.new-`);
  await extractInitialDatabase(temporary);
  await rename(temporary, folder);
}

async function open(folder: string | undefined): Promise<PGlite> {
  const options: PGliteOptions = {
    extensions: { vector },
    startParams: [...PGlite.defaultStartParams, ...settings.flatMap((setting) => ['-c', setting])],
    onStderr: (line) => {
      lastWords = /\b(?:FATAL|PANIC): +(.*)/.exec(line)?.[1] ?? lastWords;
      return false;
    },
  };
  return folder === undefined
    ? PGlite.create('memory://', { ...options, loadDataDir: await readInitialDatabase() })
    : PGlite.create(folder, options);
}

async function connectBackend(database: PGlite): Promise<Backend> {
  const execute: Backend['execute'] = (messages, onAnswer) =>
    database.execProtocolRawStream(messages, { syncToFs: false, onRawData: onAnswer });
  const greeting: Buffer[] = [];
  await execute(startupMessage(), (bytes) => greeting.push(Buffer.from(bytes)));
  return { greeting: Buffer.concat(greeting), execute };
}
