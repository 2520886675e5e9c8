import type { RankedTopic } from './ranking.js';

/**
 * 1 where one of the first k documents is relevant, else 0.
 * trec_eval's m_success.c.
 */
export function successAt({ relevantRanks }: RankedTopic, k: number): number {
  const [first] = relevantRanks;
  return first !== undefined && first <= k ? 1 : 0;
}
