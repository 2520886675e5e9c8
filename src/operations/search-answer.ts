import type { SearchResult } from '../store/types.js';

/** A search's hits, and where its time went. */
export interface SearchAnswer extends SearchResult {
  /** Decoding and embedding the query; 0 where the embedding was stored. */
  readonly embedMs: number;
  readonly rerankMs: number;
}
