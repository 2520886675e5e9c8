import type { DecodedImage } from '../pixels/decode/decoded-image.js';
import type { VocabularySizeScore } from './features/bag-of-words.js';
import type { Leaf, LeafRecipe, LeafValues } from './leaf.js';

/**
 * The images that a space is fitted on, by their number from 0 on. Any order will do: what is drawn from them is drawn by
 * the seed.
 */
export interface ImageSample {
  readonly count: number;
  /** As `imageIdOf`, or the SHA-256 in hex itself: see foldOf. */
  id(index: number): string;
  /** Undefined where the image has no class. */
  label(index: number): string | undefined;
  /** Decodes the image and has `work` done on its pixels, as ImageDecoder.use; may be called for several at a time. */
  use<T>(index: number, work: (image: DecodedImage) => Promise<T>): Promise<T>;
}

/** As ImageSample, where what the leaves give is at hand, computed before or on demand. */
export interface LeafSample extends Omit<ImageSample, 'use'> {
  /** Undefined for an image that some leaf finds nothing in: it is passed over. */
  values(index: number): LeafValues | undefined | Promise<LeafValues | undefined>;
}

/** Leaf recipes with what was fitted for them. */
export interface FittedLeaves {
  /** Each once. */
  readonly leaves: readonly Leaf[];
  /** Where a number of words was chosen: all that were tried. */
  readonly vocabularySizes: readonly VocabularySizeScore[];
  /** @throws RangeError for one that was not among the recipes */
  leafFor(recipe: LeafRecipe): Leaf;
}

export interface FitProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/** How a vector that is too long for the store was made shorter, and what that costs. */
export interface NarrowedVectors {
  /** Numbers of the whole vector. */
  readonly from: number;
  /** Directions were drawn, for there were too few images to fit them. */
  readonly random: boolean;
  /** See Narrowing. */
  readonly neighboursKept: number | undefined;
}

export interface FitOptions {
  /** Decides everything that is drawn. */
  readonly seed: number;
  readonly onProgress?: ((progress: FitProgress) => void) | undefined;
  readonly onNarrowed?: ((narrowed: NarrowedVectors) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
