import type { EmbeddingSpace } from '../store/store.js';
import type { FailedImage, OnProgress } from './progress.js';

export interface CreateSpaceInput {
  readonly name: string;
  /** See parseRecipe. */
  readonly recipe: string;
  /** Stored images to fit on, drawn evenly; `defaultSampleImages` unless given, and all where there are fewer. */
  readonly sampleImages?: number | undefined;
  /** Of the draw and of whatever is fitted; 1 unless given. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface CreatedSpace {
  /** `building`, until backfillSpace has embedded what is stored; `ready` where nothing is. */
  readonly space: EmbeddingSpace;
  /** What was fitted, in words. */
  readonly description: string;
  /** Images that it was fitted on; 0 where nothing had to be fitted. */
  readonly sampled: number;
  /** Images of the sample that could not be decoded. */
  readonly failed: readonly FailedImage[];
  /** Stored images that it has no embedding of yet. */
  readonly missing: number;
}
