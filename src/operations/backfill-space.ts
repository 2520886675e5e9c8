import type { SpaceState } from '../store/store.js';
import type { FailedImage, OnProgress } from './progress.js';

export interface BackfillSpaceInput {
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface BackfilledSpace {
  readonly space: string;
  readonly state: SpaceState;
  /** By this run. */
  readonly embedded: number;
  /** Images that have no embedding in this space: the space stays `building` while they are stored. */
  readonly failed: readonly FailedImage[];
  /** Images without an embedding, the failed among them. */
  readonly missing: number;
  /** True where `signal` ended it; the next run goes on there. */
  readonly interrupted: boolean;
}
