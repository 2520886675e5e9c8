import type { Embedders } from '../models/embedder/embedders.js';
import { SemblanceError } from '../base/errors.js';
import type { DecodedImage } from '../pixels/decode/decoded-image.js';
import type { Priority } from '../base/concurrency/priority.js';
import { assemble, hasDirection } from './assemble.js';
import { leavesOf } from './leaf.js';
import { openLeaves, type LeafEncoder, type PreparedImage } from './leaves.js';
import { describeFitted } from './notation.js';
import type { FittedRecipe } from './recipe.js';

/** Turns images into the vectors of any number of spaces at once; what they share is computed once. */
export interface Encoders {
  readonly leaves: LeafEncoder;
  /** To be called while the decoder counts the image. @throws SemblanceError MODEL_UNAVAILABLE, OVERLOADED */
  prepare(recipes: readonly FittedRecipe[], image: DecodedImage, priority: Priority): Promise<PreparedImage>;
  /**
   * One vector a recipe, in their order, as the space gives it: not normalised.
   * @param recipes those that the image was prepared for, or some of them
   * @param imageId of the whole image, also where a part of it is encoded: see foldOf
   * @throws SemblanceError MODEL_UNAVAILABLE, OVERLOADED, INVALID_IMAGE (a space tells nothing of it)
   */
  encode(
    recipes: readonly FittedRecipe[],
    prepared: PreparedImage,
    imageId: string,
    priority: Priority,
    signal?: AbortSignal,
  ): Promise<readonly Float32Array[]>;
  /** The models are closed by whoever opened them. */
  close(): Promise<void>;
}

export interface EncodersOptions {
  readonly embedders: Embedders;
  /** That compute classical features. */
  readonly threads: number;
}

export function openEncoders(options: EncodersOptions): Encoders {
  return encodersOver(openLeaves(options));
}

export function encodersOver(leaves: LeafEncoder): Encoders {
  return {
    leaves,
    prepare: (recipes, image, priority) => leaves.prepare(leavesOf(recipes), image, priority),
    encode: async (recipes, prepared, imageId, priority, signal) => {
      const values = await leaves.compute(leavesOf(recipes), prepared, priority, signal);
      return recipes.map((recipe) => requireDirection(assemble(recipe, values, imageId), recipe));
    },
    close: () => leaves.close(),
  };
}

function requireDirection(vector: Float32Array, recipe: FittedRecipe): Float32Array {
  if (hasDirection(vector)) return vector;
  throw new SemblanceError('INVALID_IMAGE', `${describeFitted(recipe)} tells nothing of this image to compare it by`);
}
