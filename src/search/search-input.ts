import type { Region } from '../pixels/region.js';
import type { RerankerName } from '../methods/rerank/reranker.js';
import type { ImageFilter } from '../database/types.js';

/** What both searches take beside their query. */
export interface SearchInput {
  readonly k: number;
  readonly minSimilarity?: number | undefined;
  readonly filter?: ImageFilter | undefined;
  /** Name of a space that is `active` or `ready`; the active one unless given. */
  readonly space?: string | undefined;
  readonly rerank?: RerankerName | undefined;
  /** How many of the nearest by cosine are re-ranked: k to `maxCandidates`, `defaultCandidates` or k unless given. */
  readonly candidates?: number | undefined;
  /** The part of the query to search for. */
  readonly region?: Region | undefined;
  /** Also compares with parts of the stored images: see indexRegions. */
  readonly searchRegions?: boolean | undefined;
  /** See SearchOptions. */
  readonly withoutMetadata?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}
