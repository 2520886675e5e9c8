import { mean, valuesOf, type RunEvaluation } from './evaluate-run.js';

export interface ClassMeans {
  readonly name: string;
  readonly queries: number;
  readonly means: Readonly<Record<string, number>>;
}

export interface Confusion {
  /** Classes of the queries and of their first neighbours, sorted. */
  readonly classes: readonly string[];
  /** `counts[i][j]`: queries of class i whose first neighbour is of class j. */
  readonly counts: readonly (readonly number[])[];
  /** `withoutNeighbour[i]`: queries of class i that found nothing, or an image of no class. */
  readonly withoutNeighbour: readonly number[];
}

/** Means of the queries of each class, sorted by its name. Topics without a class are in none. */
export function meansByClass(
  evaluation: RunEvaluation,
  classOf: (topicId: string) => string | undefined,
): readonly ClassMeans[] {
  const members = new Map<string, number[]>();
  for (const [at, { topicId }] of evaluation.topics.entries()) {
    const name = classOf(topicId);
    if (name === undefined) continue;
    const known = members.get(name);
    if (known === undefined) members.set(name, [at]);
    else known.push(at);
  }
  return Array.from(members, ([name, at]) => ({
    name,
    queries: at.length,
    means: Object.fromEntries(
      Array.from(evaluation.values, ([measure, values]) => [measure, mean(at.map((topic) => values[topic]!))]),
    ),
  })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What the first neighbour of each query is. Needs an evaluation that kept at least one leader. */
export function confusionOfFirst(
  evaluation: RunEvaluation,
  classOfTopic: (topicId: string) => string | undefined,
  classOfDocument: (documentId: string) => string | undefined,
): Confusion {
  const pairs: { readonly from: string; readonly to: string | undefined }[] = [];
  const names = new Set<string>();
  for (const { topicId, leaders } of evaluation.topics) {
    const from = classOfTopic(topicId);
    if (from === undefined) continue;
    const to = leaders[0] === undefined ? undefined : classOfDocument(leaders[0]);
    pairs.push({ from, to });
    names.add(from);
    if (to !== undefined) names.add(to);
  }
  const classes = [...names].sort();
  const numbers = new Map(classes.map((name, at) => [name, at]));
  const counts = classes.map(() => classes.map(() => 0));
  const withoutNeighbour = classes.map(() => 0);
  for (const { from, to } of pairs) {
    const row = numbers.get(from)!;
    if (to === undefined) withoutNeighbour[row]!++;
    else counts[row]![numbers.get(to)!]!++;
  }
  return { classes, counts, withoutNeighbour };
}

export interface TopicValue {
  readonly topicId: string;
  readonly value: number;
  readonly leaders: readonly string[];
}

/**
 * The topics with the highest and with the lowest value of a measure, the most extreme first, equal ones by id. Topics
 * without a relevant document are left out: no method could do better.
 */
export function extremeTopics(
  evaluation: RunEvaluation,
  measure: string,
  count: number,
): { readonly best: readonly TopicValue[]; readonly worst: readonly TopicValue[] } {
  const values = valuesOf(evaluation, measure);
  const topics = evaluation.topics
    .map(({ topicId, leaders, hasRelevant }, at) => ({ topicId, leaders, hasRelevant, value: values[at]! }))
    .filter(({ hasRelevant }) => hasRelevant)
    .map(({ topicId, leaders, value }) => ({ topicId, value, leaders }));
  const byId = (a: TopicValue, b: TopicValue): number => (a.topicId < b.topicId ? -1 : 1);
  const best = topics.toSorted((a, b) => b.value - a.value || byId(a, b)).slice(0, count);
  const worst = topics.toSorted((a, b) => a.value - b.value || byId(a, b)).slice(0, count);
  return { best, worst };
}
