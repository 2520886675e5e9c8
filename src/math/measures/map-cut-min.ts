import type { RankedTopic } from './ranking.js';
import { precisionSum } from './map-cut.js';

/**
 * Average precision of the first k results divided by what k results can hold: (1 / min(k, R)) · Σ P(r) over the ranks
 * r ≤ k of relevant documents, so that a perfect ranking reaches 1 whatever R is. Not one of trec_eval's measures. 0
 * where R is 0.
 * Average precision at k as Kaggle's competitions define it: ml_metrics.apk, Hamner 2012.
 */
export function averagePrecisionCutMin(topic: RankedTopic, k: number): number {
  return topic.relevantCount === 0 ? 0 : precisionSum(topic, k) / Math.min(k, topic.relevantCount);
}
