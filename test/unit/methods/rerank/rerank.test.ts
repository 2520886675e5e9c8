import { describe, expect, it } from 'vitest';
import { greySidePixels } from '../../../../src/base/limits.js';
import { cosine } from '../../../../src/math/vector.js';
import { createReranker, needsOf } from '../../../../src/methods/rerank/create.js';
import { rerank } from '../../../../src/methods/rerank/rerank.js';
import {
  rerankers,
  type RerankCandidate,
  type Reranker,
  type RerankerName,
} from '../../../../src/methods/rerank/reranker.js';

const plainNames = rerankers.filter((name) => needsOf(name).scorer === undefined);

function flat(value: number): Uint8Array {
  return new Uint8Array(greySidePixels ** 2).fill(value);
}

/** Vertical stripes four pixels wide: pictures without any structure would all be alike to SSIM. */
function stripes(grey: number, contrast: number): Uint8Array {
  return Uint8Array.from({ length: greySidePixels ** 2 }, (_, i) => grey + (i & 4 ? contrast : 0));
}

function candidate(query: readonly number[], embedding: readonly number[], grey?: Uint8Array): RerankCandidate {
  const vector = Float32Array.from(embedding);
  return { embedding: vector, grey, similarity: cosine(Float32Array.from(query), vector) };
}

/** Orders embeddings as given, which must be by similarity, and answers their places. */
async function orderOf(name: RerankerName, query: readonly number[], embeddings: readonly (readonly number[])[]) {
  const ranked = await rerank({
    query: { embedding: Float32Array.from(query) },
    candidates: embeddings.map((embedding) => candidate(query, embedding)),
    reranker: createReranker(name),
  });
  return ranked.map(({ index }) => index);
}

/** Scores as told. */
function scoring(...scores: readonly number[]): Reranker {
  return { name: 'SSIM', score: () => Promise.resolve(Float64Array.from(scores)) };
}

const withSimilarity = (...similarities: readonly number[]): readonly RerankCandidate[] =>
  similarities.map((similarity) => ({ embedding: Float32Array.of(1), similarity }));

describe('rerank', () => {
  const query = { embedding: Float32Array.of(1) };

  it('puts the highest score first, infinite ones before all', async () => {
    const ranked = await rerank({
      query,
      candidates: withSimilarity(0.9, 0.8, 0.7, 0.6),
      reranker: scoring(-1, Infinity, 2, -Infinity),
    });
    expect(ranked).toEqual([
      { index: 1, score: Infinity },
      { index: 2, score: 2 },
      { index: 0, score: -1 },
      { index: 3, score: -Infinity },
    ]);
  });

  it('orders equal scores by similarity, then as given', async () => {
    const ranked = await rerank({
      query,
      candidates: withSimilarity(0.5, 0.9, 0.9, 0.2, 0.9),
      reranker: scoring(1, 1, 1, 3, Infinity),
    });
    expect(ranked.map(({ index }) => index)).toEqual([4, 3, 1, 2, 0]);
    const infinite = {
      query,
      candidates: withSimilarity(0.1, 0.3, 0.3),
      reranker: scoring(Infinity, Infinity, Infinity),
    };
    expect((await rerank(infinite)).map(({ index }) => index)).toEqual([1, 2, 0]);
  });

  it('keeps k, all of fewer, and none of none', async () => {
    const input = { query, candidates: withSimilarity(0.9, 0.8, 0.7), reranker: scoring(1, 3, 2) };
    expect(await rerank({ ...input, k: 2 })).toEqual([
      { index: 1, score: 3 },
      { index: 2, score: 2 },
    ]);
    expect(await rerank({ ...input, k: 10 })).toHaveLength(3);
    expect(await rerank({ query, candidates: [], reranker: createReranker('QUERY_EXPANSION'), k: 10 })).toEqual([]);
  });

  it('refuses a score that is no number', async () => {
    const input = { query, candidates: withSimilarity(0.9, 0.8), reranker: scoring(1, NaN) };
    await expect(rerank(input)).rejects.toThrow('SSIM of candidate 1 is no number');
  });

  it.each(plainNames)('%s puts the query itself first, and takes a single candidate', async (name) => {
    const embedding = [3, -1, 2, 0.5];
    const own = candidate(embedding, embedding, stripes(10, 3));
    // Shorter or equally long, so that the inner product agrees.
    const near = candidate(embedding, [2.5, -1, 2, 0.75], stripes(40, 2));
    const far = candidate(embedding, [0.5, 2, 1, -1], flat(200));
    const input = { query: own, reranker: createReranker(name), k: 3 };
    const ranked = await rerank({ ...input, candidates: [near, own, far] });
    expect(ranked.map(({ index }) => index)).toEqual([1, 0, 2]);
    expect(await rerank({ ...input, candidates: [own] })).toEqual([{ index: 0, score: expect.any(Number) as number }]);
  });

  it('scores equal images 0 by distance, 1 by SSIM and infinite by their quotient', async () => {
    const own = candidate([3, -1, 2], [3, -1, 2], stripes(10, 3));
    const scores = Object.fromEntries(
      await Promise.all(
        plainNames.map(async (name) => [name, (await createReranker(name).score(own, [own]))[0]] as const),
      ),
    );
    expect(scores).toEqual({
      EUCLIDEAN: 0,
      INNER_PRODUCT: 14,
      SSIM: expect.closeTo(1, 12) as number,
      SSIM_OVER_EUCLIDEAN: Infinity,
      PIXEL_EUCLIDEAN: 0,
      PIXEL_SSIM: expect.closeTo(1, 12) as number,
      PIXEL_SSIM_OVER_EUCLIDEAN: Infinity,
      QUERY_EXPANSION: expect.closeTo(1, 12) as number,
    });
  });
});

