import { z } from 'zod';
import { embeddingDimensions, maxModelDimensions } from '../base/limits.js';
import { decodeFloats, encodeFloats } from '../math/float-text.js';
import type { LogisticRegression } from '../math/learning/logistic-regression.js';
import type { Projection } from '../math/pca.js';
import type { Vocabulary } from './features/bag-of-words.js';
import { descriptorLength } from './features/sift/descriptor.js';
import { leafDimensions, leavesOf, maxWords, type Leaf } from './leaf.js';
import type { FittedRecipe } from './recipe.js';

/** How many parts the gallery is cut into for class fusion: see foldOf. */
export const foldCount = 5;

/** Numbers of the vector that the recipe gives. */
export function dimensionsOf(fitted: FittedRecipe): number {
  switch (fitted.kind) {
    case 'fusion':
      return fitted.projection?.components.rows ?? sumDimensions(fitted.parts);
    case 'pca':
      return fitted.projection.components.rows;
    case 'class-fusion':
      return (fitted.projection?.components.rows ?? dimensionsOf(fitted.of)) + fitted.classes.length;
    default:
      return leafDimensions(fitted);
  }
}

/** Of all parts, one behind the other. */
export function sumDimensions(parts: readonly { readonly of: FittedRecipe }[]): number {
  return parts.reduce((sum, { of }) => sum + dimensionsOf(of), 0);
}

/** The models that the recipe needs, each once. */
export function modelsOf(fitted: FittedRecipe): readonly Extract<Leaf, { readonly kind: 'model' }>[] {
  return leavesOf([fitted]).filter((leaf) => leaf.kind === 'model');
}

/** Plain JSON that gives the same vectors to the last bit on any machine; numbers as base64 of little-endian float32. */
export function fittedToJson(fitted: FittedRecipe): unknown {
  return { version: 1, recipe: recipeToJson(fitted) };
}

type RecipeJson = z.infer<typeof leafJson> | FusionJson | PcaJson | ClassFusionJson;

interface FusionJson {
  readonly kind: 'fusion';
  readonly parts: readonly { readonly weight: number; readonly of: RecipeJson }[];
  readonly projection?: ProjectionJson | undefined;
}

interface PcaJson {
  readonly kind: 'pca';
  readonly of: RecipeJson;
  readonly whiten: boolean;
  readonly random?: true | undefined;
  readonly projection: ProjectionJson;
}

interface ClassFusionJson {
  readonly kind: 'class-fusion';
  readonly of: RecipeJson;
  readonly classes: readonly string[];
  readonly folds: readonly { readonly weights: string; readonly intercepts: string }[];
  readonly projection?: ProjectionJson | undefined;
}

const count = z.int().positive().max(1_000_000);
const floats = z.base64();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const projectionJson = z.strictObject({
  dimensions: count,
  components: count,
  mean: floats,
  directions: floats,
  explainedVariance: floats,
});
type ProjectionJson = z.infer<typeof projectionJson>;

const transparency = z.literal('contrast').optional();

const leafJson = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('model'),
    model: z.string().min(1),
    sha256,
    preprocessingSha256: sha256,
    dimensions: count.max(maxModelDimensions),
  }),
  z.strictObject({
    kind: z.literal('bag-of-words'),
    words: count.max(maxWords),
    centers: floats,
    inverseDocumentFrequencies: floats,
    transparency,
  }),
  z.strictObject({ kind: z.literal('hog'), transparency }),
  z.strictObject({ kind: z.literal('grey-histogram'), transparency }),
  z.strictObject({ kind: z.literal('color-histogram'), transparency }),
]);

/** By its kind: a union would try each level of what is nested in several ways, and take for ever over a hostile archive. */
const recipeJson: z.ZodType<RecipeJson> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    leafJson,
    z.strictObject({
      kind: z.literal('fusion'),
      parts: z.array(z.strictObject({ weight: z.number().positive(), of: recipeJson })).min(1),
      projection: projectionJson.optional(),
    }),
    z.strictObject({
      kind: z.literal('pca'),
      of: recipeJson,
      whiten: z.boolean(),
      random: z.literal(true).optional(),
      projection: projectionJson,
    }),
    z.strictObject({
      kind: z.literal('class-fusion'),
      of: recipeJson,
      classes: z.array(z.string()).min(2),
      folds: z.array(z.strictObject({ weights: floats, intercepts: floats })).length(foldCount),
      projection: projectionJson.optional(),
    }),
  ]),
);

const fittedJson = z.strictObject({ version: z.literal(1), recipe: recipeJson });

/** @throws RangeError for anything that fittedToJson does not make, and where the parts do not fit each other */
export function fittedFromJson(json: unknown): FittedRecipe {
  const parsed = fittedJson.safeParse(json);
  if (!parsed.success) throw new RangeError(`Not a stored space: ${z.prettifyError(parsed.error)}`);
  const fitted = recipeFromJson(parsed.data.recipe);
  const dimensions = dimensionsOf(fitted);
  if (dimensions > embeddingDimensions) throw misfit(`a vector of ${dimensions} numbers`);
  return fitted;
}

