import type { RerankCandidate, Reranker, RerankImage } from './reranker.js';

export interface RerankInput {
  readonly query: RerankImage;
  /** By similarity, highest first; those of equal similarity in the order that ties shall keep. */
  readonly candidates: readonly RerankCandidate[];
  readonly reranker: Reranker;
  /** How many to keep: all unless given. */
  readonly k?: number | undefined;
}

export interface RerankedCandidate {
  /** Into `candidates`. */
  readonly index: number;
  readonly score: number;
}

/**
 * The k candidates of the highest scores, highest first; equal scores by similarity, then in the order given.
 * @throws RangeError where a score is no number, or as `Reranker.score`
 */
export async function rerank({ query, candidates, reranker, k }: RerankInput): Promise<readonly RerankedCandidate[]> {
  const scores = await reranker.score(query, candidates);
  const ranked = Array.from(scores, (score, index) => {
    // Finite embeddings give none; sorted, one would scatter all the others.
    if (Number.isNaN(score))
      throw new RangeError(`${reranker.name} of candidate ${index} is no number: an embedding is not finite`);
    return { index, score, similarity: candidates[index]!.similarity };
  });
  ranked.sort((a, b) => descending(a.score, b.score) || descending(a.similarity, b.similarity) || a.index - b.index);
  return ranked.slice(0, k).map(({ index, score }) => ({ index, score }));
}

/** Not b − a: Infinity less Infinity is no number. */
function descending(a: number, b: number): number {
  return a === b ? 0 : a > b ? -1 : 1;
}
