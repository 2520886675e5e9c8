import type { Manifest } from '../manifest-schema.js';

/** One way to run a model. */
export interface Configuration {
  readonly threads: number;
  /** Images of one run. */
  readonly batchImages: number;
}

/** What the process that measures is told. */
export interface BenchStart extends Configuration {
  readonly manifest: Manifest;
  /** It runs so long, and three times at least. */
  readonly measureMs: number;
}

export type BenchAnswer =
  | {
      readonly kind: 'measured';
      readonly runsMs: readonly number[];
      /** Resident memory after the last run, of a process that holds the model and nothing else. */
      readonly residentBytes: number;
      /** Its highest, most of all while the weights are loaded. */
      readonly peakBytes: number;
    }
  | { readonly kind: 'failed'; readonly reason: string };
