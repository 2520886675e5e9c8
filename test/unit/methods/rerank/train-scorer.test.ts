import { describe, expect, it } from 'vitest';
import { vectorSsim } from '../../../../src/math/ssim.js';
import { cosine, normalise, squaredEuclidean } from '../../../../src/math/vector.js';
import { mlpToJson } from '../../../../src/math/learning/mlp.js';
import { Random } from '../../../../src/math/random.js';
import { createReranker } from '../../../../src/methods/rerank/create.js';
import { drawPairs } from '../../../../src/methods/rerank/pairs.js';
import type { Reranker } from '../../../../src/methods/rerank/reranker.js';
import { rerank } from '../../../../src/methods/rerank/rerank.js';
import { scorerFromJson, scorerToJson } from '../../../../src/methods/rerank/scorer.js';
import { trainScorer, type ScorerTraining } from '../../../../src/methods/rerank/train-scorer.js';

interface Gallery {
  readonly embeddings: readonly Float32Array[];
  readonly labels: readonly string[];
}

const signalDimensions = 8;
const dimensions = 24;

/** Images of a class agree in the first 8 numbers; the other 16 are noise that weighs more. */
function clusters({ classes, perClass, seed }: Readonly<Record<'classes' | 'perClass' | 'seed', number>>): Gallery {
  const random = new Random(seed);
  const centers = Array.from({ length: classes }, () =>
    Array.from({ length: signalDimensions }, () => random.normal()),
  );
  const labels = Array.from({ length: classes * perClass }, (_, i) => `class ${i % classes}`);
  const embeddings = labels.map((_, i) =>
    Float32Array.from({ length: dimensions }, (__, at) =>
      at < signalDimensions ? (centers[i % classes]?.[at] ?? 0) + 0.2 * random.normal() : 1.2 * random.normal(),
    ),
  );
  return { embeddings, labels };
}

const train = (gallery: Gallery, options: Partial<ScorerTraining> = {}) =>
  trainScorer({ kind: 'labels', seed: 1, ...gallery, ...options });

/** Share of the first ten neighbours that are of the query's class, over all queries. */
async function precisionAt10({ embeddings, labels }: Gallery, reranker?: Reranker): Promise<number> {
  let found = 0;
  for (const [query, embedding] of embeddings.entries()) {
    const others = embeddings
      .map((other, image) => ({ embedding: other, image, similarity: cosine(embedding, other) }))
      .filter(({ image }) => image !== query)
      .sort((a, b) => b.similarity - a.similarity);
    const order = reranker && (await rerank({ query: { embedding }, candidates: others, reranker, k: 10 }));
    const first = order?.map(({ index }) => others[index]) ?? others.slice(0, 10);
    found += first.filter((hit) => hit !== undefined && labels[hit.image] === labels[query]).length;
  }
  return found / (10 * embeddings.length);
}

describe('trainScorer', () => {
  const gallery = clusters({ classes: 30, perClass: 12, seed: 1 });
  const heldOut = clusters({ classes: 12, perClass: 12, seed: 2 });

  it('learns from labels what tells classes apart that it never saw, better than cosine', async () => {
    const scorer = await train(gallery, { epochs: 30 });
    const learned = await precisionAt10(heldOut, createReranker('LEARNED_LABELS', { scorer }));
    expect(learned).toBeGreaterThan((await precisionAt10(heldOut)) + 0.1);
    expect(learned).toBeGreaterThan(3 / 12);
  });

  it('learns from SSIM and distance what is alike among embeddings that it never saw', async () => {
    // Numbers around 3: SSIM compares means too, which the difference of embeddings around 0 does not tell.
    const shifted = (embeddings: readonly Float32Array[]) => embeddings.map((each) => each.map((x) => x + 3));
    const training = { ...gallery, embeddings: shifted(gallery.embeddings) };
    const scorer = await train(training, { kind: 'heuristic', epochs: 10 });
    const own = shifted(heldOut.embeddings).map((embedding) => normalise(embedding));
    const pairs = own.flatMap((a, i) => own.slice(i + 1).map((b) => [a, b] as const));
    const reranker = createReranker('LEARNED_HEURISTIC', { scorer });
    const scores = await Promise.all(
      pairs.map(([embedding, other]) => reranker.score({ embedding }, [{ embedding: other, similarity: 0 }])),
    );
    const predicted = Float64Array.from(scores, ([score]) => score ?? NaN);
    const targets = Float64Array.from(pairs, ([a, b]) => vectorSsim(a, b) / (1 + squaredEuclidean(a, b)));
    expect(correlation(predicted, targets)).toBeGreaterThan(0.6);
  });

  it('makes the same bytes from the same seed, others from another', async () => {
    const bytes = async (seed: number) =>
      JSON.stringify(mlpToJson((await train(gallery, { seed, epochs: 1 })).network));
    const first = await bytes(1);
    expect(await bytes(1)).toBe(first);
    expect(await bytes(2)).not.toBe(first);
  });

  it('ignores the lengths of embeddings', async () => {
    const longer = { ...gallery, embeddings: gallery.embeddings.map((embedding) => embedding.map((x) => 8 * x)) };
    const [a, b] = await Promise.all([gallery, longer].map((each) => train(each, { epochs: 1 })));
    expect(b?.network).toEqual(a?.network);
  });

  it('says what it was trained on and how far it is', async () => {
    const stages: string[] = [];
    let last = { done: 0, total: 1 };
    const scorer = await train(gallery, {
      epochs: 1,
      onProgress: ({ stage, done, total }) => {
        if (stages.at(-1) !== stage) stages.push(stage);
        last = { done, total };
      },
    });
    expect(scorer).toMatchObject({ kind: 'labels', images: 360, classes: 30 });
    expect(stages).toEqual(['pairs', 'training']);
    // 11 positives and 11 negatives begin at each image.
    expect(last).toEqual({ done: 360 * 22, total: 360 * 22 });
  });

  it('stops between mini-batches, for it lets the event loop turn', async () => {
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort(new Error('Enough'));
    }, 50);
    await expect(train(gallery, { epochs: 100, signal: stop.signal })).rejects.toThrow('Enough');
  });

  it('takes an image that is alone in its class as a negative', async () => {
    const vectors = [
      [1, 0],
      [1, 0.1],
      [0, 1],
    ].map((vector) => Float32Array.from(vector));
    const scorer = await train({ embeddings: vectors, labels: ['a', 'a', 'b'] });
    expect(scorer).toMatchObject({ images: 3, classes: 2 });
  });

  it.each<[string, Gallery, Partial<ScorerTraining>]>([
    ['at least two classes', { embeddings: gallery.embeddings.slice(0, 2), labels: ['a', 'a'] }, {}],
    ['at least two classes', { embeddings: [], labels: [] }, {}],
    ['a class of at least two images', { embeddings: gallery.embeddings.slice(0, 3), labels: ['a', 'b', 'c'] }, {}],
    ['an integer from 1 to 100 for epochs', gallery, { epochs: 0 }],
  ])('refuses what teaches nothing: %s', async (message, bad, options) => {
    await expect(train(bad, options)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining(message) as string,
    });
  });

  it('refuses embeddings of two spaces, and labels of other images', async () => {
    const [first = new Float32Array()] = gallery.embeddings;
    const embeddings = [first, first.slice(1), first];
    await expect(train({ embeddings, labels: ['a', 'a', 'b'] })).rejects.toThrow('24 and 23 numbers');
    await expect(train({ embeddings: [first], labels: ['a', 'b'] })).rejects.toThrow('2 labels do not fit 1');
  });
});

