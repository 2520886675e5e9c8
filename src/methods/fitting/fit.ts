import { invalidArgument } from '../../base/errors.js';
import { embeddingDimensions } from '../../base/limits.js';
import { matrixOf, type Matrix } from '../../math/matrix.js';
import type { PcaOptions, Projection } from '../../math/pca.js';
import { Random } from '../../math/random.js';
import { joinParts, unitOf } from '../assemble.js';
import { classesOf, fitClassFolds } from './class-folds.js';
import { dimensionsOf, sumDimensions } from '../fitted.js';
import { fitApart } from './fit-apart.js';
import { breathe, fitLeaves, sampleConcurrency, unlessUnusable, type FitLeavesOptions } from './fit-leaves.js';
import type { LeafValues } from '../leaf.js';
import { minProjectedDimensions } from '../notation.js';
import type { FittedRecipe, Recipe } from '../recipe.js';
import type { FitOptions, FittedLeaves, ImageSample, LeafSample } from '../samples.js';

/** Images that a projection is fitted on, at most: those that the seed draws first. */
export const maxProjectionImages = 10_000;
/** Labelled images that the classifiers of a class fusion are fitted on, at most: those that the seed draws first. */
export const maxLabelledImages = 10_000;
/** Images from which on the projection of a model that is too wide is fitted; of fewer it is drawn. */
export const minNarrowingImages = 2_000;

/**
 * Fits all that a recipe needs on a sample of images.
 * @returns the same for the same images and seed
 * @throws SemblanceError BAD_USER_INPUT where the sample is too small or lacks labels, MODEL_UNAVAILABLE
 */
export async function fitRecipe(recipe: Recipe, sample: ImageSample, options: FitLeavesOptions): Promise<FittedRecipe> {
  const fitted = await fitLeaves([recipe], sample, options);
  return fitFromLeaves(recipe, fitted, leavesOnDemand(sample, fitted, options), options);
}

/**
 * Fits what a recipe makes of its leaves; no image is read.
 * @param leaves as fitLeaves gave them for a list of recipes with this one in it
 * @throws SemblanceError BAD_USER_INPUT where the sample is too small or lacks labels
 */
export async function fitFromLeaves(
  recipe: Recipe,
  leaves: FittedLeaves,
  sample: LeafSample,
  options: FitOptions,
): Promise<FittedRecipe> {
  return new RecipeFitter(leaves, sample, options).fitWhole(recipe);
}

/**
 * Projects to directions that the seed draws, for which no image is needed.
 * @throws SemblanceError BAD_USER_INPUT where there are to be more numbers than `of` gives
 */
export async function drawProjected(
  of: FittedRecipe,
  dimensions: number,
  { seed, signal }: Pick<FitOptions, 'seed' | 'signal'>,
): Promise<FittedRecipe> {
  const from = dimensionsOf(of);
  if (dimensions > from) throw invalidArgument('method', `random-N with at most ${from} for N`, dimensions);
  const sample = { rows: 0, columns: from, values: new Float32Array() };
  const input = { sample, components: dimensions, randomSeed: seed };
  const { projection } = await fitApart('narrowing', input, { signal });
  return { kind: 'pca', of, whiten: false, random: true, projection };
}

type VectorOf = (values: LeafValues, imageId: string) => Float32Array;

class RecipeFitter {
  readonly #leaves: FittedLeaves;
  readonly #sample: LeafSample;
  readonly #options: FitOptions;
  /** All images, as the seed draws them. */
  readonly #order: readonly number[];

  constructor(leaves: FittedLeaves, sample: LeafSample, options: FitOptions) {
    this.#leaves = leaves;
    this.#sample = sample;
    this.#options = options;
    this.#order = [...new Random(options.seed).permutation(sample.count)];
  }

  /** Fits a recipe, and projects it where it gives more than the `embeddingDimensions` numbers that a space holds. */
  async fitWhole(recipe: Recipe): Promise<FittedRecipe> {
    const fitted = await this.fit(recipe);
    return dimensionsOf(fitted) > embeddingDimensions ? this.#narrow(fitted) : fitted;
  }

