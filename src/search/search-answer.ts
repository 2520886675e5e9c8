import type { RerankerName } from '../methods/rerank/reranker.js';
import type { SearchHit, SearchResult } from '../database/types.js';

export interface AnswerHit extends SearchHit {
  /** The re-ranker's: higher is nearer, Infinity where a ratio has distance 0. Undefined where none was asked for. */
  readonly score?: number | undefined;
}

/** A search's hits, and where its time went. */
export interface SearchAnswer extends Omit<SearchResult, 'hits'> {
  /** Nearest first: by score where a re-ranker ordered them, else by similarity. */
  readonly hits: readonly AnswerHit[];
  readonly rerank?: RerankerName | undefined;
  /** Decoding and embedding the query; 0 where the embedding was stored. */
  readonly embedMs: number;
  /** Reading what the re-ranker needs and compares, and comparing. */
  readonly rerankMs: number;
}
