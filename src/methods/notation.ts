import { basename } from 'node:path';
import { invalidArgument } from '../base/errors.js';
import { embeddingDimensions } from '../base/limits.js';
import { rerankers, type RerankerName } from './rerank/reranker.js';
import { maxWords } from './leaf.js';
import type { FittedRecipe, Recipe } from './recipe.js';

/**
 * Methods as people write them, in the command line, in reports and beside a stored space:
 *
 *   method    := space [ '/' reranker ]                  vit   hog+bovw-400   vit.whiten-256/ssim   hog:2+bovw.pca-256
 *   space     := part ( '+' part )* ( '.' transform )*
 *   part      := ( 'vit' | '@' model | 'bovw' [ '-' words ] | 'hog' | 'grey' | 'color' ) [ ':' weight ]
 *   transform := 'pca-N' | 'whiten-N' | 'random-N' | 'class'
 *   reranker  := a RerankerName in lower case with '-'
 *
 * `vit` is the model that the server runs; `@` names another by its name or path. A weight needs a second part. Transforms
 * work from left to right on the whole sum.
 */
export interface Method {
  readonly recipe: Recipe;
  readonly reranker: RerankerName | undefined;
}

export const minProjectedDimensions = 64;
const maxNotationCharacters = 300;
const minWeight = 0.001;
const maxWeight = 1000;

const partForms = 'vit, @model, bovw, bovw-N, hog, grey or color';
const transformPattern = /\.(?:(pca|whiten|random)-(\d{1,9})|class)$/;

/** @throws SemblanceError BAD_USER_INPUT naming the part that is wrong */
export function parseMethod(text: string): Method {
  const slash = text.lastIndexOf('/');
  const suffix = text.slice(slash + 1);
  const reranker = slash < 0 ? undefined : rerankers.find((name) => formatReranker(name) === suffix);
  if (reranker !== undefined) return { recipe: parseRecipe(text.slice(0, slash)), reranker };
  // A path to a model holds slashes too.
  if (slash >= 0 && !text.includes('@')) {
    throw invalidArgument('the re-ranker of a method', rerankers.map(formatReranker).join(', '), suffix);
  }
  return { recipe: parseRecipe(text), reranker: undefined };
}

export function formatMethod({ recipe, reranker }: Method): string {
  return reranker === undefined ? formatRecipe(recipe) : `${formatRecipe(recipe)}/${formatReranker(reranker)}`;
}

export function formatReranker(name: RerankerName): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** @throws SemblanceError BAD_USER_INPUT naming the part that is wrong */
export function parseRecipe(text: string): Recipe {
  if (text.length > maxNotationCharacters)
    throw invalidArgument('method', `at most ${maxNotationCharacters} characters`, text);
  let sum = text;
  const transforms: ((of: Recipe) => Recipe)[] = [];
  for (let match = transformPattern.exec(sum); match !== null; match = transformPattern.exec(sum)) {
    sum = sum.slice(0, match.index);
    transforms.unshift(parseTransform(match));
  }
  const parts = sum.split('+').map(parsePart);
  return transforms.reduce<Recipe>((recipe, transform) => transform(recipe), joinParts(parts));
}

interface Part {
  readonly text: string;
  readonly weight: number | undefined;
  readonly recipe: Recipe;
}

function joinParts(parts: readonly Part[]): Recipe {
  const [first, second] = parts;
  if (first !== undefined && second === undefined) {
    if (first.weight === undefined) return first.recipe;
    throw invalidArgument('method', 'a weight only where parts are joined by "+"', first.text);
  }
  return { kind: 'fusion', parts: parts.map(({ weight = 1, recipe }) => ({ weight, recipe })) };
}

function parseTransform([text, name, digits]: RegExpExecArray): (of: Recipe) => Recipe {
  if (name === undefined) return (of) => ({ kind: 'class-fusion', of });
  const dimensions = Number(digits);
  if (dimensions < minProjectedDimensions || dimensions > embeddingDimensions) {
    const range = `${minProjectedDimensions} to ${embeddingDimensions}`;
    throw invalidArgument('method', `${name}-N with an integer from ${range} for N`, text.slice(1));
  }
  const random = name === 'random' ? true : undefined;
  return (of) => ({ kind: 'pca', of, dimensions, whiten: name === 'whiten', random });
}

