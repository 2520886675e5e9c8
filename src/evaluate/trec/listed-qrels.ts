import { SemblanceError, describeInvalid } from '../../base/errors.js';
import { maxRelevance, type Judgement, type Qrels, type TopicJudgements } from '../../math/measures/judgements.js';

interface Growing {
  readonly documents: number[];
  readonly relevances: number[];
}

/**
 * Collects judgements one by one. Documents are numbered, so that one judgement takes 5 bytes once built: a file of 50
 * million lines fits.
 */
export class QrelsBuilder {
  readonly #numbers = new Map<string, number>();
  readonly #documentIds: string[] = [];
  readonly #topics = new Map<string, Growing>();

  add(topicId: string, { documentId, relevance }: Judgement): void {
    if (!Number.isInteger(relevance) || Math.abs(relevance) > maxRelevance) {
      const expected = `an integer from -${maxRelevance} to ${maxRelevance}`;
      throw new SemblanceError('BAD_USER_INPUT', describeInvalid('relevance', expected, relevance));
    }
    let topic = this.#topics.get(topicId);
    if (topic === undefined) this.#topics.set(topicId, (topic = { documents: [], relevances: [] }));
    topic.documents.push(this.#number(documentId));
    topic.relevances.push(relevance);
  }

  /** A document that one topic judges twice is an error, as in trec_eval. */
  build(): Qrels {
    const topics = new Map<string, TopicJudgements>();
    for (const [topicId, growing] of this.#topics) {
      topics.set(topicId, new ListedTopic(topicId, growing, this.#numbers, this.#documentIds));
      this.#topics.delete(topicId);
    }
    return {
      topicCount: topics.size,
      topicIds: () => topics.keys(),
      topic: (topicId) => topics.get(topicId),
    };
  }

  #number(documentId: string): number {
    const known = this.#numbers.get(documentId);
    if (known !== undefined) return known;
    const number = this.#documentIds.length;
    this.#numbers.set(documentId, number);
    this.#documentIds.push(documentId);
    return number;
  }
}

export function qrelsOf(topics: Iterable<readonly [topicId: string, judgements: Iterable<Judgement>]>): Qrels {
  const builder = new QrelsBuilder();
  for (const [topicId, judgements] of topics) for (const judgement of judgements) builder.add(topicId, judgement);
  return builder.build();
}

class ListedTopic implements TopicJudgements {
  readonly levelCounts: readonly number[];
  /** Ascending. */
  readonly #documents: Uint32Array;
  readonly #relevances: Int8Array;

  constructor(
    topicId: string,
    { documents, relevances }: Growing,
    private readonly numbers: ReadonlyMap<string, number>,
    private readonly documentIds: readonly string[],
  ) {
    const order = Uint32Array.from(documents.keys()).sort((a, b) => documents[a]! - documents[b]!);
    this.#documents = Uint32Array.from(order, (at) => documents[at]!);
    this.#relevances = Int8Array.from(order, (at) => relevances[at]!);
    const twice = this.#documents.find((document, at) => at > 0 && this.#documents[at - 1] === document);
    if (twice !== undefined) {
      const message = `The judgements of topic ${topicId} name the document ${documentIds[twice]!} twice`;
      throw new SemblanceError('BAD_USER_INPUT', message);
    }
    const counts: number[] = [];
    for (const relevance of this.#relevances) {
      if (relevance < 0) continue;
      while (counts.length <= relevance) counts.push(0);
      counts[relevance]!++;
    }
    this.levelCounts = counts;
  }

  relevanceOf(documentId: string): number | undefined {
    const number = this.numbers.get(documentId);
    if (number === undefined) return undefined;
    let low = 0;
    let high = this.#documents.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#documents[middle]! < number) low = middle + 1;
      else high = middle;
    }
    return this.#documents[low] === number ? this.#relevances[low] : undefined;
  }

  *judgements(): Iterable<Judgement> {
    for (const [at, document] of this.#documents.entries()) {
      yield { documentId: this.documentIds[document]!, relevance: this.#relevances[at]! };
    }
  }
}
