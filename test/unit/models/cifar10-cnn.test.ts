import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cosine } from '../../../src/models/golden.js';
import { loadModelManifest } from '../../../src/models/manifest.js';
import { bundledModelsFolder, packageRoot } from '../../../src/base/paths.js';
import { embedImage, settledEmbedder } from '../../support/embedders.js';
import { decodeEmbedding, patternImage } from '../../support/tiny-models.js';

const folder = join(packageRoot, 'bench/models/cifar10-cnn');
const size = { width: 32, height: 32 };

describe("the CIFAR-10 experiment's convolutional network", () => {
  it('has a manifest by which it is found at its path', async () => {
    const manifest = await loadModelManifest(folder, bundledModelsFolder);
    expect(manifest).toMatchObject({ name: 'cifar10-cnn', input: size, output: { dimensions: 256, pooling: 'none' } });
  });

  it('answers as PyTorch does', async () => {
    const { modelSha256, embeddings } = JSON.parse(
      await readFile(join(packageRoot, 'test/fixtures/golden/cifar10-cnn.json'), 'utf8'),
    ) as { modelSha256: string; embeddings: string[] };
    const embedder = await settledEmbedder(folder);
    expect(embedder.state).toMatchObject({ kind: 'ready', model: { sha256: modelSha256 } });
    const expected = embeddings.map(decodeEmbedding);
    for (const [image, embedding] of expected.entries()) {
      expect(cosine(await embedImage(embedder, patternImage(image, size), 'query'), embedding)).toBeGreaterThan(0.9999);
    }
    // Or the comparison above could not tell one image from another.
    expect(cosine(expected[0] ?? [], expected[1] ?? [])).toBeLessThan(0.99);
  });
});
