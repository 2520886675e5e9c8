import type { DecodedImage } from '../../pixels/decode/decoded-image.js';
import type { Priority } from '../../base/concurrency/priority.js';

/** What is known of a model once its manifest and weights were verified. */
export interface ModelInfo {
  readonly name: string;
  readonly version: string;
  /** Lower-case hex of the weights' SHA-256. */
  readonly sha256: string;
  /** See Manifest. */
  readonly preprocessingSha256: string;
  readonly whitePreprocessingSha256: string;
  /** At most `embeddingDimensions`. */
  readonly dimensions: number;
}

/** How the model is run. */
export interface Serving {
  readonly threads: number;
  /** Most images of one run. */
  readonly batchImages: number;
  /** bench: stored by `models bench`; start: batchImages were found by a few runs when the model was loaded. */
  readonly foundBy: 'bench' | 'start';
  /** For the operator, a sentence without its full stop: why what `models bench` stored is not used. */
  readonly warning?: string | undefined;
}

export type EmbedderState =
  /** `model` once its manifest is read; the weights may take minutes. */
  | { readonly kind: 'loading'; readonly model?: ModelInfo | undefined }
  | { readonly kind: 'ready'; readonly model: ModelInfo; readonly serving: Serving }
  /** `reason` is for the operator: a file is missing, a checksum differs, the golden embedding is not met. */
  | {
      readonly kind: 'failed';
      readonly reason: string;
      /** What the operator may run, where `reason` does not say it. */
      readonly remedy?: string | undefined;
    }
  | { readonly kind: 'closed' };

/** An image as this model sees it. */
export interface ModelInput {
  /** Row-major RGB, of the width and height in the manifest. */
  readonly crop: Uint8Array;
}

/** Work of a model since the start, and what waits for it. */
export interface EmbedderLoad {
  readonly waiting: Readonly<Record<Priority, number>>;
  readonly embedded: number;
  readonly runSeconds: number;
}

export interface Embedder {
  readonly state: EmbedderState;
  readonly load: EmbedderLoad;
  /** Resolves once the state is no longer `loading`. Never rejects. */
  readonly settled: Promise<void>;
  /**
   * Resizes and crops an image to what the model takes, so that nobody holds the pixels of a large image while it waits
   * for its turn.
   * @throws SemblanceError MODEL_UNAVAILABLE, OVERLOADED (the queue is full, so the work would be for nothing)
   */
  prepare(image: DecodedImage, priority: Priority): Promise<ModelInput>;
  /**
   * The embedding as the model gives it, `dimensions` numbers, not normalised.
   * @throws SemblanceError MODEL_UNAVAILABLE, OVERLOADED, INVALID_IMAGE (no finite embedding with a direction)
   */
  embed(input: ModelInput, priority: Priority, signal?: AbortSignal): Promise<Float32Array>;
  close(): Promise<void>;
}
