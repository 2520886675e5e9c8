import type { RankedTopic } from './ranking.js';
import { precisionSum } from './map-cut.js';

/**
 * Average precision: AP = (1 / R) · Σ P(r) over the ranks r of the relevant documents found, R being all relevant
 * documents, so that one not found counts as 0. 0 where R is 0.
 * Buckley and Voorhees, "Retrieval System Evaluation", in TREC: Experiment and Evaluation, 2005; trec_eval's m_map.c.
 */
export function averagePrecision(topic: RankedTopic): number {
  return topic.relevantCount === 0 ? 0 : precisionSum(topic, Infinity) / topic.relevantCount;
}
