import type { OnProgress } from '../base/progress.js';
import type { Measure } from '../math/measures/measure.js';
import type { Method } from '../methods/notation.js';
import type { Dataset } from './datasets/dataset.js';
import type { EvaluationDocument } from './results/document.js';

/** How the nearest are found: by comparing every vector, or through pgvector's index. */
export type SearchKind = 'exact' | 'hnsw';

export interface EvaluationMethod extends Method {
  readonly search: SearchKind;
}

export interface EvaluateOptions {
  readonly dataset: Dataset;
  readonly methods: readonly EvaluationMethod[];
  /** Results of a query. */
  readonly depth: number;
  /** That a re-ranker orders; at least `depth`. */
  readonly candidates: number | 'all';
  readonly measures: readonly Measure[];
  readonly seed: number;
  /** Where everything is written; what is there of the same evaluation is not done again. */
  readonly out: string;
  readonly store: 'memory' | 'server';
  /** The first sentence of the report, and what stands beside the figures. */
  readonly about: ReportWords;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

export interface ReportWords {
  readonly title?: string | undefined;
  readonly notes?: readonly string[] | undefined;
  readonly references?: EvaluationDocument['references'] | undefined;
  /** More about methods, by name. */
  readonly descriptions?: Readonly<Record<string, string>> | undefined;
}
