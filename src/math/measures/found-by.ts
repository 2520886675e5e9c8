import type { RankedTopic } from './ranking.js';

/** Relevant documents at rank k or before it. */
export function foundBy({ relevantRanks }: RankedTopic, k: number): number {
  const beyond = relevantRanks.findIndex((rank) => rank > k);
  return beyond === -1 ? relevantRanks.length : beyond;
}
