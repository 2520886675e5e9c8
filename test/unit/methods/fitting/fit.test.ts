import { describe, expect, it } from 'vitest';
import { SemblanceError } from '../../../../src/base/errors.js';
import { fitPca, project } from '../../../../src/math/pca.js';
import { matrixOf } from '../../../../src/math/matrix.js';
import { Random } from '../../../../src/math/random.js';
import { cosine, norm, normalise } from '../../../../src/math/vector.js';
import { assemble, foldOf, unitOf } from '../../../../src/methods/assemble.js';
import { fitLeaves } from '../../../../src/methods/fitting/fit-leaves.js';
import { fitFromLeaves, fitRecipe } from '../../../../src/methods/fitting/fit.js';
import { dimensionsOf, fittedFromJson, fittedToJson } from '../../../../src/methods/fitted.js';
import type { LeafValues } from '../../../../src/methods/leaf.js';
import { describeFitted, parseRecipe } from '../../../../src/methods/notation.js';
import type { FittedRecipe } from '../../../../src/methods/recipe.js';
import type {
  FitProgress,
  FittedLeaves,
  ImageSample,
  LeafSample,
  NarrowedVectors,
} from '../../../../src/methods/samples.js';
import { drawSample, flatImage, openSpaceTools, type SpaceTools } from '../../../support/spaces.js';

const seed = 1;

type Kind<K extends FittedRecipe['kind']> = Extract<FittedRecipe, { readonly kind: K }>;

function requireKind<K extends FittedRecipe['kind']>(fitted: FittedRecipe, kind: K): Kind<K> {
  if (fitted.kind !== kind) throw new Error(`Expected ${kind} but received ${fitted.kind}`);
  return fitted as Kind<K>;
}

/** All leaves of all images, computed once, as `evaluate` keeps them. */
async function computeAll({ encoders }: SpaceTools, sample: ImageSample, leaves: FittedLeaves): Promise<LeafSample> {
  const values = await Promise.all(
    Array.from({ length: sample.count }, async (_, index) => {
      const prepared = await sample.use(index, (image) => encoders.leaves.prepare(leaves.leaves, image, 'bulk'));
      return encoders.leaves.compute(leaves.leaves, prepared, 'bulk');
    }),
  );
  return { ...sample, values: (index) => values[index] };
}

const classNames = ['bird', 'cat', 'dog'] as const;
const byNumber = (index: number) => classNames[index % 3];

describe('fitLeaves and fitFromLeaves', () => {
  it('fit many methods of leaves that are computed once, and no image is read again', async () => {
    const tools = await openSpaceTools();
    const sample = await drawSample(80, byNumber);
    const texts = ['vit', 'grey', 'vit.pca-64', 'hog:2+bovw-30', 'hog+color', 'vit.class', 'grey.class.pca-64'];
    const recipes = texts.map(parseRecipe);
    const leaves = await fitLeaves(recipes, sample, { leaves: tools.encoders.leaves, seed });
    expect(leaves.leaves.map(({ kind }) => kind)).toEqual([
      'model',
      'grey-histogram',
      'hog',
      'bag-of-words',
      'color-histogram',
    ]);
    expect(sample.decodes()).toBe(80);
    const computed = await computeAll(tools, sample, leaves);
    expect(sample.decodes()).toBe(160);

    const fitted: FittedRecipe[] = [];
    for (const recipe of recipes) fitted.push(await fitFromLeaves(recipe, leaves, computed, { seed }));
    expect(sample.decodes()).toBe(160);
    // 1,089 numbers are more than a vector holds, and 80 images have 79 directions.
    expect(fitted.map(dimensionsOf)).toEqual([768, 64, 64, 577 + 31, 79, 79 + 3, 64]);

    const values = (await computed.values(5)) as LeafValues;
    const vectors = fitted.map((recipe) => assemble(recipe, values, computed.id(5)));
    const stored = fitted.map((recipe) => fittedFromJson(JSON.parse(JSON.stringify(fittedToJson(recipe)))));
    expect(stored.map((recipe) => assemble(recipe, values, computed.id(5)))).toEqual(vectors);
    const prepared = await sample.use(5, (image) => tools.encoders.prepare(stored, image, 'query'));
    const encoded = await tools.encoders.encode(stored, prepared, sample.id(5), 'query');
    // A model's last bits depend on the images that it runs together.
    for (const [index, vector] of encoded.entries()) {
      expect(vector).toHaveLength(vectors[index]?.length ?? NaN);
      expect(cosine(vector, vectors[index] ?? vector)).toBeGreaterThan(0.999999);
    }
  });

  it('keep the weights of a fusion', async () => {
    const tools = await openSpaceTools();
    const sample = await drawSample(10);
    const recipe = parseRecipe('hog:3+grey:0.5');
    const leaves = await fitLeaves([recipe], sample, { leaves: tools.encoders.leaves, seed });
    const computed = await computeAll(tools, sample, leaves);
    const fitted = await fitFromLeaves(recipe, leaves, computed, { seed });
    const joined = assemble(fitted, (await computed.values(0)) as LeafValues, sample.id(0));
    expect(norm(joined.subarray(0, 577))).toBeCloseTo(3, 5);
    expect(norm(joined.subarray(577))).toBeCloseTo(0.5, 5);
  });
});

