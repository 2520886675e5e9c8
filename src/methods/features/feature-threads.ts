import { Worker } from 'node:worker_threads';
import { messageOf, SemblanceError } from '../../base/errors.js';
import type { Priority } from '../../base/concurrency/priority.js';
import type { Raster } from '../../pixels/resample.js';
import { Semaphore } from '../../base/concurrency/semaphore.js';
import { maxFeatureQueue } from '../../base/limits.js';
import { workerUrl } from '../../base/paths.js';
import { settle } from '../../base/concurrency/threads.js';
import type { Vocabulary } from './bag-of-words.js';
import type { Feature, FeatureRasters, FromFeatureThread, ToFeatureThread } from './feature-messages.js';

export interface FeatureTask {
  readonly rasters: FeatureRasters;
  readonly features: readonly Feature[];
  /** Every vocabulary that a feature names, by its key; a thread is sent each once. */
  readonly vocabularies: ReadonlyMap<string, Vocabulary>;
}

export interface FeatureThreadsOptions {
  readonly threads: number;
  /** Tasks of one priority that wait; `maxFeatureQueue` unless given. */
  readonly maxWaiting?: number | undefined;
}

/** Threads that compute classical features, each started when it is first needed and again after a crash. */
export class FeatureThreads {
  readonly #semaphore: Semaphore;
  readonly #idle: FeatureThread[];
  readonly #all: readonly FeatureThread[];
  #closed = false;

  constructor({ threads, maxWaiting = maxFeatureQueue }: FeatureThreadsOptions) {
    this.#semaphore = new Semaphore(threads, { maxWaiting, refusal: 'Too many images wait for their features' });
    this.#all = Array.from({ length: threads }, () => new FeatureThread());
    this.#idle = [...this.#all];
  }

  /** @throws SemblanceError OVERLOADED */
  assertRoom(priority: Priority): void {
    this.#semaphore.assertRoom(priority);
  }

  /**
   * One vector a feature, in their order. Queries go before bulk.
   * @param signal ends the waiting for a thread; what runs goes on to its end
   * @throws SemblanceError OVERLOADED, MODEL_UNAVAILABLE (the thread died, or all were closed)
   */
  run(task: FeatureTask, priority: Priority, signal?: AbortSignal): Promise<readonly Float32Array[]> {
    return this.#semaphore.run(() => this.#runNow(task), signal, priority);
  }

  /** Ends all threads, whatever they compute. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#all.map((thread) => thread.stop()));
  }

  async #runNow(task: FeatureTask): Promise<readonly Float32Array[]> {
    this.#assertOpen();
    // As many threads as permits.
    const thread = this.#idle.pop();
    if (thread === undefined) throw new Error('A task was let in without a thread to run it');
    try {
      return await thread.run(task);
    } catch (error) {
      this.#assertOpen();
      throw new SemblanceError('MODEL_UNAVAILABLE', 'The features of this image could not be computed', {
        cause: error,
      });
    } finally {
      this.#idle.push(thread);
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new SemblanceError('MODEL_UNAVAILABLE', 'The server is shutting down');
  }
}

interface Run {
  resolve(values: readonly Float32Array[]): void;
  reject(error: Error): void;
}

/** One place for a worker thread: after a death the next task starts another. */
class FeatureThread {
  #worker: Worker | undefined;
  #known = new Set<string>();
  #run: Run | undefined;

  /** One at a time. */
  run({ rasters, features, vocabularies }: FeatureTask): Promise<readonly Float32Array[]> {
    const worker = (this.#worker ??= this.#start());
    for (const [key, vocabulary] of vocabularies) {
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      post(worker, { kind: 'vocabulary', key, vocabulary });
    }
    return new Promise((resolve, reject) => {
      this.#run = { resolve, reject };
      const copies = { picture: copied(rasters.picture), square: copied(rasters.square) };
      const transfer = [copies.picture, copies.square].flatMap((raster) => (raster ? [raster.pixels.buffer] : []));
      post(worker, { kind: 'compute', rasters: copies, features }, transfer);
    });
  }

  async stop(): Promise<void> {
    if (this.#worker === undefined) return;
    await settle();
    await this.#worker.terminate();
  }

  #start(): Worker {
    const worker = new Worker(workerUrl('methods/features/feature-worker'), { name: 'features' });
    let crash: string | undefined;
    worker.on('message', (message: FromFeatureThread) => {
      if (message.kind === 'computed') this.#run?.resolve(message.values);
      else this.#run?.reject(new Error(message.reason));
      this.#run = undefined;
    });
    worker.on('error', (error) => {
      crash = messageOf(error);
    });
    worker.once('exit', (code) => {
      this.#worker = undefined;
      this.#known = new Set();
      this.#run?.reject(new Error(`The thread died (${crash ?? `exit code ${code}`})`));
      this.#run = undefined;
    });
    return worker;
  }
}

/** Of its own memory: a view would take along all that lies behind it, and the image stays with the caller. */
function copied(raster: Raster | undefined): (Raster & { readonly pixels: Uint8Array<ArrayBuffer> }) | undefined {
  return raster && { width: raster.width, height: raster.height, pixels: new Uint8Array(raster.pixels) };
}

function post(worker: Worker, message: ToFeatureThread, transfer: readonly ArrayBuffer[] = []): void {
  worker.postMessage(message, transfer);
}
