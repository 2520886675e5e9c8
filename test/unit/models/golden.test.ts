import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cosine } from '../../../src/models/golden.js';
import { defaultModel } from '../../../src/models/manifest.js';
import { ImageDecoder } from '../../../src/pixels/decode/decode.js';
import { maxImagePixels } from '../../../src/base/limits.js';
import { packageRoot } from '../../../src/base/paths.js';
import { embedImage, settledEmbedder } from '../../support/embedders.js';
import { smallModel } from '../../support/small-model.js';
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
const readGoldens = async (model: string) =>
  JSON.parse(await readFile(join(fixtures, 'golden', `${model}.json`), 'utf8')) as Goldens;
const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });
const decodeFile = async (path: string) => decoder.decode(await readFile(join(fixtures, path)), 'bulk');

describe.each([
  { model: smallModel, imagesAtLeast: 31 },
  { model: defaultModel, imagesAtLeast: 8 },
])('the bundled model $model', ({ model, imagesAtLeast }) => {
  it('is the one that the golden values were made with, and answers files as Pillow and onnxruntime do', async () => {
    const goldens = await readGoldens(model);
    const embedder = await settledEmbedder(model);
    expect(embedder.state).toMatchObject({ kind: 'ready', model: { sha256: goldens.modelSha256 } });
    const images = Object.entries(goldens.images);
    expect(images.length).toBeGreaterThanOrEqual(imagesAtLeast);
    const tooFar: string[] = [];
    for (const [name, { file, width, height, minCosine, embedding }] of images) {
      const image = await decodeFile(`images/${file}`);
      expect({ name, width: image.width, height: image.height }).toEqual({ name, width, height });
      const answer = await embedImage(embedder, image, 'bulk');
      const similarity = cosine(answer, decodeEmbedding(embedding));
      if (!(similarity >= minCosine)) tooFar.push(`${name}: ${similarity.toFixed(6)}, at least ${minCosine}`);
    }
    expect(tooFar).toEqual([]);
  });
});

describe('the small model', () => {
  it('answers the same crops as onnxruntime does', async () => {
    const { images } = await readGoldens(smallModel);
    const { pixels: crops } = await decodeFile(`golden/${smallModel}-crops.png`);
    const embedder = await settledEmbedder();
    const bytes = side * side * 3;
    const answers = await Promise.all(
      Object.values(images).map(({ cropRow }) => {
        const pixels = crops.subarray(cropRow * bytes, (cropRow + 1) * bytes);
        return embedImage(embedder, { mediaType: 'image/png', width: side, height: side, pixels }, 'bulk');
      }),
    );
    for (const [i, [name, { embedding }]] of Object.entries(images).entries()) {
      expect(cosine(answers[i] ?? [], decodeEmbedding(embedding)), name).toBeGreaterThan(0.99999);
    }
  });
});