describe('drawPairs', () => {
  const { embeddings, labels } = clusters({ classes: 5, perClass: 9, seed: 3 });
  const units = embeddings.map((embedding) => normalise(Float32Array.from(embedding)));
  const classes = Int32Array.from(labels, (label) => Number(label.split(' ')[1]));

  it('begins as many positives as negatives at each image, all named rightly', async () => {
    const { first, second, same } = await drawPairs({ units, classes, perImage: 4, seed: 1 });
    expect(first).toHaveLength(units.length * 8);
    first.forEach((image, pair) => {
      const other = second[pair] ?? -1;
      expect(other).not.toBe(image);
      expect(same[pair]).toBe(classes[image] === classes[other] ? 1 : 0);
    });
    for (const image of units.keys()) {
      const begun = same.filter((_, pair) => first[pair] === image);
      expect(begun.reduce((sum, value) => sum + value, 0)).toBe(4);
    }
  });

  it('draws a quarter from the farther half of the class and the nearer half of the others', async () => {
    const { first, second, same } = await drawPairs({ units, classes, perImage: 4, seed: 1 });
    const similarityOf = (pair: number) => {
      const [a, b] = [units[first[pair] ?? -1], units[second[pair] ?? -1]];
      return a === undefined || b === undefined ? NaN : cosine(a, b);
    };
    const mean = (isSame: number, from: number, to: number) => {
      const pairs = [...first.keys()].filter((pair) => same[pair] === isSame && pair % 8 >= from && pair % 8 < to);
      return pairs.reduce((sum, pair) => sum + similarityOf(pair), 0) / pairs.length;
    };
    // In each image's eight: three easy positives, a hard one, three easy negatives, a hard one.
    expect(mean(1, 3, 4)).toBeLessThan(mean(1, 0, 3) - 0.05);
    expect(mean(0, 7, 8)).toBeGreaterThan(mean(0, 4, 7) + 0.05);
  });
});

describe('a stored scorer', () => {
  it('scores as before, to the last bit', async () => {
    const gallery = clusters({ classes: 4, perClass: 5, seed: 1 });
    const scorer = await train(gallery, { epochs: 1 });
    const restored = scorerFromJson(JSON.parse(JSON.stringify(scorerToJson(scorer))), dimensions);
    expect(restored).toEqual(scorer);
  });

  it('is refused by a space of other dimensions, by a re-ranker of the other kind, and where it is malformed', async () => {
    const scorer = await train(clusters({ classes: 4, perClass: 5, seed: 1 }), { epochs: 1 });
    const stored = scorerToJson(scorer) as Record<string, unknown>;
    expect(() => scorerFromJson(stored, 768)).toThrow('A scorer of 24 dimensions does not fit a space of 768');
    expect(() => createReranker('LEARNED_HEURISTIC', { scorer })).toThrow('needs a scorer of the kind heuristic');
    expect(() => createReranker('LEARNED_LABELS')).toThrow('needs a scorer of the kind labels, not none');
    for (const change of [
      { version: 2 },
      { kind: 'other' },
      { kind: 'heuristic' },
      { images: 0 },
      { trainedAt: 'x' },
    ]) {
      expect(() => scorerFromJson({ ...stored, ...change }, dimensions)).toThrow('Not a stored scorer');
    }
    expect(() => scorerFromJson({ ...stored, network: {} }, dimensions)).toThrow('Not a stored network');
    expect(() => scorerFromJson(undefined, dimensions)).toThrow(RangeError);
  });
});

function correlation(a: Float64Array, b: Float64Array): number {
  const centered = [a, b].map((values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.map((value) => value - mean);
  });
  const [x = a, y = b] = centered;
  return cosine(x, y);
}
