import { SemblanceError } from '../../base/errors.js';
import { countRelevant, relevanceLevel, type TopicJudgements } from './judgements.js';
import { compareIds } from './trec-id.js';

/** What a method answers to one query, in any order: higher scores are better. */
export interface TopicRanking {
  readonly topicId: string;
  readonly documentIds: readonly string[];
  readonly scores: ArrayLike<number>;
}

/** All that the measures need of one judged ranking; its size follows the relevant documents found, not the ranking. */
export interface RankedTopic {
  readonly retrievedCount: number;
  /** Ranks of the relevant documents found, from 1, ascending. */
  readonly relevantRanks: readonly number[];
  /** Their relevance. */
  readonly gains: readonly number[];
  /** Relevant documents, found or not. */
  readonly relevantCount: number;
  /** `levelCounts[r]`: documents judged r. */
  readonly levelCounts: readonly number[];
}

/**
 * The documents in trec_eval's order: score descending, compared as float32, ties by id descending. A document that
 * stands twice in a topic is an error, as in trec_eval, and so is a score that is not a number.
 */
export function orderDocuments({ topicId, documentIds, scores }: TopicRanking): readonly string[] {
  if (documentIds.length !== scores.length) {
    throw new TypeError(`Topic ${topicId} has ${documentIds.length} documents but ${scores.length} scores`);
  }
  const floats = Float32Array.from(scores);
  let ordered = true;
  const seen = new Set<string>();
  for (const [at, documentId] of documentIds.entries()) {
    if (Number.isNaN(floats[at])) {
      throw new SemblanceError('BAD_USER_INPUT', `Topic ${topicId}: the score of ${documentId} is not a number`);
    }
    if (seen.size === seen.add(documentId).size) {
      throw new SemblanceError('BAD_USER_INPUT', `Topic ${topicId} holds the document ${documentId} twice`);
    }
    ordered &&= at === 0 || compare(floats, documentIds, at - 1, at) < 0;
  }
  if (ordered) return documentIds;
  const order = Uint32Array.from(documentIds.keys()).sort((a, b) => compare(floats, documentIds, a, b));
  return Array.from(order, (at) => documentIds[at]!);
}

function compare(floats: Float32Array, documentIds: readonly string[], a: number, b: number): number {
  const x = floats[a]!;
  const y = floats[b]!;
  if (x > y) return -1;
  if (x < y) return 1;
  return compareIds(documentIds[b]!, documentIds[a]!);
}

/** @param documentIds in the order that is judged: trec_eval's, for its measures */
export function judgeRanking(
  documentIds: readonly string[],
  judgements: Pick<TopicJudgements, 'relevanceOf' | 'levelCounts'>,
): RankedTopic {
  const relevantRanks: number[] = [];
  const gains: number[] = [];
  for (const [at, documentId] of documentIds.entries()) {
    const relevance = judgements.relevanceOf(documentId);
    if (relevance === undefined || relevance < relevanceLevel) continue;
    relevantRanks.push(at + 1);
    gains.push(relevance);
  }
  const { levelCounts } = judgements;
  return {
    retrievedCount: documentIds.length,
    relevantRanks,
    gains,
    relevantCount: countRelevant(levelCounts),
    levelCounts,
  };
}
