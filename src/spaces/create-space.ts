import { SemblanceError } from '../base/errors.js';
import { defaultSampleImages, maxSampleImages } from '../base/limits.js';
import { fitRecipe } from '../methods/fitting/fit.js';
import { describeFitted, parseRecipe } from '../methods/notation.js';
import type { Recipe } from '../methods/recipe.js';
import type { ImageSample, NarrowedVectors } from '../methods/samples.js';
import type { EmbeddingSpace, Store } from '../database/store.js';
import { checkInteger, checkSeed, checkSpaceName } from '../base/arguments.js';
import { complete } from './backfill-space.js';
import type { OperationsContext } from './context.js';
import { describeSpace } from './describe-space.js';
import { drawImages, hasLabel, noLabels, type DrawnImage } from './draw-images.js';
import type { FailedImage, OnProgress } from '../base/progress.js';
import { defaultRetryWaitsMs, retrying } from '../base/concurrency/retrying.js';
import { useStored } from './stored-images.js';

export interface CreateSpaceInput {
  readonly name: string;
  /** See parseRecipe. */
  readonly recipe: string;
  /** Stored images to fit on, drawn evenly, for class fusion from those with a label; `defaultSampleImages` unless given, and all where there are fewer. */
  readonly sampleImages?: number | undefined;
  /** Of the draw and of whatever is fitted; 1 unless given. */
  readonly seed?: number | undefined;
  /** The job that makes it, for the record. */
  readonly jobId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface CreatedSpace {
  /** `building`, until backfillSpace has embedded what is stored; `ready` where nothing is. */
  readonly space: EmbeddingSpace;
  /** What was fitted, in words. */
  readonly description: string;
  /** Images that it was fitted on; 0 where nothing had to be fitted. */
  readonly sampled: number;
  /** Where the method gives more numbers than a space holds. */
  readonly narrowed: NarrowedVectors | undefined;
  /** Images of the sample that could not be decoded. */
  readonly failed: readonly FailedImage[];
  /** Stored images that it has no embedding of yet. */
  readonly missing: number;
}

/**
 * Fits a recipe on stored images, class fusion on those with a text `metadata.label`, and makes a space of it. From then on
 * uploads are embedded for it, too. What was fitted lies in Postgres: every server and every restart has it.
 * @throws SemblanceError BAD_USER_INPUT (name, notation, too few images, no labels), CONFLICT (the name is taken),
 * MODEL_UNAVAILABLE, DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function createSpace(context: OperationsContext, input: CreateSpaceInput): Promise<CreatedSpace> {
  const { store, encoders } = context;
  const { signal, onProgress } = input;
  // Fitting takes minutes; the store asks again at the end.
  const recipe = await requireCreatable(store, input);
  const seed = checkSeed(input.seed);
  const count = input.sampleImages ?? defaultSampleImages;
  const needsLabels = fusesClasses(recipe);
  const keep = needsLabels ? hasLabel : undefined;
  const images = await drawImages(store, { count, seed, signal, keep });
  if (needsLabels && images.length === 0) throw noLabels();
  const sample = new StoredSample(context, images, signal);
  let narrowed: NarrowedVectors | undefined;
  const onNarrowed = (each: NarrowedVectors): void => {
    narrowed = each;
  };
  const fitted = await fitRecipe(recipe, sample, { leaves: encoders.leaves, seed, onProgress, onNarrowed, signal });
  signal?.throwIfAborted();
  const space = await store.createSpace({ ...describeSpace(input.name, fitted), jobId: input.jobId });
  const { state, missing } = await complete(context, space);
  return {
    space: { ...space, state },
    description: describeFitted(fitted),
    sampled: sample.used,
    narrowed,
    failed: sample.failed,
    missing,
  };
}

function fusesClasses(recipe: Recipe): boolean {
  if (recipe.kind === 'fusion') return recipe.parts.some((part) => fusesClasses(part.recipe));
  return recipe.kind === 'class-fusion' || (recipe.kind === 'pca' && fusesClasses(recipe.of));
}

/** @throws SemblanceError as createSpace where that is plain without any image */
export async function requireCreatable(
  store: Store,
  input: Pick<CreateSpaceInput, 'name' | 'recipe' | 'sampleImages' | 'seed'>,
): Promise<Recipe> {
  const name = checkSpaceName(input.name);
  const recipe = parseRecipe(input.recipe);
  checkSeed(input.seed);
  if (input.sampleImages !== undefined) checkInteger('sampleImages', input.sampleImages, 1, maxSampleImages);
  await store.assertMayChangeSpaces();
  const spaces = await store.listSpaces();
  if (spaces.some((space) => space.name === name)) {
    throw new SemblanceError(
      'CONFLICT',
      `There is a space ${JSON.stringify(name)} already: take another name, or remove it`,
    );
  }
  return recipe;
}

/** Stored images to fit on, each read when it is needed. */
class StoredSample implements ImageSample {
  readonly count: number;
  readonly #context: OperationsContext;
  readonly #images: readonly DrawnImage[];
  readonly #signal: AbortSignal | undefined;
  readonly #used = new Set<number>();
  readonly #failures = new Map<number, SemblanceError>();

  constructor(context: OperationsContext, images: readonly DrawnImage[], signal: AbortSignal | undefined) {
    this.count = images.length;
    this.#context = context;
    this.#images = images;
    this.#signal = signal;
  }

  get used(): number {
    return this.#used.size;
  }

  get failed(): readonly FailedImage[] {
    return [...this.#failures].map(([index, { message, code, cause }]) => ({
      imageId: this.id(index),
      reason: message,
      code,
      cause,
    }));
  }

  id(index: number): string {
    return this.#at(index).id;
  }

  label(index: number): string | undefined {
    return this.#at(index).label;
  }

  async use<T>(index: number, work: Parameters<typeof useStored<T>>[2]): Promise<T> {
    const attempt = () => useStored(this.#context, this.id(index), work, this.#signal);
    try {
      const made = await retrying(attempt, defaultRetryWaitsMs, this.#signal);
      this.#used.add(index);
      return made;
    } catch (error) {
      if (error instanceof SemblanceError) this.#failures.set(index, error);
      throw error;
    }
  }

  #at(index: number): DrawnImage {
    const image = this.#images[index];
    if (image === undefined) throw new RangeError(`The sample has no image ${index}`);
    return image;
  }
}
