import { bootstrapDifferences, bootstrapMeans, type BootstrapOptions, type Interval } from '../bootstrap.js';
import type { Measure } from './measure.js';
import type { RankedTopic } from './ranking.js';

export interface PairedMeasure {
  /** As trec_eval prints it, or as Measure says. */
  readonly name: string;
  /** One sentence. */
  readonly meaning: string;
  /** Means over the topics. */
  readonly a: Interval;
  readonly b: Interval;
  /** Of b minus a, topic by topic: an interval without 0 says that the difference holds for queries of this kind. */
  readonly difference: Interval;
}

/** Two methods on the same topics, each topic judged for both. */
export class PairedEvaluator {
  readonly #columns: readonly { readonly measure: Measure; readonly a: number[]; readonly b: number[] }[];
  #topicCount = 0;

  constructor(measures: readonly Measure[]) {
    this.#columns = measures.map((measure) => ({ measure, a: [], b: [] }));
  }

  get topicCount(): number {
    return this.#topicCount;
  }

  add(topic: { readonly a: RankedTopic; readonly b: RankedTopic }): void {
    this.#topicCount++;
    for (const { measure, a, b } of this.#columns) {
      a.push(measure.of(topic.a));
      b.push(measure.of(topic.b));
    }
  }

  /** None where there is no topic. */
  finish(options: BootstrapOptions): readonly PairedMeasure[] {
    if (this.#topicCount === 0) return [];
    const columns = this.#columns;
    const a = columns.map((column) => column.a);
    const b = columns.map((column) => column.b);
    const means = { a: bootstrapMeans(a, options), b: bootstrapMeans(b, options) };
    const differences = bootstrapDifferences(b, a, options);
    return columns.map(({ measure: { name, meaning } }, at) => ({
      name,
      meaning,
      a: means.a[at]!,
      b: means.b[at]!,
      difference: differences[at]!,
    }));
  }
}
