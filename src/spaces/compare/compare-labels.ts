import { parseMeasures } from '../../math/measures/measure.js';
import { PairedEvaluator, type PairedMeasure } from '../../math/measures/paired-evaluator.js';
import { judgeRanking } from '../../math/measures/ranking.js';
import type { SharedSample } from '../../database/store.js';
import type { SearchHit } from '../../database/types.js';
import { labelOf } from '../draw-images.js';

/** Which of two spaces finds images of the query's label, where images have a text `metadata.label`. */
export interface LabelComparison {
  /** Queries that have a label. */
  readonly labelled: number;
  /** Those of a label that another image has, too: the measures run over them. */
  readonly evaluated: number;
  /** With 95 % intervals. None where `evaluated` is 0. */
  readonly measures: readonly PairedMeasure[];
}

/**
 * Relevant to a query is every other image of its label that both spaces hold, and nothing else: an image without a label is
 * not. Rankings are judged in the order in which people get them.
 */
export class LabelComparer {
  readonly #evaluator: PairedEvaluator;
  #labelled = 0;

  constructor({ depth, k }: { readonly depth: number; readonly k: number }) {
    this.#evaluator = new PairedEvaluator(parseMeasures([`map_cut_${depth}`, `map_cut_min_${depth}`, `P_${k}`]));
  }

  add(
    { label, sameLabel }: SharedSample['images'][number],
    hits: { readonly a: readonly SearchHit[]; readonly b: readonly SearchHit[] },
  ): void {
    if (label === undefined) return;
    this.#labelled++;
    if (sameLabel === 0) return;
    const relevant = { a: idsOf(hits.a, label), b: idsOf(hits.b, label) };
    // Images that were stored since they were counted may be found: no more are found than there are.
    const levelCounts = [0, Math.max(sameLabel, relevant.a.size, relevant.b.size)];
    const judge = (side: 'a' | 'b') =>
      judgeRanking([...idsOf(hits[side])], {
        levelCounts,
        relevanceOf: (id) => (relevant[side].has(id) ? 1 : undefined),
      });
    this.#evaluator.add({ a: judge('a'), b: judge('b') });
  }

  finish(seed: number): LabelComparison {
    return {
      labelled: this.#labelled,
      evaluated: this.#evaluator.topicCount,
      measures: this.#evaluator.finish({ seed }),
    };
  }
}

/** In the order of the hits; of those with the label, where one is given. */
function idsOf(hits: readonly SearchHit[], label?: string): ReadonlySet<string> {
  return new Set(
    hits.filter(({ image }) => label === undefined || labelOf(image) === label).map(({ image }) => image.id),
  );
}
