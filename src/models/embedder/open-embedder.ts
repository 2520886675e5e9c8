import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SemblanceError } from '../../base/errors.js';
import { maxEmbeddingQueue, maxModelRestarts, minEmbeddingNorm, retryIntervalMs } from '../../base/limits.js';
import type { DecodedImage } from '../../pixels/decode/decoded-image.js';
import { resizeForModel } from '../../pixels/resize.js';
import { Batcher } from './batcher.js';
import type { Priority } from '../../base/concurrency/priority.js';
import type { Embedder, EmbedderLoad, EmbedderState, ModelInfo, ModelInput } from './embedder.js';
import { defaultModel, loadModelManifest } from '../manifest.js';
import type { Manifest } from '../manifest-schema.js';
import { ModelError, ModelNotFoundError } from '../model-error.js';
import { readSettings, type StoredSettings } from '../serving-settings.js';
import { cropBytes } from '../preprocess.js';
import { howToMend } from '../remedy.js';
import { WorkerHandle, type WorkerEnd } from '../session/worker-handle.js';

export interface EmbedderOptions {
  /** See loadModelManifest. A promise where the database decides. */
  readonly model: string | undefined | Promise<string | undefined>;
  readonly dataDir: string;
  /** Threads of one model run. */
  readonly threads: number;
  /** What `models bench` stored for these weights goes before `threads`. */
  readonly useStoredSettings?: boolean | undefined;
}

/** Starts to load the model in a worker and returns at once; the state tells how it went. */
export function openEmbedder(options: EmbedderOptions): Embedder {
  return new WorkerEmbedder(options);
}