describe('what re-rankers prefer', () => {
  it('EUCLIDEAN: the nearer one where cosine sees the direction alone', async () => {
    expect(
      await orderOf(
        'EUCLIDEAN',
        [1, 0],
        [
          [9, 0.1],
          [1, 0.4],
          [0.5, 0.5],
        ],
      ),
    ).toEqual([1, 2, 0]);
  });

  it('INNER_PRODUCT: the longer one', async () => {
    expect(
      await orderOf(
        'INNER_PRODUCT',
        [1, 0],
        [
          [1, 0],
          [2, 1],
          [5, 5],
          [-1, 0],
        ],
      ),
    ).toEqual([2, 1, 0, 3]);
  });

  it('SSIM: the one whose numbers are as large and vary as much, before one of the same direction', async () => {
    const embeddings = [
      [10, 14, 10, 14],
      [5, 6.5, 5.2, 7],
      [7, 5, 7, 5],
    ];
    expect(await orderOf('SSIM', [5, 7, 5, 7], embeddings)).toEqual([1, 0, 2]);
  });

  it('SSIM_OVER_EUCLIDEAN: a negative similarity behind every positive one, however near', async () => {
    const query = [1, -1, 1, -1];
    expect(
      await orderOf('SSIM_OVER_EUCLIDEAN', query, [
        [9, -9, 9, -9],
        [-0.5, 0.5, -0.5, 0.5],
      ]),
    ).toEqual([0, 1]);
  });

  it('PIXEL_EUCLIDEAN counts greys, PIXEL_SSIM structure', async () => {
    const image = (grey: Uint8Array, similarity = 0) => ({ embedding: Float32Array.of(1, 0), grey, similarity });
    const query = image(stripes(60, 60));
    const candidates = [image(flat(90), 0.9), image(stripes(120, 60), 0.8)];
    const orderBy = async (name: RerankerName) =>
      (await rerank({ query, candidates, reranker: createReranker(name) })).map(({ index }) => index);
    expect(await orderBy('PIXEL_EUCLIDEAN')).toEqual([0, 1]);
    expect(await orderBy('PIXEL_SSIM')).toEqual([1, 0]);
    // The distance is doubled, the similarity more than that times four.
    expect(await orderBy('PIXEL_SSIM_OVER_EUCLIDEAN')).toEqual([1, 0]);
    const black = await createReranker('PIXEL_EUCLIDEAN').score(image(flat(0)), [image(flat(255))]);
    expect(black[0]).toBeCloseTo(-greySidePixels, 12);
  });

  it('QUERY_EXPANSION: what is near the candidates that are near the query', async () => {
    // Both at 45° from the query, and only the second on the side where its neighbours lie.
    const query = [1, 0, 0];
    const near = Array.from({ length: 6 }, (_, i) => [1, 0.5 + i / 100, 0]);
    expect(
      await orderOf('QUERY_EXPANSION', query, [...near, [1, 0, 1], [1, 1, 0]]).then((order) => order.slice(-2)),
    ).toEqual([7, 6]);
  });

  it('QUERY_EXPANSION: the eleventh candidate expands nothing, nor does one beyond a right angle', async () => {
    const query = [1, 0, 0];
    const same = Array.from({ length: 9 }, () => [1, 0, 0]);
    const scores = async (...others: readonly (readonly number[])[]) => {
      const candidates = [...same, ...others].map((embedding) => candidate(query, embedding));
      return createReranker('QUERY_EXPANSION').score({ embedding: Float32Array.from(query) }, candidates);
    };
    expect((await scores([1, 1, 0]))[0]).toBeLessThan(1 - 1e-4);
    expect((await scores([1, 0, 0], [1, 1, 0]))[0]).toBeCloseTo(1, 12);
    expect((await scores([-1, 1, 0]))[0]).toBeCloseTo(1, 12);
  });
});

describe('createReranker', () => {
  it('names each as it was asked, and says what each needs', () => {
    for (const name of plainNames) expect(createReranker(name).name).toBe(name);
    expect(rerankers.filter((name) => needsOf(name).grey)).toEqual([
      'PIXEL_EUCLIDEAN',
      'PIXEL_SSIM',
      'PIXEL_SSIM_OVER_EUCLIDEAN',
    ]);
    expect(needsOf('LEARNED_HEURISTIC').scorer).toBe('heuristic');
    expect(needsOf('LEARNED_LABELS').scorer).toBe('labels');
  });

  it.each(plainNames)('%s refuses embeddings of different lengths or greys of another size', async (name) => {
    const query = { embedding: Float32Array.of(1, 2), grey: flat(1) };
    const other = needsOf(name).grey
      ? { embedding: Float32Array.of(1, 2), grey: new Uint8Array(10), similarity: 1 }
      : { embedding: Float32Array.of(1, 2, 3), similarity: 1 };
    await expect(createReranker(name).score(query, [other])).rejects.toThrow(RangeError);
  });

  it('refuses a query without the grey rendition that it compares', async () => {
    const query = { embedding: Float32Array.of(1, 2) };
    const reranker = createReranker('PIXEL_SSIM');
    await expect(reranker.score(query, [])).rejects.toThrow(
      'Expected a grey rendition of 4096 pixels but received none',
    );
  });

  it('lets the event loop turn while it scores', async () => {
    const image = { embedding: new Float32Array(768).fill(1), grey: stripes(0, 3), similarity: 1 };
    const candidates = Array.from({ length: 4000 }, () => image);
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns++;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await createReranker('PIXEL_SSIM').score(image, candidates);
    done = true;
    expect(turns).toBeGreaterThan(3);
  });
});
