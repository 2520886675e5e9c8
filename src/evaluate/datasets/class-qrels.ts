import type { Judgement, Qrels, TopicJudgements } from '../../math/measures/judgements.js';

/**
 * Judgements that follow from classes: relevant to a query is every gallery image of its class, itself left out where it
 * is one of them (leave-one-out). Holds no pair: 10,000 queries with 5,000 relevant images each would be 50 million.
 *
 * A query without a relevant image is no topic, as a qrels file cannot name it: it is left out of every mean, and
 * `withoutRelevant` lists it.
 */
export interface ClassQrels extends Qrels {
  readonly withoutRelevant: readonly string[];
}

/**
 * @param queries class by query id
 * @param gallery class by image id; an id that is a query too is that query's own image
 */
export function classQrels(queries: ReadonlyMap<string, string>, gallery: ReadonlyMap<string, string>): ClassQrels {
  const members = new Map<string, string[]>();
  for (const [id, name] of gallery) {
    const known = members.get(name);
    if (known === undefined) members.set(name, [id]);
    else known.push(id);
  }
  const relevantCount = (topicId: string, name: string): number =>
    (members.get(name)?.length ?? 0) - (gallery.get(topicId) === name ? 1 : 0);

  const topicIds: string[] = [];
  const withoutRelevant: string[] = [];
  for (const [id, name] of queries) (relevantCount(id, name) > 0 ? topicIds : withoutRelevant).push(id);

  return {
    withoutRelevant,
    topicCount: topicIds.length,
    topicIds: () => topicIds,
    topic: (topicId) => {
      const name = queries.get(topicId);
      if (name === undefined) return undefined;
      const count = relevantCount(topicId, name);
      return count === 0 ? undefined : new ClassTopic(topicId, name, count, gallery, members.get(name) ?? []);
    },
  };
}

class ClassTopic implements TopicJudgements {
  readonly levelCounts: readonly number[];

  constructor(
    private readonly topicId: string,
    private readonly name: string,
    relevantCount: number,
    private readonly gallery: ReadonlyMap<string, string>,
    private readonly members: readonly string[],
  ) {
    this.levelCounts = [0, relevantCount];
  }

  relevanceOf(documentId: string): number | undefined {
    return documentId !== this.topicId && this.gallery.get(documentId) === this.name ? 1 : undefined;
  }

  *judgements(): Iterable<Judgement> {
    for (const documentId of this.members) if (documentId !== this.topicId) yield { documentId, relevance: 1 };
  }
}
