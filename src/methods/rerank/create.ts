import { euclidean, innerProduct } from './distance.js';
import { learned } from './learned.js';
import { pixelEuclidean, pixelSsim, pixelSsimOverEuclidean } from './pixel.js';
import { queryExpansion } from './query-expansion.js';
import type { Reranker, RerankerName, RerankerNeeds, Scorer } from './reranker.js';
import { ssim, ssimOverEuclidean } from './ssim.js';

const embeddingsAlone: RerankerNeeds = { grey: false, scorer: undefined };
const greys: RerankerNeeds = { grey: true, scorer: undefined };

const needs: Readonly<Record<RerankerName, RerankerNeeds>> = {
  EUCLIDEAN: embeddingsAlone,
  INNER_PRODUCT: embeddingsAlone,
  SSIM: embeddingsAlone,
  SSIM_OVER_EUCLIDEAN: embeddingsAlone,
  PIXEL_EUCLIDEAN: greys,
  PIXEL_SSIM: greys,
  PIXEL_SSIM_OVER_EUCLIDEAN: greys,
  LEARNED_HEURISTIC: { grey: false, scorer: 'heuristic' },
  LEARNED_LABELS: { grey: false, scorer: 'labels' },
  QUERY_EXPANSION: embeddingsAlone,
};

export function needsOf(name: RerankerName): RerankerNeeds {
  return needs[name];
}

export interface RerankerOptions {
  /** Where `needsOf` names a kind. */
  readonly scorer?: Scorer | undefined;
  /**
   * Images whose pixel statistics PIXEL_SSIM… keeps from one query to the next, found again by the identity of their
   * `grey`: 80 kB each, for a caller that compares one gallery with many queries. Default 0.
   */
  readonly preparedImages?: number | undefined;
}

/** @throws RangeError without the scorer that the re-ranker needs, or with one of the other kind */
export function createReranker(name: RerankerName, options: RerankerOptions = {}): Reranker {
  switch (name) {
    case 'EUCLIDEAN':
      return euclidean;
    case 'INNER_PRODUCT':
      return innerProduct;
    case 'SSIM':
      return ssim;
    case 'SSIM_OVER_EUCLIDEAN':
      return ssimOverEuclidean;
    case 'PIXEL_EUCLIDEAN':
      return pixelEuclidean;
    case 'PIXEL_SSIM':
      return pixelSsim(options.preparedImages);
    case 'PIXEL_SSIM_OVER_EUCLIDEAN':
      return pixelSsimOverEuclidean(options.preparedImages);
    case 'LEARNED_HEURISTIC':
    case 'LEARNED_LABELS':
      return learned(name, requireScorer(name, options.scorer));
    case 'QUERY_EXPANSION':
      return queryExpansion;
  }
}

function requireScorer(name: RerankerName, scorer: Scorer | undefined): Scorer {
  const { scorer: kind } = needsOf(name);
  if (scorer?.kind === kind && scorer !== undefined) return scorer;
  throw new RangeError(`${name} needs a scorer of the kind ${kind}, not ${scorer?.kind ?? 'none'}`);
}
