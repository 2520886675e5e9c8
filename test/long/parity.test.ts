import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/paths.js';
import { cosinesOfFiles, cosinesOfTensors, highestBetween, readParity } from '../support/parity.js';

/** Whole networks with random weights on photographs; they take 1.7 GB, so they are made where they are wanted. */
const folder = join(packageRoot, 'bench/.cache/parity');
if (!existsSync(join(folder, 'expected.json'))) {
  throw new Error(
    'bench/.cache/parity is missing. Make it (1.7 GB) with "python training/catalogue/parity.py whole bench/.cache/parity --images <folder of photographs>"; training/README.md says how to install what that needs.',
  );
}
const { images, models } = await readParity<string>(folder);
const files = await Promise.all(images.map((name) => readFile(join(folder, 'images', name))));
const rows = Object.entries(models).map(([name, { embeddings }]) => ({ name, embeddings }));

describe.each(rows)('$name', ({ name, embeddings }) => {
  it('answers photographs as PyTorch does, with the preprocessing of timm or transformers', async () => {
    const cosines = await cosinesOfFiles(join(folder, name), files, embeddings);
    console.log(`${name}, files: cosines ${cosines.map((each) => each.toFixed(6)).join(' ')}`);
    expect(cosines).toHaveLength(10);
    expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.999);
    expect(highestBetween(embeddings)).toBeLessThan(0.998);
  });

  it('answers given tensors as PyTorch does', async () => {
    const bytes = await readFile(join(folder, name, 'tensors.f32'));
    const tensors = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const cosines = await cosinesOfTensors(join(folder, name), tensors, embeddings);
    console.log(`${name}, tensors: lowest cosine ${Math.min(...cosines).toFixed(8)}`);
    expect(cosines).toHaveLength(10);
    expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.99999);
  });
});
