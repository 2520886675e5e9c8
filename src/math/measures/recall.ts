import type { RankedTopic } from './ranking.js';
import { foundBy } from './found-by.js';

/**
 * Recall@k = (relevant documents among the first k) / R; 0 where R is 0.
 * trec_eval's m_recall.c.
 */
export function recallAt(topic: RankedTopic, k: number): number {
  return topic.relevantCount === 0 ? 0 : foundBy(topic, k) / topic.relevantCount;
}
