import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ImageDecoder } from '../../../src/pixels/decode/decode.js';
import type { DecodedImage } from '../../../src/pixels/decode/decoded-image.js';
import { maxImagePixels } from '../../../src/base/limits.js';
import { resizeForModel } from '../../../src/pixels/resize.js';
import { cosine, norm, normalise } from '../../../src/math/vector.js';
import { BagOfWords, trainVocabulary, type Vocabulary } from '../../../src/methods/features/bag-of-words.js';
import { toGrey } from '../../../src/pixels/luma.js';
import { colorHistogram, greyHistogram } from '../../../src/methods/features/histogram.js';
import { hog } from '../../../src/methods/features/hog.js';
import { siftFeatures } from '../../../src/methods/features/sift/sift.js';
import { hasDirection } from '../../../src/methods/assemble.js';
import { encodersOver, type Encoders } from '../../../src/methods/encoders.js';
import type { ToFeatureThread } from '../../../src/methods/features/feature-messages.js';
import { dimensionsOf } from '../../../src/methods/fitted.js';
import { leavesOf, type Leaf } from '../../../src/methods/leaf.js';
import { openLeaves } from '../../../src/methods/leaves.js';
import type { FittedRecipe } from '../../../src/methods/recipe.js';
import { acceptedFixtures } from '../../fixtures/images.js';
import { embedImage } from '../../support/embedders.js';
import { drawPixels } from '../../support/make-image.js';
import { decodeFixture, flatImage, openSpaceTools } from '../../support/spaces.js';
import { readExpected, patternImage, tinyModelFolder } from '../../support/tiny-models.js';

const id = '00000000-0000-8000-8000-000000000000';

function drawn(seed: number, width = 96, height = 72): DecodedImage {
  return { mediaType: 'image/png', width, height, pixels: drawPixels(seed, width, height) };
}

const vocabulary: Vocabulary = trainVocabulary({
  images: [1, 2, 3, 4].map((seed) => siftFeatures(toGrey(drawn(seed))).descriptors),
  words: 12,
  seed: 1,
  iterations: 20,
});

const words: Leaf = { kind: 'bag-of-words', vocabulary };
const classical: readonly Leaf[] = [{ kind: 'hog' }, { kind: 'grey-histogram' }, { kind: 'color-histogram' }, words];

async function encode(
  encoders: Encoders,
  recipes: readonly FittedRecipe[],
  image: DecodedImage,
): Promise<readonly Float32Array[]> {
  return encoders.encode(recipes, await encoders.prepare(recipes, image, 'query'), id, 'query');
}

async function encodeOne(encoders: Encoders, recipe: FittedRecipe, image: DecodedImage): Promise<Float32Array> {
  const [vector = new Float32Array()] = await encode(encoders, [recipe], image);
  expect(vector).toHaveLength(dimensionsOf(recipe));
  return vector;
}

/** With the number for images that have nothing else. */
const found = (values: Float32Array) => Float32Array.from([...values, 0]);

describe('Encoders, for a transparent picture', () => {
  it('see it on white in spaces of earlier versions, and on a background that shows it in new ones', async () => {
    const { encoders, embedders } = await openSpaceTools();
    const model = await encoders.leaves.modelLeaf(undefined);
    const { info } = await embedders.get(undefined);
    expect(model.preprocessingSha256).toBe(info.preprocessingSha256);
    const oldModel = { ...model, preprocessingSha256: info.whitePreprocessingSha256 };
    const white: DecodedImage = { ...drawn(1), contrasted: drawn(2).pixels };
    const olds: readonly Leaf[] = [oldModel, ...classical];
    const news: readonly Leaf[] = [model, ...classical.map((leaf) => ({ ...leaf, transparency: 'contrast' }) as Leaf)];
    // All at once, as an upload to a gallery that has spaces of both.
    const both = await encode(encoders, [...olds, ...news], white);
    expect(both.slice(0, olds.length)).toEqual(await encode(encoders, olds, drawn(1)));
    expect(both.slice(olds.length)).toEqual(await encode(encoders, olds, drawn(2)));
    expect(both[0]).not.toEqual(both[olds.length]);
  });
});

