import type { RerankerName, RerankerNeeds } from '../retrieval/rerank/reranker.js';
import type { EmbeddingSpace, ScorerKind } from '../store/store.js';

export interface SpaceListing extends EmbeddingSpace {
  /** What it fits and does, in words. */
  readonly description: string;
  /** Images that have an embedding in it. */
  readonly imageCount: number;
  /** Images whose parts are indexed in it: see indexRegions. */
  readonly regionCount: number;
  /** Learned similarities that were trained for it. */
  readonly scorers: readonly ScorerKind[];
}

export interface RerankMethod {
  readonly name: RerankerName;
  readonly description: string;
  readonly needs: RerankerNeeds;
}

export interface SearchMethods {
  /** The active one first, then by name. */
  readonly spaces: readonly SpaceListing[];
  readonly rerankers: readonly RerankMethod[];
}
