import { vectorSsim } from '../../math/ssim.js';
import { squaredEuclidean } from '../../math/vector.js';
import type { Reranker } from './reranker.js';
import { scoreEach } from './turns.js';

/** Structural similarity of the two embeddings as vectors: see vectorSsim. */
export const ssim: Reranker = {
  name: 'SSIM',
  score: ({ embedding }, candidates) =>
    scoreEach(candidates, (candidate) => vectorSsim(embedding, candidate.embedding)),
};

/** The same divided by the squared distance. */
export const ssimOverEuclidean: Reranker = {
  name: 'SSIM_OVER_EUCLIDEAN',
  score: ({ embedding }, candidates) =>
    scoreEach(candidates, (candidate) =>
      overSquaredDistance(vectorSsim(embedding, candidate.embedding), squaredEuclidean(embedding, candidate.embedding)),
    ),
};

/** Equal images have distance 0: they come first, whatever rounding makes of their similarity. */
export function overSquaredDistance(similarity: number, squaredDistance: number): number {
  return squaredDistance === 0 ? Infinity : similarity / squaredDistance;
}