describe('a white shape on transparency', () => {
  it('is told from other white shapes by every feature of a new space, and by none on white', async () => {
    const { encoders } = await openSpaceTools();
    const model = await encoders.leaves.modelLeaf(undefined);
    const disc = Buffer.alloc(400 * 400 * 4);
    for (let at = 0; at < 400 * 400; at++) {
      if (Math.hypot((at % 400) - 120, Math.floor(at / 400) - 200) < 90) disc.fill(255, at * 4, at * 4 + 4);
    }
    const files = [
      readFileSync(new URL('../../fixtures/transparency/white-triangle.png', import.meta.url)),
      await sharp(disc, { raw: { width: 400, height: 400, channels: 4 } })
        .png()
        .toBuffer(),
    ];
    const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });
    onTestFinished(() => decoder.close());
    const similarities = async (leaves: readonly Leaf[]): Promise<readonly number[]> => {
      const [triangle = [], round = []] = await Promise.all(
        files.map(async (file) => encode(encoders, leaves, await decoder.decode(file, 'bulk'))),
      );
      return triangle.map((vector, index) => cosine(normalise(vector), normalise(round[index] ?? vector)));
    };
    const seen = classical
      .filter(({ kind }) => kind !== 'bag-of-words')
      .map((leaf) => ({ ...leaf, transparency: 'contrast' }) as Leaf);
    for (const similarity of await similarities([model, ...seen])) expect(similarity).toBeLessThan(0.98);
    for (const similarity of await similarities(classical)) expect(similarity).toBeCloseTo(1, 6);
  });
});

