import type { Qrels } from '../../math/measures/judgements.js';
import { interpolatedPrecision, recallLevels } from '../../math/measures/iprec-at-recall.js';
import type { Measure } from '../../math/measures/measure.js';
import { judgeRanking, orderDocuments, type TopicRanking } from '../../math/measures/ranking.js';

/**
 * Which topics a mean runs over. `both`: those that the run and the qrels have, as trec_eval without options. `judged`:
 * all topics of the qrels, one that is missing from the run counting 0, as trec_eval -c.
 */
export type MeanOver = 'both' | 'judged';

export interface EvaluatedTopic {
  readonly topicId: string;
  /** The first documents in trec_eval's order. */
  readonly leaders: readonly string[];
  /** Whether any document is relevant. Where none is, every measure is 0, and counts. */
  readonly hasRelevant: boolean;
}

/** A run held against qrels: every measure of every topic, and their means. */
export interface RunEvaluation {
  readonly measures: readonly Measure[];
  /** In the order added, then, under `judged`, those missing from the run. */
  readonly topics: readonly EvaluatedTopic[];
  /** By measure name; at the index of the topic. */
  readonly values: ReadonlyMap<string, Float64Array>;
  readonly means: Readonly<Record<string, number>>;
  /** Mean interpolated precision at `recallLevels`. */
  readonly interpolatedPrecision: readonly number[];
  readonly meanOver: MeanOver;
  /** In the qrels but not in the run. */
  readonly missingTopics: readonly string[];
  /** In the run but not in the qrels: left out, as in trec_eval. */
  readonly unjudgedTopics: readonly string[];
}

export interface EvaluatorOptions {
  readonly qrels: Qrels;
  readonly measures: readonly Measure[];
  readonly meanOver?: MeanOver;
  /** Documents kept of each topic, for confusion and contact sheets. */
  readonly leaders?: number;
}

const defaultLeaders = 10;

/**
 * Takes a run topic by topic and keeps of each only its measures and first documents, so that rankings of any length
 * pass through.
 */
export class RunEvaluator {
  readonly #options: EvaluatorOptions;
  readonly #topics: EvaluatedTopic[] = [];
  readonly #values: number[][];
  readonly #precisions = recallLevels.map(() => 0);
  readonly #seen = new Set<string>();
  readonly #unjudged: string[] = [];

  constructor(options: EvaluatorOptions) {
    this.#options = options;
    this.#values = options.measures.map(() => []);
  }

  /** Each topic once; duplicate documents and scores that are not numbers are errors. */
  add(ranking: TopicRanking): void {
    const { qrels, measures, leaders = defaultLeaders } = this.#options;
    const { topicId } = ranking;
    if (this.#seen.has(topicId)) throw new TypeError(`Topic ${topicId} was added before`);
    this.#seen.add(topicId);
    const ordered = orderDocuments(ranking);
    const judgements = qrels.topic(topicId);
    if (judgements === undefined) {
      this.#unjudged.push(topicId);
      return;
    }
    const judged = judgeRanking(ordered, judgements);
    for (const [at, measure] of measures.entries()) this.#values[at]!.push(measure.of(judged));
    for (const [at, precision] of interpolatedPrecision(judged).entries()) this.#precisions[at]! += precision;
    this.#topics.push({ topicId, leaders: ordered.slice(0, leaders), hasRelevant: judged.relevantCount > 0 });
  }

  finish(): RunEvaluation {
    const { qrels, measures, meanOver = 'both' } = this.#options;
    const missingTopics: string[] = [];
    for (const topicId of qrels.topicIds()) if (!this.#seen.has(topicId)) missingTopics.push(topicId);
    const topics = [...this.#topics];
    if (meanOver === 'judged') {
      for (const topicId of missingTopics) {
        const hasRelevant = qrels.topic(topicId)?.levelCounts.some((count, level) => level > 0 && count > 0) ?? false;
        topics.push({ topicId, leaders: [], hasRelevant });
      }
    }
    const values = new Map<string, Float64Array>();
    for (const [at, { name }] of measures.entries()) {
      const column = new Float64Array(topics.length);
      column.set(this.#values[at]!);
      values.set(name, column);
    }
    return {
      measures,
      topics,
      values,
      means: Object.fromEntries(Array.from(values, ([name, column]) => [name, mean(column)])),
      interpolatedPrecision: this.#precisions.map((sum) => (topics.length === 0 ? 0 : sum / topics.length)),
      meanOver,
      missingTopics,
      unjudgedTopics: [...this.#unjudged],
    };
  }
}

/** A run that is at hand as a whole or comes as a stream, such as that of `readRunTopics`. */
export async function evaluateRun(
  rankings: Iterable<TopicRanking> | AsyncIterable<TopicRanking>,
  options: EvaluatorOptions,
): Promise<RunEvaluation> {
  const evaluator = new RunEvaluator(options);
  for await (const ranking of rankings) evaluator.add(ranking);
  return evaluator.finish();
}

/** The values of a measure; an error where the run was not evaluated with it. */
export function valuesOf(evaluation: RunEvaluation, measure: string): Float64Array {
  const values = evaluation.values.get(measure);
  if (values === undefined) throw new TypeError(`The run was not evaluated with ${measure}`);
  return values;
}

/** 0 of nothing. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return values.length === 0 ? 0 : sum / values.length;
}
