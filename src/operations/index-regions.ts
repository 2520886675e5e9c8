import type { FailedImage, OnProgress } from './progress.js';

export interface IndexRegionsInput {
  /** The active one unless given. */
  readonly space?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface IndexedRegions {
  readonly space: string;
  /** Images whose parts this run embedded. */
  readonly indexed: number;
  readonly failed: readonly FailedImage[];
  /** True where `signal` ended it; the next run goes on there. */
  readonly interrupted: boolean;
}
