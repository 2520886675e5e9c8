import { describe, expect, it } from 'vitest';
import { SemblanceError } from '../../../src/base/errors.js';
import { describeFitted, formatMethod, formatRecipe, parseMethod, parseRecipe } from '../../../src/methods/notation.js';
import type { Recipe } from '../../../src/methods/recipe.js';

const vit: Recipe = { kind: 'model', model: undefined };
const hog: Recipe = { kind: 'hog' };

describe('parseRecipe', () => {
  it.each<[string, Recipe]>([
    ['vit', vit],
    ['@cifar10-cnn', { kind: 'model', model: 'cifar10-cnn' }],
    ['@./models/v1.2-small', { kind: 'model', model: './models/v1.2-small' }],
    ['bovw', { kind: 'bag-of-words', words: undefined }],
    ['bovw-767', { kind: 'bag-of-words', words: 767 }],
    ['grey', { kind: 'grey-histogram' }],
    ['color', { kind: 'color-histogram' }],
    ['vit.random-256', { kind: 'pca', of: vit, dimensions: 256, whiten: false, random: true }],
    ['vit.whiten-256', { kind: 'pca', of: vit, dimensions: 256, whiten: true }],
    // A model's name may hold what transforms are written with; the last ones are transforms.
    ['@v1.2.pca-64', { kind: 'pca', of: { kind: 'model', model: 'v1.2' }, dimensions: 64, whiten: false }],
    ['vit.pca-128.class', { kind: 'class-fusion', of: { kind: 'pca', of: vit, dimensions: 128, whiten: false } }],
    [
      'hog:2+bovw:0.25.pca-256',
      {
        kind: 'pca',
        dimensions: 256,
        whiten: false,
        of: {
          kind: 'fusion',
          parts: [
            { weight: 2, recipe: hog },
            { weight: 0.25, recipe: { kind: 'bag-of-words', words: undefined } },
          ],
        },
      },
    ],
    [
      '@a.b:3+hog',
      {
        kind: 'fusion',
        parts: [
          { weight: 3, recipe: { kind: 'model', model: 'a.b' } },
          { weight: 1, recipe: hog },
        ],
      },
    ],
  ])('reads %s, and formatRecipe writes it', (text, recipe) => {
    expect(parseRecipe(text)).toEqual(recipe);
    expect(formatRecipe(recipe)).toBe(text);
  });

  it.each([
    ['', ''],
    ['resnet', 'resnet'],
    ['VIT', 'VIT'],
    ['@', '@'],
    ['hog+', ''],
    ['hog+sift', 'sift'],
    ['bovw-0', 'bovw-0'],
    ['bovw-768', 'bovw-768'],
    ['bovw-x', 'bovw-x'],
    ['vit.pca-63', 'pca-63'],
    ['vit.whiten-769', 'whiten-769'],
    ['vit.pca', 'vit.pca'],
    ['vit.class.', 'vit.class.'],
    ['hog:2', 'hog:2'],
    ['hog:0+bovw', 'hog:0'],
    ['hog:-1+bovw', 'hog:-1'],
    ['hog:1e3+bovw', 'hog:1e3'],
    ['hog:1001+bovw', 'hog:1001'],
    ['hog:+bovw', 'hog:'],
  ])('refuses %j, naming %j', (text, part) => {
    expect.assertions(2);
    try {
      parseRecipe(text);
    } catch (error) {
      expect((error as SemblanceError).code).toBe('BAD_USER_INPUT');
      expect((error as SemblanceError).message).toContain(`received ${JSON.stringify(part)}`);
    }
  });

  it('refuses a text without end before it reads it', () => {
    expect(() => parseRecipe(`vit${'.class'.repeat(100)}`)).toThrow('at most 300 characters');
  });
});

describe('parseMethod', () => {
  it.each([
    ['vit', undefined],
    ['vit.whiten-256/ssim', 'SSIM'],
    ['hog+bovw-400/pixel-ssim-over-euclidean', 'PIXEL_SSIM_OVER_EUCLIDEAN'],
    ['@./models/x/query-expansion', 'QUERY_EXPANSION'],
    ['@./models/x', undefined],
  ])('reads %s, and formatMethod writes it', (text, reranker) => {
    const method = parseMethod(text);
    expect(method.reranker).toBe(reranker);
    expect(formatMethod(method)).toBe(text);
  });

  it.each(['vit/SSIM', 'vit/', 'vit/manhattan'])('refuses %j, listing the re-rankers', (text) => {
    expect(() => parseMethod(text)).toThrow('euclidean, inner-product, ssim');
  });
});

describe('describeFitted', () => {
  it('names models without their paths, and the number of words that was chosen', () => {
    const words = { rows: 3, columns: 128, values: new Float32Array(3 * 128) };
    const model = { sha256: 'a'.repeat(64), preprocessingSha256: 'b'.repeat(64), dimensions: 40 };
    expect(
      describeFitted({
        kind: 'fusion',
        projection: undefined,
        parts: [
          { weight: 1, of: { kind: 'model', model: '/srv/private/models/small-cnn', ...model } },
          {
            weight: 2,
            of: { kind: 'bag-of-words', vocabulary: { words, inverseDocumentFrequencies: new Float32Array(3) } },
          },
        ],
      }),
    ).toBe('@small-cnn+bovw-3:2');
  });
});
