import { invalidArgument } from '../../base/errors.js';
import { assignRows, daviesBouldin, miniBatchKMeans } from '../../math/learning/k-means.js';
import type { Matrix } from '../../math/matrix.js';
import { NearestCenter } from '../../math/nearest.js';
import { Random } from '../../math/random.js';
import { normalise } from '../../math/vector.js';

/** Visual words and how much each tells; plain enough to be stored. */
export interface Vocabulary {
  /** One word a row. */
  readonly words: Matrix<Float32Array>;
  /** ln((1 + images) / (1 + images with the word)) + 1: what every image has tells least. */
  readonly inverseDocumentFrequencies: Float32Array;
}

export interface VocabularyOptions {
  /** The descriptors of each image of the training sample; images without any count as images. */
  readonly images: readonly Matrix<Float32Array>[];
  readonly words: number;
  readonly seed: number;
  /** Descriptors drawn from all images to cluster. Default 100,000. */
  readonly maxDescriptors?: number;
  /** Of the clustering; default 200. */
  readonly iterations?: number;
  readonly onIteration?: (iteration: number) => void;
}

const defaultMaxDescriptors = 100_000;

/**
 * Clusters descriptors into visual words (Sivic and Zisserman 2003) and counts the images that have each.
 * @returns the same vocabulary for the same images and seed
 * @throws SemblanceError BAD_USER_INPUT for fewer descriptors than words, or a number of words that is not positive
 */
export function trainVocabulary(options: VocabularyOptions): Vocabulary {
  const { images, seed, maxDescriptors = defaultMaxDescriptors } = options;
  const sample = drawDescriptors(images, maxDescriptors, seed);
  const words = clusterWords(sample, options.words, options);
  const nearest = new NearestCenter(words);
  const imagesWith = new Uint32Array(words.rows);
  for (const image of images) {
    for (const word of new Set(wordsOf(image, nearest))) imagesWith[word]! += 1;
  }
  const inverseDocumentFrequencies = Float32Array.from(
    imagesWith,
    (count) => Math.log((1 + images.length) / (1 + count)) + 1,
  );
  return { words, inverseDocumentFrequencies };
}

export interface VocabularySizeOptions {
  readonly images: readonly Matrix<Float32Array>[];
  /** Numbers of words to try, each at least 2. */
  readonly candidates: readonly number[];
  readonly seed: number;
  /** Descriptors drawn to cluster and to judge by. Default 20,000. */
  readonly maxDescriptors?: number;
  readonly iterations?: number;
  /** Called after each candidate. */
  readonly onCandidate?: (score: VocabularySizeScore) => void;
}

export interface VocabularySizeScore {
  readonly words: number;
  /** Smaller is better. */
  readonly daviesBouldin: number;
}

export interface VocabularySizeChoice {
  readonly words: number;
  /** In the order of the candidates. */
  readonly scores: readonly VocabularySizeScore[];
}

/**
 * The candidate whose clusters are the most compact and the furthest apart, by the Davies-Bouldin index on the drawn
 * descriptors; the smaller of equals.
 * @throws SemblanceError BAD_USER_INPUT without candidates, for a candidate below 2, and for fewer descriptors than words
 */
export function chooseVocabularySize(options: VocabularySizeOptions): VocabularySizeChoice {
  const { images, candidates, seed, maxDescriptors = 20_000, onCandidate } = options;
  const sample = drawDescriptors(images, maxDescriptors, seed);
  for (const words of [Math.min(...candidates), Math.max(...candidates)]) requireWords(words, 2, sample.rows);
  const scores = candidates.map((words) => {
    const centers = clusterWords(sample, words, {
      seed,
      ...(options.iterations && { iterations: options.iterations }),
    });
    const { labels } = assignRows(sample, centers);
    // Descriptors that are all alike make one cluster, which is apart from nothing.
    const clustered = labels.some((label) => label !== labels[0]);
    const score = { words, daviesBouldin: clustered ? daviesBouldin(sample, labels) : Infinity };
    onCandidate?.(score);
    return score;
  });
  const best = [...scores].sort(compareScores)[0]!;
  return { words: best.words, scores };
}

/** Turns descriptors into tf-idf histograms; keep one for all images of a vocabulary. */
export class BagOfWords {
  readonly #nearest: NearestCenter;

  constructor(readonly vocabulary: Vocabulary) {
    this.#nearest = new NearestCenter(vocabulary.words);
  }

  /**
   * How often each word occurs, times its inverse document frequency, scaled to length 1: scikit-learn's
   * TfidfTransformer(). An image without descriptors has no word: a vector of zeros, which no index can hold.
   * @throws RangeError for descriptors of another length than the words
   */
  histogram(descriptors: Matrix<Float32Array>): Float32Array {
    const { words, inverseDocumentFrequencies } = this.vocabulary;
    if (descriptors.columns !== words.columns) {
      throw new RangeError(`Words of ${words.columns} numbers do not fit descriptors of ${descriptors.columns}`);
    }
    const histogram = new Float32Array(words.rows);
    for (const word of wordsOf(descriptors, this.#nearest)) histogram[word]! += inverseDocumentFrequencies[word]!;
    return normalise(histogram);
  }
}

function wordsOf({ rows, columns, values }: Matrix<Float32Array>, nearest: NearestCenter): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, row) => nearest.find(values, row * columns));
}

function clusterWords(
  sample: Matrix<Float32Array>,
  words: number,
  { seed, iterations, onIteration }: Pick<VocabularyOptions, 'seed' | 'iterations' | 'onIteration'>,
): Matrix<Float32Array> {
  requireWords(words, 1, sample.rows);
  return miniBatchKMeans({
    sample,
    clusters: words,
    seed,
    ...(iterations !== undefined && { iterations }),
    ...(onIteration && { onIteration }),
  });
}

function requireWords(words: number, least: number, descriptors: number): void {
  if (Number.isInteger(words) && words >= least && words <= descriptors) return;
  throw invalidArgument('words', `an integer from ${least} to the ${descriptors} descriptors to train on`, words);
}

/** At most `count` rows of all images, evenly drawn. */
function drawDescriptors(images: readonly Matrix<Float32Array>[], count: number, seed: number): Matrix<Float32Array> {
  const columns = images.find(({ rows }) => rows > 0)?.columns ?? 1;
  const total = images.reduce((sum, { rows }) => sum + rows, 0);
  const drawn = new Random(seed).sample(total, count).sort();
  const values = new Float32Array(drawn.length * columns);
  let [image, before] = [0, 0];
  drawn.forEach((row, index) => {
    while (row >= before + images[image]!.rows) before += images[image++]!.rows;
    const at = (row - before) * columns;
    values.set(images[image]!.values.subarray(at, at + columns), index * columns);
  });
  return { rows: drawn.length, columns, values };
}

/** Not by subtraction: two infinite scores are equal. */
function compareScores(a: VocabularySizeScore, b: VocabularySizeScore): number {
  if (a.daviesBouldin === b.daviesBouldin) return a.words - b.words;
  return a.daviesBouldin < b.daviesBouldin ? -1 : 1;
}
