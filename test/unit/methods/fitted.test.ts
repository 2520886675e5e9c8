import { describe, expect, it } from 'vitest';
import { encodeFloats } from '../../../src/math/float-text.js';
import { Random } from '../../../src/math/random.js';
import type { Projection } from '../../../src/math/pca.js';
import { assemble } from '../../../src/methods/assemble.js';
import { dimensionsOf, fittedFromJson, fittedToJson, modelsOf } from '../../../src/methods/fitted.js';
import { leafDimensions, leavesOf, type Leaf } from '../../../src/methods/leaf.js';
import { leafValues } from '../../../src/methods/leaves.js';
import type { FittedRecipe } from '../../../src/methods/recipe.js';

const random = new Random(5);
const floats = (length: number) => Float32Array.from({ length }, () => random.normal());
const matrix = (rows: number, columns: number) => ({ rows, columns, values: floats(rows * columns) });

function projection(dimensions: number, components: number): Projection {
  return {
    dimensions,
    mean: floats(dimensions),
    components: matrix(components, dimensions),
    explainedVariance: floats(components),
  };
}

const model: Leaf = {
  kind: 'model',
  model: 'tiny',
  sha256: 'a'.repeat(64),
  preprocessingSha256: 'b'.repeat(64),
  dimensions: 40,
};
const words: Leaf = {
  kind: 'bag-of-words',
  vocabulary: { words: matrix(20, 128), inverseDocumentFrequencies: floats(20) },
};
const fusion: FittedRecipe = {
  kind: 'fusion',
  parts: [
    { weight: 1, of: { kind: 'hog' } },
    { weight: 0.3, of: { kind: 'color-histogram' } },
  ],
  projection: projection(577 + 512, 100),
};

function classFusion(lacking = -Infinity): FittedRecipe {
  const folds = Array.from({ length: 5 }, () => ({
    classes: 3,
    weights: matrix(3, 40),
    intercepts: Float32Array.of(random.normal(), lacking, random.normal()),
  }));
  return { kind: 'class-fusion', of: model, classes: ['cat', 'dog', 'ship'], folds, projection: undefined };
}

const recipes: readonly (readonly [string, FittedRecipe, number])[] = [
  ['a model', model, 40],
  ['a bag of words', words, 21],
  ['HOG', { kind: 'hog' }, 577],
  ['HOG of a new space', { kind: 'hog', transparency: 'contrast' }, 577],
  ['a grey histogram', { kind: 'grey-histogram' }, 64],
  ['a colour histogram', { kind: 'color-histogram' }, 512],
  ['a projected fusion', fusion, 100],
  ['a whitened space', { kind: 'pca', of: words, whiten: true, projection: projection(21, 9) }, 9],
  ['a class fusion', classFusion(), 43],
  ['a projected class fusion', { ...(classFusion() as object), projection: projection(40, 8) } as FittedRecipe, 11],
  [
    'a projection of a class fusion',
    { kind: 'pca', of: classFusion(), whiten: false, projection: projection(43, 7) },
    7,
  ],
];

describe('a stored space', () => {
  it.each(recipes)('gives the same vectors to the last bit: %s', (_, fitted, dimensions) => {
    const restored = fittedFromJson(JSON.parse(JSON.stringify(fittedToJson(fitted))));
    expect(restored).toEqual(fitted);
    expect(dimensionsOf(restored)).toBe(dimensions);
    for (let image = 0; image < 5; image++) {
      const values = leafValues(leavesOf([fitted]).map((leaf) => [leaf, floats(leafDimensions(leaf))]));
      const id = `0000000${image}`;
      const vector = assemble(restored, values, id);
      expect(vector).toEqual(assemble(fitted, values, id));
      expect(vector).toHaveLength(dimensions);
    }
  });

  it('names the models that it needs, each once', () => {
    expect(modelsOf(fusion)).toEqual([]);
    const both = {
      kind: 'fusion',
      projection: undefined,
      parts: [model, model].map((of) => ({ weight: 1, of })),
    } as const;
    expect(modelsOf(both)).toEqual([model]);
  });

  const stored = (fitted: FittedRecipe) => fittedToJson(fitted) as { version: 1; recipe: Record<string, unknown> };
  const storedFusion = stored(fusion);
  const storedWords = stored(words);
  const storedClasses = stored(classFusion());

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['of another version', { ...storedWords, version: 2 }],
    ['of an unknown kind', { version: 1, recipe: { kind: 'sift' } }],
    ['with a field that nobody knows', { version: 1, recipe: { kind: 'hog', cells: 8 } }],
    ['with a vocabulary of fewer words than it says', { version: 1, recipe: { ...storedWords.recipe, words: 21 } }],
    [
      'with a vocabulary that has a number that is none',
      {
        version: 1,
        recipe: { ...storedWords.recipe, inverseDocumentFrequencies: encodeFloats(new Float32Array(20).fill(NaN)) },
      },
    ],
    ['with text that is no base64', { version: 1, recipe: { ...storedWords.recipe, centers: '****' } }],
    [
      'with a projection of other parts',
      { version: 1, recipe: { ...storedFusion.recipe, parts: [{ weight: 1, of: { kind: 'hog' } }] } },
    ],
    [
      'with a projection cut short',
      {
        version: 1,
        recipe: {
          ...storedFusion.recipe,
          projection: { ...(storedFusion.recipe['projection'] as object), components: 99 },
        },
      },
    ],
    ['wider than a vector', { version: 1, recipe: { ...storedFusion.recipe, projection: undefined } }],
    ['with a class too many', { version: 1, recipe: { ...storedClasses.recipe, classes: ['a', 'b', 'c', 'd'] } }],
    [
      'with four folds',
      { version: 1, recipe: { ...storedClasses.recipe, folds: (storedClasses.recipe['folds'] as unknown[]).slice(1) } },
    ],
    ['with a class that is certain', stored(classFusion(Infinity))],
  ])('is refused %s', (_, json) => {
    expect(() => fittedFromJson(json)).toThrow(RangeError);
    expect(() => fittedFromJson(json)).toThrow('Not a stored');
  });
});