class WorkerEmbedder implements Embedder {
  readonly settled: Promise<void>;
  readonly #options: EmbedderOptions;
  readonly #batcher = new Batcher<Uint8Array, Float32Array>({
    run: (crops) => this.#runBatch(crops),
    batchSize: () => this.#batchImages,
    maxWaiting: maxEmbeddingQueue,
  });
  #state: EmbedderState = { kind: 'loading' };
  #resolveSettled: () => void = () => undefined;
  /** Known before the manifest. */
  #model = defaultModel;
  /** Undefined until it was found valid. */
  #manifest: Manifest | undefined;
  #worker: WorkerHandle | undefined;
  #settings: { readonly threads: number; readonly batchImages?: number };
  #warning: string | undefined;
  #batchImages = 1;
  /** Starts again after a crash, since the last batch that succeeded. */
  #restarts = 0;
  #restartTimer: NodeJS.Timeout | undefined;
  #hasServed = false;
  /** Of the weights, when the worker was last started again: see fileVersion. */
  #triedVersion: string | undefined;
  #embedded = 0;
  #runMs = 0;

  constructor(options: EmbedderOptions) {
    this.#options = options;
    this.#settings = { threads: options.threads };
    this.settled = new Promise((resolve) => {
      this.#resolveSettled = resolve;
    });
    void this.#open();
  }

  get state(): EmbedderState {
    return this.#state;
  }

  get load(): EmbedderLoad {
    return { waiting: this.#batcher.waiting, embedded: this.#embedded, runSeconds: this.#runMs / 1000 };
  }

  async prepare(image: DecodedImage, priority: Priority): Promise<ModelInput> {
    const { preprocessing } = this.#readyManifest();
    this.#batcher.assertRoom(priority);
    const { interpolation, ...resize } = preprocessing.resize;
    return { crop: await resizeForModel(image, { resize, interpolation, centerCrop: preprocessing.centerCrop }) };
  }

  async embed({ crop }: ModelInput, priority: Priority, signal?: AbortSignal): Promise<Float32Array> {
    signal?.throwIfAborted();
    this.#readyManifest();
    const embedding = await this.#batcher.submit(crop, priority, signal);
    if (!hasDirection(embedding)) {
      throw new SemblanceError('INVALID_IMAGE', 'The model finds nothing in this image that it could be compared by');
    }
    return embedding;
  }

  async close(): Promise<void> {
    this.#setState({ kind: 'closed' });
    clearTimeout(this.#restartTimer);
    this.#batcher.rejectWaiting(unavailable(this.#state));
    // Not for the manifest: the model's name may still wait for a database, and no worker starts from here on.
    await this.#worker?.close();
  }

  async #open(): Promise<void> {
    try {
      this.#model = (await this.#options.model) ?? defaultModel;
      this.#manifest = await loadModelManifest(this.#model, this.#options.dataDir);
    } catch (error) {
      const refused = error instanceof ModelError && !(error instanceof ModelNotFoundError);
      this.#setState({
        kind: 'failed',
        reason: messageOf(error),
        remedy: refused ? howToMend(this.#model) : undefined,
      });
      return;
    }
    if (this.#state.kind === 'loading') this.#state = { kind: 'loading', model: describeModel(this.#manifest) };
    const { dataDir, threads, useStoredSettings = false } = this.#options;
    const stored: StoredSettings = useStoredSettings
      ? await readSettings(join(dataDir, 'models'), this.#manifest.sha256)
      : { kind: 'none' };
    this.#settings = stored.kind === 'stored' ? stored.settings : { threads };
    this.#warning = stored.kind === 'unusable' ? stored.reason : undefined;
    this.#startWorker(this.#manifest);
  }

  #startWorker(manifest: Manifest): void {
    if (this.#state.kind === 'closed') return;
    const { threads, batchImages: stored } = this.#settings;
    this.#worker = new WorkerHandle(
      { manifest, threads, batchImages: stored },
      {
        ready: (batchImages) => {
          this.#batchImages = batchImages;
          this.#hasServed = true;
          this.#setState({
            kind: 'ready',
            model: describeModel(manifest),
            serving: {
              threads,
              batchImages,
              foundBy: stored === undefined ? 'start' : 'bench',
              ...(this.#warning === undefined ? {} : { warning: this.#warning }),
            },
          });
        },
        exited: (end) => {
          this.#worker = undefined;
          this.#onExit(manifest, end);
        },
      },
    );
  }

  #onExit(manifest: Manifest, end: WorkerEnd): void {
    if (end.kind === 'closed') return;
    // Weights that have served were altered since: once they are back as they were, they serve again.
    const heals = end.kind === 'refused' ? this.#hasServed : this.#restarts < maxModelRestarts;
    const reason =
      end.kind === 'refused'
        ? end.reason
        : `The embedding worker died (${end.reason}) and ${heals ? 'is started again' : 'stays off until the server is restarted'}`;
    this.#setState({ kind: 'failed', reason, remedy: end.kind === 'refused' ? howToMend(this.#model) : undefined });
    this.#batcher.rejectWaiting(unavailable(this.#state));
    if (!heals) return;
    if (end.kind === 'crashed') this.#restarts += 1;
    this.#restartLater(manifest, end.kind === 'refused');
  }

  /** @param altered not before the file of the weights is another than the one that was refused */
  #restartLater(manifest: Manifest, altered: boolean): void {
    if (this.#state.kind === 'closed') return;
    this.#restartTimer = setTimeout(() => {
      void this.#restart(manifest, altered);
    }, retryIntervalMs);
  }

  async #restart(manifest: Manifest, altered: boolean): Promise<void> {
    const version = await fileVersion(manifest.weightsPath);
    if (altered && version === this.#triedVersion) {
      this.#restartLater(manifest, altered);
      return;
    }
    // Noted before the worker reads the file, so that nothing that happens to it meanwhile goes unseen.
    this.#triedVersion = version;
    this.#startWorker(manifest);
  }

  async #runBatch(crops: readonly Uint8Array[]): Promise<readonly Float32Array[]> {
    const { input, output } = this.#readyManifest();
    const size = cropBytes(input);
    const batch = new Uint8Array(size * crops.length);
    crops.forEach((crop, i) => {
      batch.set(crop, i * size);
    });
    const startedMs = performance.now();
    const embeddings = await this.#runInWorker(batch);
    this.#restarts = 0;
    this.#embedded += crops.length;
    this.#runMs += performance.now() - startedMs;
    return crops.map((_, i) => embeddings.slice(i * output.dimensions, (i + 1) * output.dimensions));
  }

  async #runInWorker(batch: Uint8Array<ArrayBuffer>): Promise<Float32Array> {
    if (this.#worker === undefined) throw unavailable(this.#state);
    try {
      return await this.#worker.run(batch);
    } catch (error) {
      throw new SemblanceError('MODEL_UNAVAILABLE', 'The model could not embed this image', { cause: error });
    }
  }

  #readyManifest(): Manifest {
    if (this.#state.kind !== 'ready' || this.#manifest === undefined) throw unavailable(this.#state);
    return this.#manifest;
  }

  #setState(state: EmbedderState): void {
    if (this.#state.kind !== 'closed') this.#state = state;
    this.#resolveSettled();
  }
}

/** Changes with whatever is done to the file; undefined where there is none. */
async function fileVersion(path: string): Promise<string | undefined> {
  try {
    const { ino, size, ctimeMs } = await stat(path);
    return `${ino} ${size} ${ctimeMs}`;
  } catch {
    return undefined;
  }
}

function hasDirection(embedding: Float32Array): boolean {
  // One element that is infinite or no number makes the sum so too.
  const norm = Math.sqrt(embedding.reduce((sum, element) => sum + element * element, 0));
  return norm > minEmbeddingNorm && norm < Infinity;
}

function describeModel(manifest: Manifest): ModelInfo {
  return {
    name: manifest.name,
    version: manifest.version,
    sha256: manifest.sha256,
    preprocessingSha256: manifest.preprocessingSha256,
    whitePreprocessingSha256: manifest.whitePreprocessingSha256,
    dimensions: manifest.output.dimensions,
  };
}

function unavailable(state: EmbedderState): SemblanceError {
  const messages = {
    loading: 'The model is still loading',
    ready: 'The model is not available',
    failed: 'The model is not available',
    closed: 'The server is shutting down',
  } as const;
  return new SemblanceError('MODEL_UNAVAILABLE', messages[state.kind]);
}
