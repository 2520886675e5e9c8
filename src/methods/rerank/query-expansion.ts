import { cosine, normalise } from '../../math/vector.js';
import type { Reranker, RerankCandidate } from './reranker.js';
import { scoreEach } from './turns.js';

/** Of the candidate's cosine: how much less a less similar one counts. */
const alpha = 3;
const expandingCandidates = 10;

/**
 * Alpha query expansion (Radenović et al. 2018): cosine to the sum of the query and its first 10 candidates, each at length
 * 1, a candidate weighted by its cosine to the query to the power of 3. One at a right angle or beyond counts nothing.
 */
export const queryExpansion: Reranker = {
  name: 'QUERY_EXPANSION',
  async score({ embedding }, candidates) {
    const expanded = expandQuery(embedding, candidates.slice(0, expandingCandidates));
    return scoreEach(candidates, (candidate) => cosine(expanded, candidate.embedding));
  },
};

function expandQuery(query: Float32Array, nearest: readonly RerankCandidate[]): Float64Array {
  const sum = normalise(Float64Array.from(query));
  for (const { embedding, similarity } of nearest) {
    const unit = normalise(Float64Array.from(embedding));
    if (unit.length !== sum.length)
      throw new RangeError(`Vectors of ${sum.length} and ${unit.length} numbers do not add up`);
    const weight = Math.max(0, similarity) ** alpha;
    for (let i = 0; i < sum.length; i++) sum[i]! += weight * unit[i]!;
  }
  return normalise(sum);
}
