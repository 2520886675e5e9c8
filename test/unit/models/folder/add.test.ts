import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { addModel, type AddOptions } from '../../../../src/models/folder/add.js';
import { findEntry } from '../../../../src/models/catalogue/catalogue.js';
import type { ModelsFolder } from '../../../../src/models/folder/model-folder.js';
import { preprocessingPresets, presetNames } from '../../../../src/models/presets.js';
import { removeModel } from '../../../../src/models/folder/remove.js';
import { verifyModel } from '../../../../src/models/folder/verify.js';
import { temporaryFolder, tinyModelFolder, tinyModels, type LooseManifest } from '../../../support/tiny-models.js';

const dinov2 = join(import.meta.dirname, '../../../fixtures/hub/dinov2-small.onnx');
const clip = join(import.meta.dirname, '../../../fixtures/hub/clip-vision.onnx');

let models: ModelsFolder;
beforeEach(async () => {
  models = {
    path: join(await temporaryFolder(), 'models'),
    acquire: () => Promise.resolve({ kind: 'held', release: () => Promise.resolve() }),
  };
});

function add(file: string, options: Partial<AddOptions> = {}) {
  return addModel({ file, name: 'mine', models, threads: 1, hints: {}, ...options });
}

describe('addModel', () => {
  it.each(tinyModels)('finds out of %s what its manifest says, but for the pooling and how images are prepared', async (name) => {
    const folder = tinyModelFolder(name);
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as LooseManifest;
    const { pooling, prefixTokens, normalized } = manifest.output as never;
    const added = await add(join(folder, 'model.onnx'), {
      hints: { pooling, prefixTokens, normalized },
      preprocessing: manifest.input['type'] === 'uint8' ? undefined : 'half',
    });
    expect(added.input).toEqual(manifest.input);
    expect(added.output).toEqual(manifest.output);
    // The fixture's has six decimals of what Python computed.
    const golden = manifest.golden['embedding'] as number[];
    added.golden.embedding.forEach((element, i) => {
      expect(element).toBeCloseTo(golden[i] ?? NaN, 4);
    });
    expect(await verifyModel(join(models.path, 'mine'), 1)).toBeUndefined();
  });

  it('takes from the catalogue what the weights leave open', async () => {
    const added = await add(clip, { as: findEntry('clip-vit-base-patch32-int8'), accept: true });
    expect(added).toMatchObject({
      license: 'MIT',
      input: { width: 224, height: 224, layout: 'NCHW' },
      output: { name: 'image_embeds', pooling: 'none', dimensions: 512 },
    });
  });

  it('says at once everything that is missing', async () => {
    const failure = add(clip);
    await expect(failure).rejects.toThrow('say --layout NCHW or NHWC');
    await expect(failure).rejects.toThrow('say --preprocessing imagenet,');
    const sized = add(clip, { hints: { layout: 'NCHW', size: { width: 224, height: 224 } } });
    await expect(sized).rejects.toThrow('more than one output that could be its embedding');
    await expect(sized).rejects.toThrow('say --preprocessing imagenet,');
    expect(await readdir(models.path)).toEqual([]);
  });

  it.each<[string, Partial<AddOptions>, string]>([
    ['a size that the network fails on', { preprocessing: 'clip', hints: { layout: 'NCHW', size: { width: 8, height: 8 } } }, 'fails on an image of 8x8'],
    ['a file with another checksum than the catalogue knows', { as: findEntry('clip-vit-base-patch32') }, 'This is not the clip-vit-base-patch32 that the catalogue knows, or it did not arrive whole: vision_model.onnx has SHA-256 '],
    ['a model whose terms nobody agreed to', { as: findEntry('mobileclip-s0') }, 'allows non-commercial research only'],
    ['a model of other dimensions than the catalogue says', { as: findEntry('vit-base-patch16-224'), hints: { output: 'image_embeds' } }, 'vit-base-patch16-224 has 768 numbers, and this model gives 512'],
    ['the name of a bundled model', { name: 'semblance-compact' }, 'semblance-compact is bundled'],
    ['a name that leads elsewhere', { name: '../up' }, "cannot be a model's name"],
  ])('refuses %s', async (_, options, message) => {
    await expect(add(clip, options)).rejects.toThrow(message);
    expect(await readdir(models.path).catch(() => [])).toEqual([]);
  });

  it('joins a graph with the weights that lie beside it, and asks for them where they do not', async () => {
    const folder = join(import.meta.dirname, '../../../fixtures/hub/dinov3-small');
    const graph = join(folder, 'model.onnx');
    const entry = findEntry('dinov3-small');
    if (entry?.source.kind !== 'hub') throw new Error('dinov3-small');
    const sha256 = createHash('sha256').update(await readFile(graph)).digest('hex');
    const as = { ...entry, source: { ...entry.source, sha256 } };
    const added = await add(graph, { as, accept: true, acceptLicense: true });
    expect(added).toMatchObject({ license: 'DINOv3 License', output: { pooling: 'cls+mean', dimensions: 768, prefixTokens: 5 } });
    expect(await verifyModel(join(models.path, 'mine'), 1)).toBeUndefined();

    const alone = join(await temporaryFolder(), 'model.onnx');
    await copyFile(graph, alone);
    await expect(add(alone, { as, name: 'alone', acceptLicense: true })).rejects.toThrow('model.onnx_data must lie beside it');
  });

  it('refuses bytes that are prepared twice, and what is no model', async () => {
    const uint8 = join(tinyModelFolder('nhwc-uint8-cls'), 'model.onnx');
    await expect(add(uint8, { preprocessing: 'imagenet', hints: { pooling: 'cls' } })).rejects.toThrow(
      'is uint8 and takes bytes as they are: --preprocessing imagenet does not go with it',
    );
    const notes = join(await temporaryFolder(), 'notes.onnx');
    await writeFile(notes, 'none');
    await expect(add(notes, { preprocessing: 'unit' })).rejects.toThrow('ONNX Runtime cannot load the weights');
    await expect(add(`${notes}.missing`)).rejects.toThrow('cannot be read (ENOENT)');
    expect(await readdir(models.path)).toEqual([]);
  });

  it.each(presetNames.filter((name) => name !== 'bytes'))('installs a model whose images are prepared as %s says', async (preprocessing) => {
    const added = await add(join(tinyModelFolder('nhwc-float32-cls-mean'), 'model.onnx'), { preprocessing, hints: { pooling: 'cls' } });
    expect(added.preprocessing).toEqual(preprocessingPresets[preprocessing].make({ width: 24, height: 16 }));
  });

  it('keeps a file of its own, and a model that is there', async () => {
    const file = join(await temporaryFolder(), 'dinov2.onnx');
    await copyFile(dinov2, file);
    const as = findEntry('dinov2-small-int8');
    await add(file, { as, accept: true });
    await writeFile(file, 'overwritten');
    expect(await verifyModel(join(models.path, 'mine'), 1)).toBeUndefined();
    await expect(add(dinov2, { as, accept: true })).rejects.toThrow('There is a model mine already');
    expect(await removeModel(models, 'mine', {})).toBe(true);
    expect(await readdir(models.path)).toEqual([]);
    await expect(removeModel(models, 'mine', {})).rejects.toThrow('There is no model mine to remove: none is installed.');
  });
});
