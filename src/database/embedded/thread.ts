import { Worker } from 'node:worker_threads';
import { workerUrl } from '../../base/paths.js';
import type { WorkerInput, WorkerOrder, WorkerReport } from './worker-messages.js';

export interface PostgresThread {
  /** Resolves when the thread has ended, for whatever reason. */
  readonly exited: Promise<void>;
  /** Resolves when the thread has ended. It ends by itself: to cut it off in the middle of a write could tear a page. */
  close(): Promise<void>;
  /** Ends it at once: for a folder in which it must write no more. */
  abandon(): Promise<void>;
}

/** Resolves once it listens. Rejects where Postgres does not start. */
export async function startPostgresThread(
  input: WorkerInput,
  onLog: (message: string) => void,
): Promise<PostgresThread> {
  const worker = new Worker(workerUrl('database/embedded/worker'), { workerData: input, name: 'postgres' });
  let listening = false;
  let failure: Error | undefined;
  let closed = false;
  const fail = (error: Error): void => {
    failure = error;
    if (listening) onLog(`the embedded database stopped: ${error.message}`);
  };
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      resolve();
    });
  });
  worker.on('error', (error) => {
    fail(error instanceof Error ? error : new Error(String(error)));
  });

  await new Promise<void>((resolve, reject) => {
    worker.on('message', (report: WorkerReport) => {
      if (report.kind === 'log') onLog(report.message);
      else if (report.kind === 'closed') closed = true;
      else if (report.kind === 'failed') {
        fail(asError(report));
        // A PGlite that did not start leaves something behind that keeps its thread alive. Nothing is being written.
        void worker.terminate();
      } else {
        listening = true;
        resolve();
      }
    });
    void exited.then(() => {
      reject(failure ?? new Error('the embedded database ended while it was starting'));
    });
  });

  return {
    exited,
    close: async () => {
      worker.postMessage({ kind: 'close' } satisfies WorkerOrder);
      await exited;
      if (!closed && failure === undefined) onLog('the embedded database ended before it was closed');
    },
    abandon: async () => {
      await worker.terminate();
    },
  };
}

/** With the code, by which the disk's errors are told from others. */
function asError(report: { readonly message: string; readonly code: string | undefined }): Error {
  const error = new Error(report.message);
  return report.code === undefined ? error : Object.assign(error, { code: report.code });
}
