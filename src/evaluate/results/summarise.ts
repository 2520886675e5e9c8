import { bootstrapDifferences, bootstrapMeans, type BootstrapOptions, type Interval } from '../../math/bootstrap.js';
import { confusionOfFirst, extremeTopics, meansByClass, type TopicValue } from './by-class.js';
import type { CostDocument, ExampleDocument, MethodDocument } from './document.js';
import { valuesOf, type RunEvaluation } from './evaluate-run.js';
import { relevanceLevel, type Qrels } from '../../math/measures/judgements.js';

export interface SummaryOptions {
  readonly name: string;
  readonly description?: string;
  readonly evaluation: RunEvaluation;
  /** The method that differences are taken from; none for the baseline itself. */
  readonly baseline?: RunEvaluation;
  readonly qrels: Qrels;
  readonly bootstrap: BootstrapOptions;
  readonly cost?: CostDocument;
  /** Neither confusion nor a mean by class without it. */
  readonly classOf?: {
    readonly topic: (topicId: string) => string | undefined;
    readonly document: (documentId: string) => string | undefined;
  };
  /** Best and worst queries to show, each. */
  readonly examples?: number;
}

const defaultExamples = 5;

/** One method's part of the document, all that is computed of it. The main measure is the evaluation's first. */
export function summariseMethod(options: SummaryOptions): MethodDocument {
  const { name, description, evaluation, baseline, qrels, bootstrap, cost = {}, classOf } = options;
  const main = evaluation.measures[0];
  if (main === undefined) throw new TypeError('The run was evaluated with no measure');
  const { best, worst } = extremeTopics(evaluation, main.name, options.examples ?? defaultExamples);
  const example = ({ topicId, value, leaders }: TopicValue): ExampleDocument => ({
    topicId,
    ...named(classOf?.topic(topicId)),
    value,
    results: leaders.map((documentId) => ({
      documentId,
      ...named(classOf?.document(documentId)),
      relevant: (qrels.topic(topicId)?.relevanceOf(documentId) ?? 0) >= relevanceLevel,
    })),
  });
  return {
    name,
    ...(description === undefined ? {} : { description }),
    topics: {
      evaluated: evaluation.topics.length,
      missing: evaluation.missingTopics.length,
      unjudged: evaluation.unjudgedTopics.length,
    },
    measures: intervalsOf(evaluation, bootstrap),
    ...(baseline === undefined ? {} : { differences: differencesOf(evaluation, baseline, bootstrap) }),
    interpolatedPrecision: [...evaluation.interpolatedPrecision],
    ...(classOf === undefined
      ? {}
      : {
          classes: meansByClass(evaluation, classOf.topic),
          confusion: confusionOfFirst(evaluation, classOf.topic, classOf.document),
        }),
    best: best.map(example),
    worst: worst.map(example),
    cost,
  };
}

/** The interval of every measure's mean, by name. */
export function intervalsOf(evaluation: RunEvaluation, options: BootstrapOptions): Readonly<Record<string, Interval>> {
  const names = [...evaluation.values.keys()];
  const intervals = bootstrapMeans([...evaluation.values.values()], options);
  return Object.fromEntries(names.map((name, at) => [name, intervals[at]!]));
}

/**
 * Paired differences, `evaluation` minus `baseline`, of the measures that both have, on the topics that both have,
 * whatever their order.
 */
export function differencesOf(
  evaluation: RunEvaluation,
  baseline: RunEvaluation,
  options: BootstrapOptions,
): Readonly<Record<string, Interval>> {
  const places = new Map(baseline.topics.map(({ topicId }, at) => [topicId, at]));
  const pairs = evaluation.topics.flatMap(({ topicId }, at) => {
    const other = places.get(topicId);
    return other === undefined ? [] : [[at, other] as const];
  });
  const names = [...evaluation.values.keys()].filter((name) => baseline.values.has(name));
  const column = (of: RunEvaluation, name: string, side: 0 | 1): Float64Array => {
    const values = valuesOf(of, name);
    return Float64Array.from(pairs, (pair) => values[pair[side]]!);
  };
  const intervals = bootstrapDifferences(
    names.map((name) => column(evaluation, name, 0)),
    names.map((name) => column(baseline, name, 1)),
    options,
  );
  return Object.fromEntries(names.map((name, at) => [name, intervals[at]!]));
}

function named(className: string | undefined): { readonly className?: string } {
  return className === undefined ? {} : { className };
}
