import type { RankedTopic } from './ranking.js';

/**
 * 1 / (rank of the first relevant document); 0 where none is found.
 * trec_eval's m_recip_rank.c.
 */
export function reciprocalRank({ relevantRanks }: RankedTopic): number {
  const [first] = relevantRanks;
  return first === undefined ? 0 : 1 / first;
}
