import type { Mlp } from '../../math/learning/mlp.js';
import type { ScorerKind } from '../../database/store.js';

export const rerankers = [
  'EUCLIDEAN',
  'INNER_PRODUCT',
  'SSIM',
  'SSIM_OVER_EUCLIDEAN',
  'PIXEL_EUCLIDEAN',
  'PIXEL_SSIM',
  'PIXEL_SSIM_OVER_EUCLIDEAN',
  'LEARNED_HEURISTIC',
  'LEARNED_LABELS',
  'QUERY_EXPANSION',
] as const;
export type RerankerName = (typeof rerankers)[number];

/** One image as re-rankers see it. */
export interface RerankImage {
  /** The embedding as its space gave it, not normalised. */
  readonly embedding: Float32Array;
  /** `greySidePixels` squared, row-major; where `needs.grey`. */
  readonly grey?: Uint8Array | undefined;
}

export interface RerankCandidate extends RerankImage {
  /** Cosine to the query. */
  readonly similarity: number;
}

export interface Reranker {
  readonly name: RerankerName;
  /**
   * Higher is nearer; Infinity where a ratio has distance 0. Gives the event loop a turn every few milliseconds.
   * @param candidates by similarity, highest first
   * @throws RangeError where embeddings differ in length, or a grey rendition is missing
   */
  score(query: RerankImage, candidates: readonly RerankCandidate[]): Promise<Float64Array>;
}

/** What a re-ranker needs beside embeddings. */
export interface RerankerNeeds {
  readonly grey: boolean;
  readonly scorer: ScorerKind | undefined;
}

/** A learned similarity as it is stored with its space. */
export interface Scorer {
  readonly kind: ScorerKind;
  readonly network: Mlp;
  /** Images and classes that it was trained on, for the reader. */
  readonly images: number;
  readonly classes: number;
  readonly trainedAt: string;
}
