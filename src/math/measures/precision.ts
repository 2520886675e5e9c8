import type { RankedTopic } from './ranking.js';
import { foundBy } from './found-by.js';

/**
 * P@k = (relevant documents among the first k) / k, also where fewer than k were retrieved.
 * trec_eval's m_P.c.
 */
export function precisionAt(topic: RankedTopic, k: number): number {
  return foundBy(topic, k) / k;
}
