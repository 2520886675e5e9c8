import type { RankedTopic } from './ranking.js';

/**
 * Average precision of the first k results, still divided by all R relevant documents: AP@k = (1 / R) · Σ P(r) over the
 * ranks r ≤ k of relevant documents. Where R is above k no ranking reaches 1: the best is k / R.
 * trec_eval's m_map_cut.c.
 */
export function averagePrecisionCut(topic: RankedTopic, k: number): number {
  return topic.relevantCount === 0 ? 0 : precisionSum(topic, k) / topic.relevantCount;
}

/** Σ P(r) over the ranks r ≤ k of relevant documents. */
export function precisionSum({ relevantRanks }: RankedTopic, k: number): number {
  let sum = 0;
  for (const [found, rank] of relevantRanks.entries()) {
    if (rank > k) break;
    sum += (found + 1) / rank;
  }
  return sum;
}