  async #narrow(of: FittedRecipe): Promise<FittedRecipe> {
    const { seed, signal, onNarrowed } = this.#options;
    const drawn = this.#order.slice(0, maxProjectionImages);
    const { matrix } = await this.#gather(drawn, (values, id) => unitOf(of, values, id));
    const random = matrix.rows < minNarrowingImages;
    const from = dimensionsOf(of);
    // A matrix of no rows has no columns, and the projection needs their number.
    const sample = { ...matrix, columns: from };
    const input = { sample, components: embeddingDimensions, randomSeed: random ? seed : undefined };
    const { projection, neighboursKept } = await fitApart('narrowing', input, { signal });
    onNarrowed?.({ from, random, neighboursKept });
    return { kind: 'pca', of, whiten: false, random: random ? true : undefined, projection };
  }

  async fit(recipe: Recipe): Promise<FittedRecipe> {
    switch (recipe.kind) {
      case 'fusion':
        return this.#fitFusion(recipe);
      case 'pca': {
        const of = await this.fit(recipe.of);
        const { dimensions, whiten, random } = recipe;
        if (random === true) return drawProjected(of, dimensions, this.#options);
        const sample = await this.#gatherForProjection((values, id) => unitOf(of, values, id));
        const projection = await this.#project({ sample, components: dimensions, whiten });
        return { kind: 'pca', of, whiten, projection };
      }
      case 'class-fusion':
        return this.#fitClassFusion(await this.fit(recipe.of));
      default:
        return this.#leaves.leafFor(recipe);
    }
  }

  async #fitFusion(recipe: Extract<Recipe, { readonly kind: 'fusion' }>): Promise<FittedRecipe> {
    const parts: { readonly weight: number; readonly of: FittedRecipe }[] = [];
    for (const part of recipe.parts) parts.push({ weight: part.weight, of: await this.fit(part.recipe) });
    const projection =
      sumDimensions(parts) > embeddingDimensions
        ? await this.#shorten((values, id) => joinParts(parts, values, id), embeddingDimensions)
        : undefined;
    return { kind: 'fusion', parts, projection };
  }

  async #fitClassFusion(of: FittedRecipe): Promise<FittedRecipe> {
    const { onProgress } = this.#options;
    const labelled = this.#order.filter((index) => this.#sample.label(index) !== undefined).slice(0, maxLabelledImages);
    // Also before anything is computed.
    classesOf(labelled.map((index) => this.#labelOf(index)));
    const vectorOf: VectorOf = (values, id) => unitOf(of, values, id);
    const { matrix, indices } = await this.#gather(labelled, vectorOf);
    const { classes, folds } = await fitClassFolds({
      sample: matrix,
      labels: indices.map((index) => this.#labelOf(index)),
      ids: indices.map((index) => this.#sample.id(index)),
      onFold: (done, total) => {
        onProgress?.({ stage: 'classifiers', done, total });
      },
      signal: this.#options.signal,
    });
    // The embedding alone: were the class projected with it, each image's own label would reach its vector that way.
    const room = embeddingDimensions - classes.length;
    const projection = dimensionsOf(of) > room ? await this.#shorten(vectorOf, room) : undefined;
    return { kind: 'class-fusion', of, classes, folds, projection };
  }

  /** To `dimensions`, or as many as the sample has directions for. */
  async #shorten(vectorOf: VectorOf, dimensions: number): Promise<Projection> {
    const sample = await this.#gatherForProjection(vectorOf);
    return this.#project({ sample, components: Math.min(dimensions, sample.rows - 1) });
  }

  #project(input: PcaOptions): Promise<Projection> {
    return fitApart('projection', input, { signal: this.#options.signal });
  }

  async #gatherForProjection(vectorOf: VectorOf): Promise<Matrix<Float32Array>> {
    const { matrix } = await this.#gather(this.#order.slice(0, maxProjectionImages), vectorOf);
    if (matrix.rows > minProjectedDimensions) return matrix;
    throw invalidArgument('the sample of a projection', `at least ${minProjectedDimensions + 1} images`, matrix.rows);
  }

  /** One row an image; those that some leaf finds nothing in are left out. */
  async #gather(
    indices: readonly number[],
    vectorOf: VectorOf,
  ): Promise<{ readonly matrix: Matrix<Float32Array>; readonly indices: readonly number[] }> {
    const { onProgress } = this.#options;
    const rows: Float32Array[] = [];
    const kept: number[] = [];
    for (let start = 0; start < indices.length; start += sampleConcurrency) {
      const chunk = indices.slice(start, start + sampleConcurrency);
      const values = await Promise.all(chunk.map(async (index) => this.#sample.values(index)));
      for (const [at, index] of chunk.entries()) {
        const found = values[at];
        if (found === undefined) continue;
        rows.push(vectorOf(found, this.#sample.id(index)));
        kept.push(index);
      }
      onProgress?.({ stage: 'vectors', done: Math.min(indices.length, start + chunk.length), total: indices.length });
      await breathe(this.#options);
    }
    const empty = { rows: 0, columns: 0, values: new Float32Array() };
    return { matrix: rows.length === 0 ? empty : matrixOf(rows), indices: kept };
  }

  #labelOf(index: number): string {
    const label = this.#sample.label(index);
    if (label === undefined) throw new RangeError(`Image ${index} of the sample lost its label`);
    return label;
  }
}

/** Computes the leaves of an image when they are first asked for, and keeps them. */
function leavesOnDemand(
  sample: ImageSample,
  { leaves }: FittedLeaves,
  { leaves: encoder }: FitLeavesOptions,
): LeafSample {
  const kept = new Map<number, Promise<LeafValues | undefined>>();
  const compute = (index: number) =>
    unlessUnusable(async () => {
      const prepared = await sample.use(index, (image) => encoder.prepare(leaves, image, 'bulk'));
      return encoder.compute(leaves, prepared, 'bulk');
    });
  return {
    count: sample.count,
    id: (index) => sample.id(index),
    label: (index) => sample.label(index),
    values(index) {
      const values = kept.get(index) ?? compute(index);
      kept.set(index, values);
      return values;
    },
  };
}
