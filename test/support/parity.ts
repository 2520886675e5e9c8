import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { cosine } from '../../src/models/golden.js';
import { loadManifest } from '../../src/models/manifest.js';
import type { Manifest } from '../../src/models/manifest-schema.js';
import type { InputTensor } from '../../src/models/preprocess.js';
import { EmbeddingSession } from '../../src/models/session/session.js';
import { ImageDecoder } from '../../src/pixels/decode/decode.js';
import { maxImagePixels } from '../../src/base/limits.js';
import { embedImage, settledEmbedder } from './embedders.js';
import { decodeEmbedding } from './tiny-models.js';

/** expected.json of training/catalogue/parity.py. */
export interface Parity<Image> {
  readonly images: readonly Image[];
  readonly models: Readonly<
    Record<string, { readonly embeddings: readonly string[]; readonly ofTensors?: readonly string[] }>
  >;
}

export async function readParity<Image>(folder: string): Promise<Parity<Image>> {
  return JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as Parity<Image>;
}

/** Through decoder, preprocessing, worker and pooling. @returns one cosine per file */
export async function cosinesOfFiles(
  folder: string,
  files: readonly Buffer[],
  expected: readonly string[],
): Promise<readonly number[]> {
  const embedder = await settledEmbedder(folder);
  expect(embedder.state).toMatchObject({ kind: 'ready' });
  const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });
  const cosines: number[] = [];
  for (const [i, file] of files.entries()) {
    const answer = await embedImage(embedder, await decoder.decode(file, 'bulk'), 'bulk');
    cosines.push(cosine(answer, decodeEmbedding(expected[i] ?? '')));
  }
  return cosines;
}

/** Through the session and its pooling alone. @returns one cosine per tensor */
export async function cosinesOfTensors(
  folder: string,
  tensors: InputTensor,
  expected: readonly string[],
): Promise<readonly number[]> {
  const manifest: Manifest = await loadManifest(folder);
  const session = await EmbeddingSession.open(await readFile(manifest.weightsPath), manifest, 1);
  try {
    const answers = await session.run(tensors);
    const { dimensions } = manifest.output;
    expect(answers).toHaveLength(expected.length * dimensions);
    return expected.map((each, i) =>
      cosine(answers.subarray(i * dimensions, (i + 1) * dimensions), decodeEmbedding(each)),
    );
  } finally {
    await session.release();
  }
}

/** Highest cosine between two of the embeddings: near to 1, no comparison could tell one image from another. */
export function highestBetween(embeddings: readonly string[]): number {
  const decoded = embeddings.map(decodeEmbedding);
  return Math.max(...decoded.flatMap((a, i) => decoded.slice(i + 1).map((b) => cosine(a, b))));
}
