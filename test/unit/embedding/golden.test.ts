import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cosine } from '../../../src/embedding/golden.js';
import { ImageDecoder } from '../../../src/image/decode.js';
import { maxImagePixels } from '../../../src/limits.js';
import { packageRoot } from '../../../src/paths.js';
import { embedImage, settledEmbedder } from '../../support/embedders.js';
import { decodeEmbedding } from '../../support/tiny-models.js';

/** See test/fixtures/golden/README.md. */
interface Goldens {
  readonly modelSha256: string;
  readonly images: Readonly<
    Record<
      string,
      {
        readonly file: string;
        readonly width: number;
        readonly height: number;
        readonly cropRow: number;
        readonly minCosine: number;
        readonly embedding: string;
      }
    >
  >;
}

const fixtures = join(packageRoot, 'test', 'fixtures');
const side = 64;
const goldens = JSON.parse(await readFile(join(fixtures, 'golden', 'semblance-compact.json'), 'utf8')) as Goldens;
const images = Object.entries(goldens.images).map(([name, golden]) => ({ name, ...golden }));
const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });
const decodeFile = async (path: string) => decoder.decode(await readFile(join(fixtures, path)), 'bulk');

let crops: Uint8Array;
beforeAll(async () => {
  crops = (await decodeFile('golden/semblance-compact-crops.png')).pixels;
});

describe('the bundled model', () => {
  it('is the one that the golden values were made with', async () => {
    const embedder = await settledEmbedder();
    expect(embedder.state).toMatchObject({ kind: 'ready', model: { sha256: goldens.modelSha256 } });
    expect(images.length).toBeGreaterThan(30);
  });

  it('answers files as Pillow and onnxruntime do', async () => {
    const embedder = await settledEmbedder();
    const tooFar: string[] = [];
    for (const { name, file, width, height, minCosine, embedding } of images) {
      const image = await decodeFile(`images/${file}`);
      expect({ name, width: image.width, height: image.height }).toEqual({ name, width, height });
      const answer = await embedImage(embedder, image, 'bulk');
      const similarity = cosine(answer, decodeEmbedding(embedding));
      if (!(similarity >= minCosine)) tooFar.push(`${name}: ${similarity.toFixed(6)}, at least ${minCosine}`);
    }
    expect(tooFar).toEqual([]);
  });

  it('answers the same crops as onnxruntime does', async () => {
    const embedder = await settledEmbedder();
    const bytes = side * side * 3;
    const answers = await Promise.all(
      images.map(({ cropRow }) => {
        const pixels = crops.subarray(cropRow * bytes, (cropRow + 1) * bytes);
        return embedImage(embedder, { mediaType: 'image/png', width: side, height: side, pixels }, 'bulk');
      }),
    );
    for (const [i, { name, embedding }] of images.entries()) {
      expect(cosine(answers[i] ?? [], decodeEmbedding(embedding)), name).toBeGreaterThan(0.99999);
    }
  });
});
