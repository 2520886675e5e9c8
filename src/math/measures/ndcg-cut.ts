import type { RankedTopic } from './ranking.js';

/**
 * nDCG@k = DCG@k / IDCG@k with DCG@k = Σ gain(r) / log2(r + 1) over the ranks r ≤ k, the gain being the relevance; IDCG@k
 * is that of the best possible order of all judged documents. 0 where nothing is relevant.
 * Järvelin and Kekäläinen, ACM TOIS 20, 2002; trec_eval's m_ndcg_cut.c.
 */
export function ndcgCut(topic: RankedTopic, k: number): number {
  const ideal = idealGain(topic.levelCounts, k);
  if (ideal === 0) return 0;
  let gain = 0;
  for (const [found, rank] of topic.relevantRanks.entries()) {
    if (rank > k) break;
    gain += topic.gains[found]! / Math.log2(rank + 1);
  }
  return gain / ideal;
}

function idealGain(levelCounts: readonly number[], k: number): number {
  let sum = 0;
  let rank = 1;
  for (let level = levelCounts.length - 1; level > 0; level--) {
    for (const end = Math.min(k, rank + levelCounts[level]! - 1); rank <= end; rank++)
      sum += level / Math.log2(rank + 1);
  }
  return sum;
}
