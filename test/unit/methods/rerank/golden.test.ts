import { describe, expect, it } from 'vitest';
import { greySidePixels } from '../../../../src/base/limits.js';
import { createReranker, needsOf } from '../../../../src/methods/rerank/create.js';
import {
  rerankers,
  type RerankCandidate,
  type RerankerName,
  type RerankImage,
  type Scorer,
} from '../../../../src/methods/rerank/reranker.js';
import { crop, draw, drawingSha256, type DrawingName } from '../../../support/drawings.js';
import { readGolden } from '../../../support/golden-values.js';

interface GoldenImage {
  readonly embedding: number[];
  readonly drawing: DrawingName;
  readonly left: number;
  readonly top: number;
}

interface Golden {
  readonly sha256: Readonly<Record<DrawingName, string>>;
  readonly query: GoldenImage;
  readonly candidates: readonly (GoldenImage & { readonly similarity: number })[];
  readonly network: Readonly<Record<'sizes' | 'inputMean' | 'inputScale' | 'parameters', number[]>>;
  readonly scores: Readonly<Record<RerankerName, (number | 'Infinity')[]>>;
}

const golden = readGolden<Golden>('rerank');

function imageOf({ embedding, drawing, left, top }: GoldenImage): RerankImage {
  return {
    embedding: Float32Array.from(embedding),
    grey: crop(draw(drawing), left, top, greySidePixels, greySidePixels),
  };
}

const query = imageOf(golden.query);
const candidates: readonly RerankCandidate[] = golden.candidates.map((candidate) => ({
  ...imageOf(candidate),
  similarity: candidate.similarity,
}));

function scorerFor(name: RerankerName): Scorer | undefined {
  const { scorer: kind } = needsOf(name);
  if (kind === undefined) return undefined;
  const { sizes, inputMean, inputScale, parameters } = golden.network;
  return {
    kind,
    network: {
      sizes,
      output: kind === 'labels' ? 'logistic' : 'linear',
      inputMean: Float32Array.from(inputMean),
      inputScale: Float32Array.from(inputScale),
      parameters: Float32Array.from(parameters),
    },
    images: 2,
    classes: 2,
    trainedAt: '2026-01-01T00:00:00.000Z',
  };
}

describe('re-rankers against NumPy and scikit-image', () => {
  it('sees the drawings that the golden values were made of', () => {
    const names = Object.keys(golden.sha256) as DrawingName[];
    expect(Object.fromEntries(names.map((name) => [name, drawingSha256(draw(name))]))).toEqual(golden.sha256);
  });

  // The network's inputs are float32 here and float64 there, scaled by about 10.
  it.each(rerankers.map((name) => [name, name.startsWith('LEARNED') ? 6 : 9] as const))(
    '%s, to %i digits',
    async (name, digits) => {
      const scores = await createReranker(name, { scorer: scorerFor(name) }).score(query, candidates);
      expect(scores).toHaveLength(candidates.length);
      for (const [index, expected] of golden.scores[name].entries()) {
        const score = scores[index] ?? NaN;
        if (expected === 'Infinity') expect(score, `candidate ${index}`).toBe(Infinity);
        else expect(score, `candidate ${index}`).toBeCloseTo(expected, digits);
      }
    },
  );

  it.each(['PIXEL_SSIM', 'PIXEL_SSIM_OVER_EUCLIDEAN'] as const)(
    '%s scores the same where it keeps prepared images, query after query',
    async (name) => {
      const afresh = await createReranker(name).score(query, candidates);
      const keeping = createReranker(name, { preparedImages: 5 });
      expect(await keeping.score(query, candidates)).toEqual(afresh);
      expect(await keeping.score(query, candidates)).toEqual(afresh);
      const reversed = await keeping.score(query, candidates.toReversed());
      expect(reversed.toReversed()).toEqual(afresh);
    },
  );
});
