import { setImmediate } from 'node:timers/promises';
import { invalidArgument, SemblanceError } from '../../base/errors.js';
import { isDecodeRefusal } from '../../pixels/decode/decoder-messages.js';
import type { Matrix } from '../../math/matrix.js';
import { Random } from '../../math/random.js';
import type { Vocabulary, VocabularySizeScore } from '../features/bag-of-words.js';
import { fitApart } from './fit-apart.js';
import { leafKey, leafRecipeKey, leafRecipesOf, type Leaf, type LeafRecipe } from '../leaf.js';
import type { LeafEncoder } from '../leaves.js';
import type { Recipe } from '../recipe.js';
import type { FitOptions, FittedLeaves, ImageSample } from '../samples.js';

/** Images that a vocabulary is trained on, at most: those that the seed draws first. */
export const maxVocabularyImages = 5_000;
/** Descriptors of those images, 512 bytes each: images are taken until there are so many. */
export const maxVocabularyDescriptors = 400_000;
/** Numbers of words that the Davies-Bouldin index chooses from where none is given. */
export const wordCandidates = [100, 200, 400] as const;
/** Of the clustering, at most; a sample that they would pass over more often than `maxPasses` times has fewer. */
const maxIterations = 200;
const maxPasses = 20;
/** Descriptors of one iteration: miniBatchKMeans' own. */
const batchDescriptors = 1024;
/** Images in work at the same time while a sample is read; Node warns of more than ten that wait on one signal. */
export const sampleConcurrency = 8;

export interface FitLeavesOptions extends FitOptions {
  readonly leaves: LeafEncoder;
}

/**
 * Opens the models and trains the vocabularies that recipes need, each once: all that has to be fitted before the leaves
 * of any image can be computed.
 * @returns the same for the same images and seed
 * @throws SemblanceError BAD_USER_INPUT for fewer descriptors than words, MODEL_UNAVAILABLE
 */
export async function fitLeaves(
  recipes: readonly Recipe[],
  sample: ImageSample,
  options: FitLeavesOptions,
): Promise<FittedLeaves> {
  const wanted = leafRecipesOf(recipes);
  const vocabularies = wanted.some(({ kind }) => kind === 'bag-of-words')
    ? new VocabularyTrainer(await readDescriptors(sample, options), options)
    : undefined;
  const fitted = new Map<string, Leaf>();
  for (const recipe of wanted) fitted.set(leafRecipeKey(recipe), await fitLeaf(recipe, vocabularies, options));
  return {
    leaves: [...new Map([...fitted.values()].map((leaf) => [leafKey(leaf), leaf])).values()],
    vocabularySizes: vocabularies?.sizes ?? [],
    leafFor(recipe) {
      const leaf = fitted.get(leafRecipeKey(recipe));
      if (leaf === undefined) throw new RangeError(`The leaf ${leafRecipeKey(recipe)} was not fitted`);
      return leaf;
    },
  };
}

async function fitLeaf(
  recipe: LeafRecipe,
  vocabularies: VocabularyTrainer | undefined,
  { leaves }: FitLeavesOptions,
): Promise<Leaf> {
  if (recipe.kind === 'model') return leaves.modelLeaf(recipe.model);
  if (recipe.kind !== 'bag-of-words') return { kind: recipe.kind, transparency: 'contrast' };
  if (vocabularies === undefined) throw new RangeError('A vocabulary without descriptors');
  return { kind: 'bag-of-words', vocabulary: await vocabularies.train(recipe.words), transparency: 'contrast' };
}

/** Vocabularies on the same descriptors, each number of words once. */
class VocabularyTrainer {
  readonly #images: readonly Matrix<Float32Array>[];
  readonly #options: FitOptions;
  readonly #trained = new Map<number, Vocabulary>();
  sizes: readonly VocabularySizeScore[] = [];

  constructor(images: readonly Matrix<Float32Array>[], options: FitOptions) {
    this.#images = images;
    this.#options = options;
  }

  async train(words: number | undefined): Promise<Vocabulary> {
    const count = words ?? (await this.#choose());
    const known = this.#trained.get(count);
    if (known !== undefined) return known;
    const { seed, signal, onProgress } = this.#options;
    const total = this.#iterations();
    const vocabulary = await fitApart(
      'vocabulary',
      { images: this.#images, words: count, seed, iterations: total },
      { signal, onStep: (done) => onProgress?.({ stage: `vocabulary of ${count} words`, done, total }) },
    );
    this.#trained.set(count, vocabulary);
    return vocabulary;
  }

  async #choose(): Promise<number> {
    const descriptors = this.#countDescriptors();
    const candidates = wordCandidates.filter((words) => words <= descriptors);
    if (candidates.length === 0)
      throw invalidArgument('the sample of a vocabulary', `at least ${wordCandidates[0]} descriptors`, descriptors);
    const { seed, signal, onProgress } = this.#options;
    const choice = await fitApart(
      'vocabularySize',
      { images: this.#images, candidates, seed, iterations: this.#iterations() },
      { signal, onStep: (done) => onProgress?.({ stage: 'number of words', done, total: candidates.length }) },
    );
    this.sizes = choice.scores;
    return choice.words;
  }

  #iterations(): number {
    return Math.min(maxIterations, Math.ceil((maxPasses * this.#countDescriptors()) / batchDescriptors));
  }

  #countDescriptors(): number {
    return this.#images.reduce((sum, { rows }) => sum + rows, 0);
  }
}

/** By image, in the order that the seed draws; an image without keypoints counts as one. */
async function readDescriptors(
  sample: ImageSample,
  options: FitLeavesOptions,
): Promise<readonly Matrix<Float32Array>[]> {
  const { leaves, seed, onProgress, signal } = options;
  const drawn = new Random(seed).sample(sample.count, maxVocabularyImages);
  const images: Matrix<Float32Array>[] = [];
  let descriptors = 0;
  for (let start = 0; start < drawn.length; start += sampleConcurrency) {
    signal?.throwIfAborted();
    const chunk = [...drawn.subarray(start, start + sampleConcurrency)];
    const found = await Promise.all(
      chunk.map((index) =>
        unlessUnusable(async () => {
          const keypoints = [{ kind: 'keypoints' }] as const;
          const prepared = await sample.use(index, (image) => leaves.prepare(keypoints, image, 'bulk'));
          return leaves.descriptors(prepared, 'bulk');
        }),
      ),
    );
    for (const matrix of found) {
      if (matrix === undefined || descriptors >= maxVocabularyDescriptors) continue;
      images.push(matrix);
      descriptors += matrix.rows;
    }
    const done = Math.min(drawn.length, start + sampleConcurrency);
    onProgress?.({ stage: 'keypoints', done, total: drawn.length });
    if (descriptors >= maxVocabularyDescriptors) break;
  }
  return images;
}

/** Undefined for an image that cannot serve: no decoder or model makes anything of it, or it was deleted meanwhile. */
export async function unlessUnusable<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isDecodeRefusal(error) || (error instanceof SemblanceError && error.code === 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** Others get a turn. */
export async function breathe({ signal }: Pick<FitOptions, 'signal'>): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}
