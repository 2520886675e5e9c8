import type { RankedTopic } from './ranking.js';

/** The recalls of a standard precision-recall curve. */
export const recallLevels: readonly number[] = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/**
 * Interpolated precision at the eleven recalls: the highest precision at any rank from which on the recall is reached,
 * 0 where it is never reached. A recall ρ is reached with ⌊ρ · R + 0.9⌋ relevant documents.
 * trec_eval 9's m_iprec_at_recall.c (trec_eval 10 rounds ρ · R instead).
 */
export function interpolatedPrecision({ relevantRanks, relevantCount }: RankedTopic): readonly number[] {
  // From the end: best[i] is the highest precision once more than i relevant documents are found.
  const best: number[] = [];
  let highest = 0;
  for (let found = relevantRanks.length; found > 0; found--) {
    highest = Math.max(highest, found / relevantRanks[found - 1]!);
    best[found - 1] = highest;
  }
  return recallLevels.map((recall) => {
    const needed = Math.floor(recall * relevantCount + 0.9);
    return best[Math.max(needed, 1) - 1] ?? 0;
  });
}