describe('fitRecipe', () => {
  it('fits vit.pca-64 and vit.whiten-64 as the principal components of the embeddings at length 1', async () => {
    const tools = await openSpaceTools();
    const sample = await drawSample(100);
    const leaves = tools.encoders.leaves;
    const fit = async (text: string) =>
      requireKind(await fitRecipe(parseRecipe(text), sample, { leaves, seed }), 'pca');
    const fitted = [await fit('vit.pca-64'), await fit('vit.whiten-64')] as const;
    const recipes = [fitted[0].of, ...fitted];
    const vectors = await Promise.all(
      Array.from({ length: sample.count }, async (_, index) => {
        const prepared = await sample.use(index, (image) => tools.encoders.prepare(recipes, image, 'bulk'));
        return tools.encoders.encode(recipes, prepared, sample.id(index), 'bulk');
      }),
    );
    const embeddings = vectors.map(([embedding = new Float32Array()]) => normalise(embedding));
    for (const [place, whiten] of [false, true].entries()) {
      expect(fitted[place]?.whiten).toBe(whiten);
      const projected = vectors.map((found) => found[1 + place] ?? new Float32Array());
      // The order of the rows moves the last bits.
      const direct = fitPca({ sample: matrixOf(embeddings), components: 64, whiten });
      for (const [index, vector] of projected.entries())
        expect(cosine(vector, project(direct, embeddings[index] ?? new Float32Array()))).toBeGreaterThan(0.9999);
      for (const component of [0, 63]) {
        const variance = projected.reduce((sum, vector) => sum + (vector[component] ?? NaN) ** 2, 0) / 99;
        expect(variance).toBeCloseTo(whiten ? 1 : (direct.explainedVariance[component] ?? NaN), 3);
      }
    }
  });

  it('gives the same for the same seed, and another vocabulary for another', async () => {
    const { encoders } = await openSpaceTools();
    const sample = await drawSample(20);
    const fit = async (drawnBy: number) =>
      fittedToJson(await fitRecipe(parseRecipe('bovw-20'), sample, { leaves: encoders.leaves, seed: drawnBy }));
    const first = await fit(1);
    expect(await fit(1)).toEqual(first);
    expect(await fit(2)).not.toEqual(first);
  });

  it('chooses the number of words that descriptors suffice for, and tells what was tried', async () => {
    const { encoders } = await openSpaceTools();
    const sample = await drawSample(60);
    const leaves = await fitLeaves([parseRecipe('bovw')], sample, { leaves: encoders.leaves, seed });
    const chosen = requireKind(leaves.leafFor({ kind: 'bag-of-words', words: undefined }), 'bag-of-words');
    const best = [...leaves.vocabularySizes].sort((a, b) => a.daviesBouldin - b.daviesBouldin)[0];
    expect(leaves.vocabularySizes.length).toBeGreaterThan(1);
    expect(chosen.vocabulary.words.rows).toBe(best?.words);
  });

  it('passes over images that cannot be read, are refused by now or were deleted, and counts them in the progress', async () => {
    const { encoders } = await openSpaceTools();
    const sample = await drawSample(90);
    const broken: ImageSample = {
      ...sample,
      use: (index, work) => {
        if (index === 3) throw new SemblanceError('INVALID_IMAGE', 'broken');
        if (index === 5) throw new SemblanceError('UNSUPPORTED_MEDIA_TYPE', 'refused by now');
        if (index === 6) throw new SemblanceError('IMAGE_TOO_LARGE', 'too large by now');
        if (index === 4) throw new SemblanceError('NOT_FOUND', 'deleted');
        return sample.use(index, work);
      },
    };
    const seen: FitProgress[] = [];
    const options = { leaves: encoders.leaves, seed, onProgress: (progress: FitProgress) => seen.push(progress) };
    const fitted = requireKind(await fitRecipe(parseRecipe('hog+color+bovw-30'), broken, options), 'fusion');
    expect(fitted.projection?.components.rows).toBe(85);
    expect([...new Set(seen.map(({ stage }) => stage))]).toEqual(['keypoints', 'vocabulary of 30 words', 'vectors']);
    expect(seen.at(-1)).toEqual({ stage: 'vectors', done: 90, total: 90 });

    const away: ImageSample = {
      ...sample,
      use: () => Promise.reject(new SemblanceError('DATABASE_UNAVAILABLE', 'away')),
    };
    await expect(fitRecipe(parseRecipe('bovw-20'), away, options)).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
  });

  it('stops when it is told to', async () => {
    const { encoders } = await openSpaceTools();
    const stop = new AbortController();
    const options = {
      leaves: encoders.leaves,
      seed,
      signal: stop.signal,
      onProgress: () => {
        stop.abort(new Error('stopped'));
      },
    };
    await expect(fitRecipe(parseRecipe('grey.pca-64'), await drawSample(80), options)).rejects.toThrow('stopped');
  });

  it.each([
    ['vit.pca-64', 64, 'at least 65 images for the sample of a projection but received 64'],
    ['vit.pca-128', 80, 'an integer from 1 to 79 (a sample of 80 × 768) for components but received 128'],
    ['hog+color', 20, 'at least 65 images for the sample of a projection but received 20'],
    ['bovw-767', 1, /an integer from 1 to the \d+ descriptors to train on for words but received 767/],
    ['vit.class', 20, 'images with a label for class fusion but received "none"'],
  ])('refuses %s on %i images, saying why', async (text, count, message) => {
    const { encoders } = await openSpaceTools();
    const failure = fitRecipe(parseRecipe(text), await drawSample(count), { leaves: encoders.leaves, seed });
    await expect(failure).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(failure).rejects.toThrow(message);
  });

  it('refuses a vocabulary of images without a keypoint', async () => {
    const { encoders } = await openSpaceTools();
    const flat: ImageSample = { ...(await drawSample(5)), use: (index, work) => work(flatImage(40 * index)) };
    await expect(fitRecipe(parseRecipe('bovw'), flat, { leaves: encoders.leaves, seed })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: 'Expected at least 100 descriptors for the sample of a vocabulary but received 0',
    });
  });
});