function parsePart(text: string): Part {
  const [, name = text, weightText] = /^(.*):([^:/]*)$/s.exec(text) ?? [];
  return {
    text,
    weight: weightText === undefined ? undefined : parseWeight(weightText, text),
    recipe: parseLeaf(name),
  };
}

function parseWeight(weightText: string, part: string): number {
  const weight = /^\d+(\.\d+)?$/.test(weightText) ? Number(weightText) : NaN;
  if (weight >= minWeight && weight <= maxWeight) return weight;
  throw invalidArgument('method', `a weight from ${minWeight} to ${maxWeight} after ":"`, part);
}

function parseLeaf(name: string): Recipe {
  switch (name) {
    case 'vit':
      return { kind: 'model', model: undefined };
    case 'bovw':
      return { kind: 'bag-of-words', words: undefined };
    case 'hog':
      return { kind: 'hog' };
    case 'grey':
      return { kind: 'grey-histogram' };
    case 'color':
      return { kind: 'color-histogram' };
  }
  if (/^@[^\p{Cc}+:]+$/u.test(name)) return { kind: 'model', model: name.slice(1) };
  const words = /^bovw-(\d+)$/.exec(name)?.[1];
  if (words === undefined) throw invalidArgument('method', partForms, name);
  if (Number(words) < 1 || Number(words) > maxWords)
    throw invalidArgument('method', `bovw-N with an integer from 1 to ${maxWords} for N`, name);
  return { kind: 'bag-of-words', words: Number(words) };
}

/** @throws RangeError for a recipe that the notation cannot tell: a sum within a sum */
export function formatRecipe(recipe: Recipe): string {
  switch (recipe.kind) {
    case 'model':
      return recipe.model === undefined ? 'vit' : `@${recipe.model}`;
    case 'bag-of-words':
      return recipe.words === undefined ? 'bovw' : `bovw-${recipe.words}`;
    case 'hog':
      return 'hog';
    case 'grey-histogram':
      return 'grey';
    case 'color-histogram':
      return 'color';
    case 'fusion':
      return recipe.parts.map((part) => formatPart(part.recipe, part.weight)).join('+');
    case 'pca':
      return `${formatRecipe(recipe.of)}.${recipe.random ? 'random' : recipe.whiten ? 'whiten' : 'pca'}-${recipe.dimensions}`;
    case 'class-fusion':
      return `${formatRecipe(recipe.of)}.class`;
  }
}

function formatPart(recipe: Recipe, weight: number): string {
  if (recipe.kind === 'fusion' || recipe.kind === 'pca' || recipe.kind === 'class-fusion')
    throw new RangeError(`The notation has no ${recipe.kind} within a sum`);
  return weight === 1 ? formatRecipe(recipe) : `${formatRecipe(recipe)}:${weight}`;
}

/** The notation of what was fitted: each model by its name, never by a path, and the number of words that was chosen. */
export function describeFitted(fitted: FittedRecipe): string {
  return formatRecipe(unfitted(fitted));
}

function unfitted(fitted: FittedRecipe): Recipe {
  switch (fitted.kind) {
    case 'model':
      return { kind: 'model', model: basename(fitted.model) };
    case 'bag-of-words':
      return { kind: 'bag-of-words', words: fitted.vocabulary.words.rows };
    case 'fusion':
      return { kind: 'fusion', parts: fitted.parts.map(({ weight, of }) => ({ weight, recipe: unfitted(of) })) };
    case 'pca': {
      const { of, whiten, random, projection } = fitted;
      return {
        kind: 'pca',
        of: unfitted(of),
        whiten,
        random,
        dimensions: projection.components.rows,
      };
    }
    case 'class-fusion':
      return { kind: 'class-fusion', of: unfitted(fitted.of) };
    default:
      return { kind: fitted.kind };
  }
}
