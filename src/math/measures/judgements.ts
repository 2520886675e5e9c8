/** One line of a qrels file. */
export interface Judgement {
  readonly documentId: string;
  /** 1 and above: relevant, and the gain of ndcg. 0: not relevant. Below 0: seen but not judged, as trec_eval takes it. */
  readonly relevance: number;
}

/** What is known of one topic. A document that is not judged counts as not relevant. */
export interface TopicJudgements {
  /** Undefined where the document is not judged. */
  relevanceOf(documentId: string): number | undefined;
  /** `levelCounts[r]`: documents of relevance r, from 0; negative ones are in none. */
  readonly levelCounts: readonly number[];
  judgements(): Iterable<Judgement>;
}

/** The judgements of all topics, whether read from a file or following from classes. */
export interface Qrels {
  readonly topicCount: number;
  topicIds(): Iterable<string>;
  topic(topicId: string): TopicJudgements | undefined;
}

/** Relevance from which a document counts as relevant in the binary measures (trec_eval's -l). */
export const relevanceLevel = 1;
/** Bound on either side of a relevance, as in trec_eval's description of the file. */
export const maxRelevance = 127;

export function countRelevant(levelCounts: readonly number[]): number {
  return levelCounts.reduce((sum, count, level) => (level >= relevanceLevel ? sum + count : sum), 0);
}
