import { createHash } from 'node:crypto';
import { embeddingDimensions } from '../base/limits.js';
import type { Vocabulary } from './features/bag-of-words.js';
import { hogLength } from './features/hog.js';
import type { FittedRecipe, Recipe } from './recipe.js';

type LeafKind = 'model' | 'bag-of-words' | 'hog' | 'grey-histogram' | 'color-histogram';

/** A recipe that reads the image itself, with what was fitted for it. All others only combine what leaves gave. */
export type Leaf = Extract<FittedRecipe, { readonly kind: LeafKind }>;
/** A leaf before anything is fitted. */
export type LeafRecipe = Extract<Recipe, { readonly kind: LeafKind }>;

/** What the leaves give for one image, each computed once however many recipes share it. */
export interface LeafValues {
  /**
   * `leafDimensions(leaf)` numbers as the leaf gives them, not normalised; not to be written to. Leaves of equal
   * `leafKey` are one.
   */
  of(leaf: Leaf): Float32Array;
}

/** Longer side of the image, in pixels, as SIFT and the histograms see it; a smaller image is not enlarged. */
export const pictureSidePixels = 256;
/** Sides of the image as HOG sees it, in pixels; the image is stretched to it. */
export const hogSidePixels = 40;
export const greyBins = 64;
/** Along each of red, green and blue. */
export const colorBins = 8;
/** A bag of words has one number more than words. */
export const maxWords = embeddingDimensions - 1;

/** Numbers of what a leaf gives. */
export function leafDimensions(leaf: Leaf): number {
  switch (leaf.kind) {
    case 'model':
      return leaf.dimensions;
    case 'bag-of-words':
      return leaf.vocabulary.words.rows + 1;
    case 'hog':
      return hogLength(hogSidePixels, hogSidePixels) + 1;
    case 'grey-histogram':
      return greyBins;
    case 'color-histogram':
      return colorBins ** 3;
  }
}

/** Equal where two leaves give the same numbers for every image; letters, digits and '-', so it serves as a file name. */
export function leafKey(leaf: Leaf): string {
  switch (leaf.kind) {
    case 'model':
      return `model-${leaf.sha256.slice(0, 16)}-${leaf.preprocessingSha256.slice(0, 16)}`;
    case 'bag-of-words':
      return `bag-of-words-${vocabularyKey(leaf.vocabulary)}${seenKey(leaf)}`;
    default:
      return `${leaf.kind}${seenKey(leaf)}`;
  }
}

function seenKey({ transparency }: Exclude<Leaf, { readonly kind: 'model' }>): string {
  return transparency === undefined ? '' : `-${transparency}`;
}

const vocabularyKeys = new WeakMap<Vocabulary, string>();

function vocabularyKey(vocabulary: Vocabulary): string {
  const known = vocabularyKeys.get(vocabulary);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of [vocabulary.words.values, vocabulary.inverseDocumentFrequencies])
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  const key = hash.digest('hex').slice(0, 16);
  vocabularyKeys.set(vocabulary, key);
  return key;
}

/** The leaves of all of the recipes, each once. */
export function leavesOf(recipes: readonly FittedRecipe[]): readonly Leaf[] {
  const found = new Map<string, Leaf>();
  const visit = (recipe: FittedRecipe): void => {
    if (recipe.kind === 'fusion') for (const part of recipe.parts) visit(part.of);
    else if (recipe.kind === 'pca' || recipe.kind === 'class-fusion') visit(recipe.of);
    else if (!found.has(leafKey(recipe))) found.set(leafKey(recipe), recipe);
  };
  for (const recipe of recipes) visit(recipe);
  return [...found.values()];
}

/** The leaves of recipes that are not fitted yet, each once. */
export function leafRecipesOf(recipes: readonly Recipe[]): readonly LeafRecipe[] {
  const found = new Map<string, LeafRecipe>();
  const visit = (recipe: Recipe): void => {
    if (recipe.kind === 'fusion') for (const part of recipe.parts) visit(part.recipe);
    else if (recipe.kind === 'pca' || recipe.kind === 'class-fusion') visit(recipe.of);
    else found.set(leafRecipeKey(recipe), recipe);
  };
  for (const recipe of recipes) visit(recipe);
  return [...found.values()];
}

/** Equal for leaves that are fitted to the same. */
export function leafRecipeKey(recipe: LeafRecipe): string {
  switch (recipe.kind) {
    case 'model':
      return `model ${recipe.model ?? ''}`;
    case 'bag-of-words':
      return `bag-of-words ${recipe.words ?? 'chosen'}`;
    default:
      return recipe.kind;
  }
}