describe('Encoders', () => {
  it.each([
    ['as it is', 'jpeg.jpg', { width: 96, height: 72 }],
    ['shrunk to 256 pixels', 'jpeg-photo-size.jpg', undefined],
  ])('gives what each feature gives for a photo %s', async (_, file, size) => {
    const { encoders } = await openSpaceTools();
    const image = await decodeFixture(file);
    const scale = Math.min(1, 256 / Math.max(image.width, image.height));
    const side = { width: Math.trunc(image.width * scale), height: Math.trunc(image.height * scale) };
    if (size !== undefined) expect(side).toEqual(size);
    expect(Math.max(side.width, side.height)).toBeLessThanOrEqual(256);
    const pixels =
      scale === 1
        ? image.pixels
        : await resizeForModel(image, { resize: { longestEdge: 256 }, interpolation: 'bilinear' });
    const picture = { ...side, pixels };
    const square = await resizeForModel(image, { resize: { width: 40, height: 40 }, interpolation: 'bilinear' });
    expect(await encode(encoders, classical, image)).toEqual([
      found(hog(toGrey({ width: 40, height: 40, pixels: square }))),
      greyHistogram(toGrey(picture), 64),
      colorHistogram(picture, 8),
      found(new BagOfWords(vocabulary).histogram(siftFeatures(toGrey(picture)).descriptors)),
    ]);
  });

  it('finds a direction for whatever is accepted as an image', async () => {
    const { encoders } = await openSpaceTools();
    const encoded = await Promise.all(
      acceptedFixtures.map(async ({ file }) => encode(encoders, classical, await decodeFixture(file))),
    );
    for (const [index, vectors] of encoded.entries()) {
      expect(vectors.map((vector) => vector.length)).toEqual([577, 64, 512, 13]);
      expect(vectors.map(hasDirection), acceptedFixtures[index]?.file).toEqual([true, true, true, true]);
    }
  });

  it('refuses an image that could not even wait, before it is resized', async () => {
    const { embedders } = await openSpaceTools();
    const leaves = openLeaves({ embedders, threads: 1, maxWaiting: 1 });
    onTestFinished(() => leaves.close());
    const prepared = await leaves.prepare([words], drawn(1, 256, 256), 'bulk');
    const taken = [leaves.compute([words], prepared, 'bulk'), leaves.compute([words], prepared, 'bulk')];
    await expect(leaves.prepare([words], drawn(2), 'bulk')).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(await Promise.all(taken)).toHaveLength(2);
  });

  it('gives what the model gives', async () => {
    const { encoders, embedders } = await openSpaceTools();
    const image = await decodeFixture('jpeg.jpg');
    const { embedder } = await embedders.get(undefined);
    const leaf = await encoders.leaves.modelLeaf(undefined);
    expect(leaf).toMatchObject({ kind: 'model', model: 'semblance-compact', dimensions: 768 });
    expect(await encodeOne(encoders, leaf, image)).toEqual(await embedImage(embedder, image, 'query'));
  });

  it('gives what a convolutional network found by its manifest gives in Python', async () => {
    const { encoders } = await openSpaceTools();
    const leaf = await encoders.leaves.modelLeaf(tinyModelFolder('nchw-float32-convolutional'));
    const [expected = new Float32Array()] = await readExpected('nchw-float32-convolutional');
    expect(cosine(await encodeOne(encoders, leaf, patternImage(0)), expected)).toBeGreaterThan(0.99999);
  });

  it('joins parts at length 1 times their weight', async () => {
    const { encoders } = await openSpaceTools();
    const fusion: FittedRecipe = {
      kind: 'fusion',
      projection: undefined,
      parts: [
        { weight: 2, of: { kind: 'hog' } },
        { weight: 0.5, of: words },
      ],
    };
    const [hogAlone = new Float32Array(), wordsAlone = new Float32Array(), joined = new Float32Array()] = await encode(
      encoders,
      [{ kind: 'hog' }, words, fusion],
      drawn(7),
    );
    expect(norm(hogAlone)).toBeGreaterThan(2);
    const expected = [
      ...normalise(hogAlone.slice()).map((value) => 2 * value),
      ...wordsAlone.map((value) => 0.5 * value),
    ];
    expect(joined).toHaveLength(577 + 13);
    joined.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index] ?? NaN, 6);
    });
  });

  it('knows images without a keypoint or a gradient as alike, and unlike all others', async () => {
    const { encoders } = await openSpaceTools();
    for (const recipe of [words, { kind: 'hog' }] as const) {
      const grey = await encodeOne(encoders, recipe, flatImage(90));
      expect([...grey]).toEqual([...new Float32Array(grey.length - 1), 1]);
      expect(await encodeOne(encoders, recipe, flatImage(200, 20))).toEqual(grey);
      expect(cosine(grey, await encodeOne(encoders, recipe, drawn(1)))).toBe(0);
    }
  });

  it('computes what recipes share once, and sends a vocabulary to a thread once', async () => {
    const { embedders } = await openSpaceTools();
    const posted = vi.spyOn(Worker.prototype, 'postMessage');
    onTestFinished(() => {
      posted.mockRestore();
    });
    let asked = 0;
    const leaves = openLeaves({
      threads: 1,
      embedders: {
        ...embedders,
        get: async (...model) => {
          const ready = await embedders.get(...model);
          return {
            ...ready,
            embedder: {
              ...ready.embedder,
              prepare: (...image) => ready.embedder.prepare(...image),
              embed: (...input) => {
                asked += 1;
                return ready.embedder.embed(...input);
              },
            },
          };
        },
      },
    });
    onTestFinished(() => leaves.close());
    const model = await leaves.modelLeaf(undefined);
    const recipes: readonly FittedRecipe[] = [
      model,
      { ...model, model: 'under another name' },
      words,
      { kind: 'bag-of-words', vocabulary: { ...vocabulary } },
      { kind: 'hog' },
      {
        kind: 'fusion',
        projection: undefined,
        parts: [model, words, { kind: 'hog' } as const].map((of) => ({ weight: 1, of })),
      },
    ];
    expect(leavesOf(recipes)).toEqual([model, words, { kind: 'hog' }]);
    const encoders = encodersOver(leaves);
    for (const seed of [1, 2, 3]) expect(await encode(encoders, recipes, drawn(seed))).toHaveLength(6);
    expect(asked).toBe(3);
    const messages = posted.mock.calls.map(([message]) => message as ToFeatureThread);
    expect(messages.filter(({ kind }) => kind === 'vocabulary')).toHaveLength(1);
    const computed = messages.flatMap((message) => (message.kind === 'compute' ? [message.features] : []));
    expect(computed).toHaveLength(3);
    for (const features of computed) expect(features.map(({ kind }) => kind)).toEqual(['bag-of-words', 'hog']);
  });

  it('holds no more of a large image than its leaves need', async () => {
    const { encoders } = await openSpaceTools();
    const image = drawn(5, 1200, 300);
    const prepared = await encoders.prepare([words, { kind: 'hog' }], image, 'bulk');
    const rasters = prepared.rasters.get('white');
    expect(rasters?.picture).toMatchObject({ width: 256, height: 64 });
    expect(rasters?.picture?.pixels).toHaveLength(256 * 64 * 3);
    expect(rasters?.square?.pixels).toHaveLength(40 * 40 * 3);
    expect((await encoders.prepare([{ kind: 'hog' }], image, 'bulk')).rasters.get('white')?.picture).toBeUndefined();
  });

  it('refuses an image that a space tells nothing of, naming the space', async () => {
    const { encoders } = await openSpaceTools();
    // A projection onto what no histogram has leaves nothing.
    const silent: FittedRecipe = {
      kind: 'pca',
      whiten: false,
      of: { kind: 'grey-histogram' },
      projection: {
        dimensions: 64,
        mean: new Float32Array(64),
        components: { rows: 64, columns: 64, values: new Float32Array(64 * 64) },
        explainedVariance: new Float32Array(64),
      },
    };
    await expect(encode(encoders, [{ kind: 'grey-histogram' }, silent], drawn(1))).rejects.toMatchObject({
      code: 'INVALID_IMAGE',
      message: 'grey.pca-64 tells nothing of this image to compare it by',
    });
  });

  it('refuses another model under the name that a space was made with', async () => {
    const { encoders } = await openSpaceTools();
    const leaf = await encoders.leaves.modelLeaf(tinyModelFolder('nchw-float32-convolutional'));
    const other = { ...leaf, sha256: '0'.repeat(64) };
    await expect(encoders.prepare([other], drawn(1), 'query')).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message:
        'The model nchw-float32-convolutional has other weights or another preprocessing than the one that the space was made with: put its files back as they were',
    });
  });
});