function recipeToJson(fitted: FittedRecipe): RecipeJson {
  switch (fitted.kind) {
    case 'model': {
      const { kind, model, sha256, preprocessingSha256, dimensions } = fitted;
      return { kind, model, sha256, preprocessingSha256, dimensions };
    }
    case 'bag-of-words': {
      const { vocabulary, transparency } = fitted;
      const { words, inverseDocumentFrequencies } = vocabulary;
      return {
        kind: 'bag-of-words',
        words: words.rows,
        centers: encodeFloats(words.values),
        inverseDocumentFrequencies: encodeFloats(inverseDocumentFrequencies),
        ...(transparency && { transparency }),
      };
    }
    case 'fusion':
      return {
        kind: 'fusion',
        parts: fitted.parts.map(({ weight, of }) => ({ weight, of: recipeToJson(of) })),
        ...(fitted.projection && { projection: projectionToJson(fitted.projection) }),
      };
    case 'pca': {
      const { of, whiten, random, projection } = fitted;
      return {
        kind: 'pca',
        of: recipeToJson(of),
        whiten,
        random,
        projection: projectionToJson(projection),
      };
    }
    case 'class-fusion':
      return {
        kind: 'class-fusion',
        of: recipeToJson(fitted.of),
        classes: fitted.classes,
        folds: fitted.folds.map(({ weights, intercepts }) => ({
          weights: encodeFloats(weights.values),
          intercepts: encodeFloats(intercepts),
        })),
        ...(fitted.projection && { projection: projectionToJson(fitted.projection) }),
      };
    default:
      return { kind: fitted.kind, ...(fitted.transparency && { transparency: fitted.transparency }) };
  }
}

function recipeFromJson(json: RecipeJson): FittedRecipe {
  switch (json.kind) {
    case 'bag-of-words':
      return {
        kind: 'bag-of-words',
        vocabulary: vocabularyFromJson(json),
        ...(json.transparency && { transparency: json.transparency }),
      };
    case 'fusion': {
      const parts = json.parts.map(({ weight, of }) => ({ weight, of: recipeFromJson(of) }));
      return { kind: 'fusion', parts, projection: projectionFromJson(json.projection, sumDimensions(parts)) };
    }
    case 'pca': {
      const of = recipeFromJson(json.of);
      const projection = projectionFromJson(json.projection, dimensionsOf(of));
      return { kind: 'pca', of, whiten: json.whiten, random: json.random, projection };
    }
    case 'class-fusion': {
      const of = recipeFromJson(json.of);
      const dimensions = dimensionsOf(of);
      const projection = projectionFromJson(json.projection, dimensions);
      const folds = json.folds.map((fold) => classifierFromJson(fold, json.classes.length, dimensions));
      return { kind: 'class-fusion', of, classes: json.classes, folds, projection };
    }
    default:
      return json;
  }
}

function vocabularyFromJson(json: Extract<RecipeJson, { readonly kind: 'bag-of-words' }>): Vocabulary {
  const { words, centers, inverseDocumentFrequencies } = json;
  const values = decodeFloats(centers, { length: words * descriptorLength, of: 'vocabulary' });
  return {
    words: { rows: words, columns: descriptorLength, values },
    inverseDocumentFrequencies: decodeFloats(inverseDocumentFrequencies, { length: words, of: 'vocabulary' }),
  };
}

function projectionToJson({ dimensions, mean, components, explainedVariance }: Projection): ProjectionJson {
  return {
    dimensions,
    components: components.rows,
    mean: encodeFloats(mean),
    directions: encodeFloats(components.values),
    explainedVariance: encodeFloats(explainedVariance),
  };
}

function projectionFromJson(json: ProjectionJson, dimensions: number): Projection;
function projectionFromJson(json: ProjectionJson | undefined, dimensions: number): Projection | undefined;
function projectionFromJson(json: ProjectionJson | undefined, dimensions: number): Projection | undefined {
  if (json === undefined) return undefined;
  if (json.dimensions !== dimensions)
    throw misfit(`a projection of ${json.dimensions} numbers for parts of ${dimensions}`);
  const decode = (text: string, length: number) => decodeFloats(text, { length, of: 'projection' });
  const { components } = json;
  return {
    dimensions,
    mean: decode(json.mean, dimensions),
    components: { rows: components, columns: dimensions, values: decode(json.directions, components * dimensions) },
    explainedVariance: decode(json.explainedVariance, components),
  };
}

function classifierFromJson(
  json: ClassFusionJson['folds'][number],
  classes: number,
  dimensions: number,
): LogisticRegression {
  const values = decodeFloats(json.weights, { length: classes * dimensions, of: 'classifier' });
  const intercepts = decodeFloats(json.intercepts, {
    length: classes,
    of: 'classifier',
    // A class that the fold's training lacked.
    accepts: (value) => Number.isFinite(value) || value === -Infinity,
  });
  if (!intercepts.some(Number.isFinite)) throw misfit('a classifier that predicts nothing');
  return { classes, weights: { rows: classes, columns: dimensions, values }, intercepts };
}

function misfit(what: string): RangeError {
  return new RangeError(`Not a stored space: ${what}`);
}