describe('class fusion', () => {
  const recipe = parseRecipe('grey.class');

  async function fitOn({ computed, leaves }: Prepared, label: (index: number) => string | undefined = byNumber) {
    return requireKind(await fitFromLeaves(recipe, leaves, { ...computed, label }, { seed }), 'class-fusion');
  }

  interface Prepared {
    readonly computed: LeafSample;
    readonly leaves: FittedLeaves;
  }

  async function prepare(count: number): Promise<Prepared> {
    const tools = await openSpaceTools();
    const sample = await drawSample(count, byNumber);
    const leaves = await fitLeaves([recipe], sample, { leaves: tools.encoders.leaves, seed });
    return { leaves, computed: await computeAll(tools, sample, leaves) };
  }

  it('puts the class that its fold predicts beside the embedding at length 1', async () => {
    const prepared = await prepare(40);
    const { computed } = prepared;
    const fitted = await fitOn(prepared);
    expect(fitted.classes).toEqual(['bird', 'cat', 'dog']);
    for (let index = 0; index < 40; index++) {
      const values = computed.values(index) as LeafValues;
      const vector = assemble(fitted, values, computed.id(index));
      expect(vector.subarray(0, 64)).toEqual(unitOf(fitted.of, values, computed.id(index)));
      expect([...vector.subarray(64)].sort()).toEqual([0, 0, 1]);
    }
  });

  it('never lets the label of an image reach its vector', async () => {
    const prepared = await prepare(60);
    const { computed } = prepared;
    const before = await fitOn(prepared);
    for (const index of [0, 7, 23]) {
      const other = (at: number) => (at === index ? 'dog' : at === 12 ? 'bird' : computed.label(at));
      const withoutOwn = await fitOn(prepared, (at) => (at === 12 ? 'bird' : computed.label(at)));
      const changed = await fitOn(prepared, other);
      const values = computed.values(index) as LeafValues;
      const id = computed.id(index);
      expect(assemble(changed, values, id)).toEqual(assemble(withoutOwn, values, id));
      expect(changed.folds[foldOf(id)]).toEqual(withoutOwn.folds[foldOf(id)]);
      // The label does reach the other folds, where it belongs.
      if (computed.label(index) !== 'dog')
        expect(changed.folds[(foldOf(id) + 1) % 5]).not.toEqual(withoutOwn.folds[(foldOf(id) + 1) % 5]);
    }
    expect(before.folds).toHaveLength(5);
  });

  it('does so where the embedding is projected to make room', async () => {
    const tools = await openSpaceTools();
    const sample = await drawSample(80, byNumber);
    const wide = parseRecipe('vit.class');
    const leaves = await fitLeaves([wide], sample, { leaves: tools.encoders.leaves, seed });
    const computed = await computeAll(tools, sample, leaves);
    const vectorOf = async (label: (index: number) => string | undefined) =>
      assemble(
        await fitFromLeaves(wide, leaves, { ...computed, label }, { seed }),
        computed.values(0) as LeafValues,
        computed.id(0),
      );
    expect(await vectorOf((index) => (index === 0 ? 'dog' : byNumber(index)))).toEqual(await vectorOf(byNumber));
  });

  it('never predicts a class that a fold was trained without', async () => {
    const prepared = await prepare(40);
    const { computed } = prepared;
    const lonely = 3;
    const fitted = await fitOn(prepared, (index) => (index === lonely ? 'unicorn' : byNumber(index)));
    const fold = fitted.folds[foldOf(computed.id(lonely))];
    expect(fold?.intercepts[fitted.classes.indexOf('unicorn')]).toBe(-Infinity);
    const vector = assemble(fitted, computed.values(lonely) as LeafValues, computed.id(lonely));
    expect(vector[64 + fitted.classes.indexOf('unicorn')]).toBe(0);
  });

  it('predicts the class that is left where a fold was trained on one', async () => {
    const prepared = await prepare(40);
    const { computed } = prepared;
    // All cats in fold 0.
    const label = (index: number) => (foldOf(computed.id(index)) === 0 ? 'cat' : 'dog');
    const fitted = await fitOn(prepared, label);
    const index = Array.from({ length: 40 }, (_, at) => at).find((at) => label(at) === 'cat') ?? NaN;
    const vector = assemble(fitted, computed.values(index) as LeafValues, computed.id(index));
    expect([...vector.subarray(64)]).toEqual([0, 1]);
  });

  it('trains on the labelled images alone, and predicts for all', async () => {
    const prepared = await prepare(40);
    const { computed } = prepared;
    const some = (index: number) => (index < 25 ? byNumber(index) : undefined);
    const fitted = await fitOn(prepared, some);
    const vector = assemble(fitted, computed.values(39) as LeafValues, computed.id(39));
    expect([...vector.subarray(64)].sort()).toEqual([0, 0, 1]);
  });

  it.each<[string, (index: number) => string | undefined, string]>([
    ['one class', () => 'cat', 'at least two classes of two images each for class fusion but received 1'],
    ['classes of one image', (index) => `class ${index}`, 'at least two classes of two images each'],
    ['no label', () => undefined, 'images with a label'],
  ])('refuses %s', async (_, label, message) => {
    const failure = fitOn(await prepare(10), label);
    await expect(failure).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(failure).rejects.toThrow(message);
  });
});

