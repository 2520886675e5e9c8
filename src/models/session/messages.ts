import type { Manifest } from '../manifest-schema.js';

/** `workerData` of the embedding worker. */
export interface WorkerStart {
  readonly manifest: Manifest;
  readonly threads: number;
  /** Most images of one run; undefined: the worker finds out, see `ready`. */
  readonly batchImages?: number | undefined;
}

export type ToWorker =
  /** Whole RGB crops of the input's size, one after another; the buffer is transferred. Answered before the next run. */
  | { readonly kind: 'run'; readonly crops: Uint8Array<ArrayBuffer> }
  /** The worker finishes what it runs, releases the model and exits. */
  | { readonly kind: 'close' };

export type FromWorker =
  /** `batchImages`: how many images one run should hold, for a query to wait about `modelRunTargetMs` at most. */
  | { readonly kind: 'ready'; readonly batchImages: number }
  /** The model cannot serve; the worker exits. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** `dimensions` numbers per image, in the order of the crops. */
  | { readonly kind: 'embedded'; readonly embeddings: Float32Array<ArrayBuffer> }
  | { readonly kind: 'runFailed'; readonly reason: string };
