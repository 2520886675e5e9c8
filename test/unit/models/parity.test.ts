import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadManifest } from '../../../src/models/manifest.js';
import { catalogue, preprocessingOf } from '../../../src/models/catalogue/catalogue.js';
import { packageRoot } from '../../../src/base/paths.js';
import { drawPixels, makePng } from '../../support/make-image.js';
import { cosinesOfFiles, cosinesOfTensors, highestBetween, readParity } from '../../support/parity.js';

/** Networks of the catalogue's shapes, shrunk, with random weights: training/catalogue/parity.py. */
const folder = join(packageRoot, 'test/fixtures/parity');
const { images, models } = await readParity<{ seed: number; width: number; height: number; sha256: string }>(folder);
const files = await Promise.all(images.map(({ seed, width, height }) => makePng(seed, { width, height })));
const rows = Object.entries(models).map(([name, expected]) => ({ name, ...expected }));

/** The same formula as in the script. */
function givenTensors(count: number): Float32Array {
  const length = 3 * 224 * 224;
  return Float32Array.from({ length: count * length }, (_, at) => {
    const k = Math.floor(at / length);
    return Math.sin((at % length) * (0.011 + 0.007 * k));
  });
}

it('draws the images that PyTorch saw', () => {
  const drawn = images.map(({ seed, width, height }) =>
    createHash('sha256')
      .update(drawPixels(seed, width, height))
      .digest('hex'),
  );
  expect(drawn).toEqual(images.map(({ sha256 }) => sha256));
  expect(images).toHaveLength(10);
});

it('covers every network of the catalogue that training/catalogue can make', async () => {
  const made = await readFile(join(packageRoot, 'training/catalogue/models.py'), 'utf8');
  expect(rows.map(({ name }) => name).sort()).toEqual(
    catalogue.flatMap(({ name }) => (made.includes(`    "${name}": Known(`) ? [name] : [])).sort(),
  );
  expect(rows.length).toBeGreaterThanOrEqual(6);
});

describe.each(rows)('$name, shrunk', ({ name, embeddings, ofTensors = [] }) => {
  it('is prepared and pooled as the catalogue says', async () => {
    const { input, preprocessing, output } = await loadManifest(join(folder, name));
    const entry = catalogue.find((each) => each.name === name);
    expect(input).toEqual(entry?.input);
    expect(preprocessing).toEqual(entry && preprocessingOf(entry));
    expect(output).toEqual({ ...entry?.output, dimensions: output.dimensions });
  });

  it('answers files as PyTorch does, with the preprocessing of timm or transformers', async () => {
    const cosines = await cosinesOfFiles(join(folder, name), files, embeddings);
    expect(cosines).toHaveLength(10);
    expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.999);
    expect(highestBetween(embeddings)).toBeLessThan(0.998);
  });

  it('answers given tensors as PyTorch does', async () => {
    const cosines = await cosinesOfTensors(join(folder, name), givenTensors(ofTensors.length), ofTensors);
    expect(cosines).toHaveLength(5);
    expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.99999);
  });
});
