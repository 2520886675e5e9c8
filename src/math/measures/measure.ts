import { invalidArgument } from '../../base/errors.js';
import type { RankedTopic } from './ranking.js';
import { averagePrecisionCutMin } from './map-cut-min.js';
import { averagePrecisionCut } from './map-cut.js';
import { averagePrecision } from './map.js';
import { ndcgCut } from './ndcg-cut.js';
import { precisionAt } from './precision.js';
import { recallAt } from './recall.js';
import { reciprocalRank } from './recip-rank.js';
import { successAt } from './success.js';

/** A measure of one topic, in 0…1; of a run, its mean over the topics. */
export interface Measure {
  /** As trec_eval prints it: map, P_10, map_cut_100. */
  readonly name: string;
  /** One sentence for readers of the report. */
  readonly meaning: string;
  /** Whether trec_eval computes it too, under the same name and with the same value. */
  readonly inTrecEval: boolean;
  readonly of: (topic: RankedTopic) => number;
}

interface Family {
  readonly meaning: (k: number) => string;
  readonly inTrecEval: boolean;
  readonly of: (topic: RankedTopic, k: number) => number;
}

const cutFamilies: Readonly<Record<string, Family>> = {
  map_cut: {
    meaning: (k) =>
      `Average precision of the first ${k} results, divided by all relevant images. Where more than ${k} are relevant even a perfect ranking stays below 1: with 5,000 relevant, map_cut_100 is at most 0.02.`,
    inTrecEval: true,
    of: averagePrecisionCut,
  },
  map_cut_min: {
    meaning: (k) =>
      `Average precision of the first ${k} results, divided by min(${k}, relevant images): a perfect ranking reaches 1. Not one of trec_eval's measures.`,
    inTrecEval: false,
    of: averagePrecisionCutMin,
  },
  P: {
    meaning: (k) => `Precision: the share of relevant images among the first ${k}.`,
    inTrecEval: true,
    of: precisionAt,
  },
  recall: {
    meaning: (k) => `The share of all relevant images that stands among the first ${k}.`,
    inTrecEval: true,
    of: recallAt,
  },
  ndcg_cut: {
    meaning: (k) =>
      `Normalised discounted cumulative gain of the first ${k}: relevant images count less the later they come, relative to the best possible order.`,
    inTrecEval: true,
    of: ndcgCut,
  },
  success: {
    meaning: (k) =>
      k === 1
        ? 'The share of queries whose first neighbour is relevant.'
        : `The share of queries with at least one relevant image among the first ${k}.`,
    inTrecEval: true,
    of: successAt,
  },
};

const wholeMeasures: Readonly<Record<string, Omit<Measure, 'name'>>> = {
  map: {
    meaning:
      'Mean average precision: the precision at each relevant image, averaged over all relevant images; one that is not in the results counts 0.',
    inTrecEval: true,
    of: averagePrecision,
  },
  recip_rank: {
    meaning:
      'The reciprocal rank of the first relevant image: 1 for the first, 0.5 for the second; 0 where none is found.',
    inTrecEval: true,
    of: reciprocalRank,
  },
};

/** What `parseMeasure` takes, for help texts. */
export const measureNames: readonly string[] = [
  ...Object.keys(wholeMeasures),
  ...Object.keys(cutFamilies).map((family) => `${family}_k`),
];

/** @param name such as map, P_10 or map_cut_100 */
export function parseMeasure(name: string): Measure {
  const whole = Object.hasOwn(wholeMeasures, name) ? wholeMeasures[name] : undefined;
  if (whole !== undefined) return { name, ...whole };
  const match = /^([A-Za-z_]+?)_([1-9]\d{0,8})$/.exec(name);
  const family = match !== null && Object.hasOwn(cutFamilies, match[1]!) ? cutFamilies[match[1]!] : undefined;
  if (match === null || family === undefined)
    throw invalidArgument('measure', `one of ${measureNames.join(', ')}`, name);
  const k = Number(match[2]);
  return { name, meaning: family.meaning(k), inTrecEval: family.inTrecEval, of: (topic) => family.of(topic, k) };
}

/** Different names in the order given; the first one is the run's main measure. */
export function parseMeasures(names: readonly string[]): readonly Measure[] {
  if (names.length === 0) throw invalidArgument('measures', 'at least one measure', names);
  return [...new Set(names)].map(parseMeasure);
}
