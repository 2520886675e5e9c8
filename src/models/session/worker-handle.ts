import { Worker } from 'node:worker_threads';
import { messageOf } from '../../base/errors.js';
import { workerUrl } from '../../base/paths.js';
import type { FromWorker, ToWorker, WorkerStart } from './messages.js';

export interface WorkerHandlers {
  /** See FromWorker's `ready`. */
  ready(batchImages: number): void;
  /** Once: the worker is gone. Every run that was under way has been rejected. */
  exited(end: WorkerEnd): void;
}

export type WorkerEnd =
  /** It was told to close. */
  | { readonly kind: 'closed' }
  /** The model cannot serve, and would not after another start either. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It died. */
  | { readonly kind: 'crashed'; readonly reason: string };

interface Run {
  resolve(embeddings: Float32Array): void;
  reject(error: Error): void;
}

/** One embedding worker, from its start to its exit. Never terminated: during a run that aborts the whole process. */
export class WorkerHandle {
  readonly #worker: Worker;
  readonly #exit: Promise<void>;
  #run: Run | undefined;
  #closing = false;
  #refusal: string | undefined;
  #crash: string | undefined;

  constructor(start: WorkerStart, handlers: WorkerHandlers) {
    disableTelemetry();
    this.#worker = new Worker(workerUrl('models/session/worker'), { workerData: start, name: 'embedding' });
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') handlers.ready(message.batchImages);
      else if (message.kind === 'failed') this.#refusal = message.reason;
      else this.#settle(message);
    });
    this.#worker.on('error', (error) => {
      this.#crash = messageOf(error);
    });
    this.#exit = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        const end = this.#describeEnd(code);
        this.#run?.reject(new Error(end.kind === 'closed' ? 'The embedding worker closed' : end.reason));
        this.#run = undefined;
        handlers.exited(end);
        resolve();
      });
    });
  }

  /**
   * Embeds whole crops; the buffer is transferred. One run at a time.
   * @throws Error if the model fails on it or the worker dies
   */
  run(crops: Uint8Array<ArrayBuffer>): Promise<Float32Array> {
    if (this.#run !== undefined) throw new Error('The embedding worker has a run already');
    return new Promise((resolve, reject) => {
      this.#run = { resolve, reject };
      this.#post({ kind: 'run', crops }, [crops.buffer]);
    });
  }

  /** Lets a run that is under way finish, then ends the worker. Resolves when it has exited. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#post({ kind: 'close' });
    await this.#exit;
  }

  #settle(message: Extract<FromWorker, { readonly kind: 'embedded' | 'runFailed' }>): void {
    const run = this.#run;
    this.#run = undefined;
    if (message.kind === 'embedded') run?.resolve(message.embeddings);
    else run?.reject(new Error(message.reason));
  }

  #describeEnd(code: number): WorkerEnd {
    if (this.#refusal !== undefined) return { kind: 'refused', reason: this.#refusal };
    if (this.#closing && this.#crash === undefined) return { kind: 'closed' };
    return { kind: 'crashed', reason: this.#crash ?? `exit code ${code}` };
  }

  #post(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}

/**
 * ONNX Runtime's builds for Linux and macOS report to their maker, and leave logs in the folder for temporary
 * files, unless this is in the process's environment before it is loaded. A worker's own `process.env` does not reach C.
 */
export function disableTelemetry(): void {
  // eslint-disable-next-line no-restricted-properties -- nothing is read, and no setting of ours is meant
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
}
