import { checkInteger, checkK } from '../base/arguments.js';
import { invalidArgument } from '../base/errors.js';
import { defaultCandidates, maxCandidates } from '../base/limits.js';
import type { ImageFilter } from '../database/types.js';
import { checkFilter } from '../images/check-filter.js';
import { rerankers, type RerankerName } from '../methods/rerank/reranker.js';
import { isRegion, type Region } from '../pixels/region.js';
import type { SearchInput } from './search-input.js';

export interface CheckedSearch {
  readonly k: number;
  readonly minSimilarity: number | undefined;
  readonly filter: ImageFilter | undefined;
  readonly space: string | undefined;
  readonly rerank: RerankerName | undefined;
  /** k at least. */
  readonly candidates: number;
  readonly region: Region | undefined;
  readonly searchRegions: boolean;
  readonly withoutMetadata: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Everything of a search but its query. */
export function checkSearch(input: SearchInput): CheckedSearch {
  const k = checkK(input.k);
  const { space, rerank, candidates, region, searchRegions = false, withoutMetadata = false, signal } = input;
  if (rerank !== undefined && !rerankers.includes(rerank))
    throw invalidArgument('rerank', rerankers.join(', '), rerank);
  if (rerank !== undefined && searchRegions) {
    throw invalidArgument('rerank', 'nothing beside searchRegions, whose hits may be parts of images', rerank);
  }
  return {
    k,
    minSimilarity: checkMinSimilarity(input.minSimilarity),
    filter: checkFilter(input.filter),
    space,
    rerank,
    candidates:
      candidates === undefined
        ? Math.max(defaultCandidates, k)
        : checkInteger('candidates', candidates, k, maxCandidates, `an integer from k (${k}) to ${maxCandidates}`),
    region: region === undefined ? undefined : checkRegion(region),
    searchRegions,
    withoutMetadata,
    signal,
  };
}

function checkRegion(region: Region): Region {
  if (isRegion(region)) return region;
  throw invalidArgument(
    'region',
    'x and y from 0, width and height above 0, and both x + width and y + height at most 1',
    region,
  );
}

export function checkMinSimilarity(value: number | undefined): number | undefined {
  if (value !== undefined && !(value >= -1 && value <= 1)) {
    throw invalidArgument('minSimilarity', 'a number from -1 to 1', value);
  }
  return value;
}
