import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SemblanceError } from '../base/errors.js';
import type { Dataset } from './datasets/dataset.js';
import { greySidePixels } from '../base/limits.js';
import { packageVersion } from '../base/paths.js';
import { createReranker, needsOf } from '../methods/rerank/create.js';
import { rerank } from '../methods/rerank/rerank.js';
import type { Reranker, RerankerName, RerankImage, Scorer } from '../methods/rerank/reranker.js';
import { scorerFromJson, scorerToJson } from '../methods/rerank/scorer.js';
import { trainScorer } from '../methods/rerank/train-scorer.js';
import type { ScorerKind } from '../database/store.js';
import type { OnProgress } from '../base/progress.js';
import type { Parts } from './candidates.js';
import { keyOf } from './keys.js';
import type { EvaluationImages } from './read-images.js';
import type { OpenSearch } from './run-method.js';
import type { EvaluatedSpace } from './spaces.js';
import { readKeptText } from './work-file.js';

/** Pixel statistics kept from one query to the next: 80 kB each. */
const preparedImages = 2_000;

export interface RankOptions {
  readonly reranker: Reranker;
  readonly parts: Parts;
  readonly vectors: Float32Array;
  readonly dimensions: number;
  /** Grey renditions by row, where the re-ranker compares pixels. */
  readonly greys: Uint8Array | undefined;
  readonly depth: number;
}

/** Orders candidates as the product does. */
export function rankBy({ reranker, parts, vectors, dimensions, greys, depth }: RankOptions): OpenSearch['rank'] {
  const greyBytes = greySidePixels ** 2;
  const images = new Map<number, RerankImage>();
  // One object per image: re-rankers keep what they computed of a rendition under its identity.
  const imageOf = (row: number): RerankImage => {
    const known = images.get(row);
    if (known !== undefined) return known;
    const image = {
      embedding: vectors.subarray(row * dimensions, (row + 1) * dimensions),
      grey: greys?.subarray(row * greyBytes, (row + 1) * greyBytes),
    };
    images.set(row, image);
    return image;
  };
  return async ({ query, positions, similarities }) => {
    const candidates = positions.map((position, at) => ({
      ...imageOf(parts.gallery[position]!),
      similarity: similarities[at]!,
    }));
    const ranked = await rerank({ query: imageOf(parts.queries[query]!), candidates, reranker, k: depth });
    return {
      positions: ranked.map(({ index }) => positions[index]!),
      scores: ranked.map(({ score }) => score),
    };
  };
}

/** In the order of the search, by cosine. */
export const rankBySimilarity: OpenSearch['rank'] = ({ positions, similarities }) =>
  Promise.resolve({ positions, scores: similarities });

export interface ScorerOptions {
  readonly space: EvaluatedSpace;
  readonly dataset: Dataset;
  readonly images: EvaluationImages;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** @returns the re-ranker, and what its scores depend on beside the vectors */
export async function openReranker(
  name: RerankerName,
  options: ScorerOptions,
): Promise<{ readonly reranker: Reranker; readonly key: string; readonly scorer: Scorer | undefined }> {
  const kind = needsOf(name).scorer;
  if (kind === undefined) return { reranker: createReranker(name, { preparedImages }), key: name, scorer: undefined };
  const { scorer, key } = await scorerOnce(kind, options);
  return { reranker: createReranker(name, { scorer }), key, scorer };
}

async function scorerOnce(
  kind: ScorerKind,
  { space, dataset, images, seed, signal, onProgress }: ScorerOptions,
): Promise<{ readonly scorer: Scorer; readonly key: string }> {
  if (dataset.training.length === 0) {
    throw new SemblanceError(
      'BAD_USER_INPUT',
      'A learned similarity would be trained on the images that are asked: split the classes (--split-classes), or give images for training and for testing',
    );
  }
  const rows = dataset.training.map((number) => images.rowOf.get(number)!);
  const key = keyOf(packageVersion, kind, space.key, seed, rows);
  const path = join(images.folder, `scorer-${key}.json`);
  const known = await readKeptText(path);
  if (known !== undefined) return { scorer: scorerFromJson(JSON.parse(known), space.dimensions), key };
  const vectors = await space.read();
  const scorer = await trainScorer({
    kind,
    embeddings: rows.map((row) => vectors.slice(row * space.dimensions, (row + 1) * space.dimensions)),
    labels: rows.map((row) => dataset.images[images.numbers[row]!]!.className ?? ''),
    seed,
    signal,
    onProgress: ({ stage, done, total }) => {
      onProgress({ stage: `Scorer of ${kind} for ${space.name}: ${stage}`, done, total });
    },
  });
  await mkdir(images.folder, { recursive: true });
  await writeFile(`${path}.partial`, JSON.stringify(scorerToJson(scorer)));
  await rename(`${path}.partial`, path);
  return { scorer, key };
}