describe('foldOf', () => {
  it('is the same for an id and the SHA-256 that it was made of', () => {
    expect(foldOf('0000000c-1111-8222-8333-444444444444')).toBe(2);
    expect(foldOf(`0000000c${'f'.repeat(56)}`)).toBe(2);
    expect(() => foldOf('img-12345678')).toThrow(RangeError);
  });
});

describe('a model of more numbers than a space holds', () => {
  const wide = {
    kind: 'model',
    model: 'wide',
    sha256: 'a'.repeat(64),
    preprocessingSha256: 'b'.repeat(64),
    dimensions: 780,
  } as const;
  const leaves: FittedLeaves = { leaves: [wide], vocabularySizes: [], leafFor: () => wide };

  function wideSample(count: number): LeafSample {
    const random = new Random(5);
    const vectors = Array.from({ length: count }, () =>
      Float32Array.from({ length: wide.dimensions }, () => random.normal()),
    );
    const valuesAt = (index: number): LeafValues => ({ of: () => vectors[index] ?? new Float32Array() });
    return { count, id: (index) => index.toString(16).padStart(8, '0'), label: () => undefined, values: valuesAt };
  }

  async function fitWide(count: number, method = '@wide') {
    const told: NarrowedVectors[] = [];
    const sample = wideSample(count);
    const options = { seed, onNarrowed: (narrowed: NarrowedVectors) => told.push(narrowed) };
    return { fitted: await fitFromLeaves(parseRecipe(method), leaves, sample, options), told, sample };
  }

  it('is projected by PCA from 2,000 images on, and the loss is told', async () => {
    const { fitted, told, sample } = await fitWide(2_000);
    expect([describeFitted(fitted), dimensionsOf(fitted)]).toEqual(['@wide.pca-768', 768]);
    expect(told).toEqual([{ from: 780, random: false, neighboursKept: expect.closeTo(0.95, 1) as number }]);
    const stored = fittedFromJson(JSON.parse(JSON.stringify(fittedToJson(fitted))));
    const values = (await sample.values(3)) as LeafValues;
    expect(assemble(stored, values, sample.id(3))).toEqual(assemble(fitted, values, sample.id(3)));
  });

  it.each([0, 1_999])('is projected by drawn directions of %d images', async (count) => {
    const { fitted, told } = await fitWide(count);
    expect([describeFitted(fitted), dimensionsOf(fitted)]).toEqual(['@wide.random-768', 768]);
    expect(told).toMatchObject([{ from: 780, random: true }]);
    expect(told[0]?.neighboursKept === undefined).toBe(count === 0);
    expect(fittedFromJson(JSON.parse(JSON.stringify(fittedToJson(fitted))))).toEqual(fitted);
  });

  it('is projected to fewer numbers where the method says so, and no further', async () => {
    const { fitted, told } = await fitWide(80, '@wide.random-64');
    expect([describeFitted(fitted), dimensionsOf(fitted)]).toEqual(['@wide.random-64', 64]);
    expect(told).toEqual([]);
  });
});
