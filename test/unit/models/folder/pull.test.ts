import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cosine } from '../../../../src/models/golden.js';
import { loadModelManifest } from '../../../../src/models/manifest.js';
import { findEntry } from '../../../../src/models/catalogue/catalogue.js';
import type { CatalogueEntry } from '../../../../src/models/catalogue/catalogue-entry.js';
import { assertRoom } from '../../../../src/base/disk.js';
import { Hub } from '../../../../src/models/hub/hub.js';
import type { ModelsFolder } from '../../../../src/models/folder/model-folder.js';
import { pullModel, type PullOptions, type Pulled } from '../../../../src/models/folder/pull.js';
import { verifyModel } from '../../../../src/models/folder/verify.js';
import { maxModelBytes } from '../../../../src/base/limits.js';
import { preprocessorConfig, sha256, TestHub, type HubTestFile } from '../../../support/hub.js';
import { decodeEmbedding, temporaryFolder } from '../../../support/tiny-models.js';

const fixtures = join(import.meta.dirname, '../../../fixtures/hub');
const dinov2Key = 'Xenova/dinov2-small/onnx/model_quantized.onnx';
const clipKey = 'Xenova/clip-vit-base-patch32/onnx/vision_model_quantized.onnx';
const dinov3Repo = 'onnx-community/dinov3-vits16-pretrain-lvd1689m-ONNX';
const configKey = 'Xenova/dinov2-small/preprocessor_config.json';
let dinov2: Buffer;
let clip: Buffer;
let dinov3: { readonly graph: Buffer; readonly weights: Buffer };
let goldens: Record<string, string>;
beforeAll(async () => {
  dinov2 = await readFile(join(fixtures, 'dinov2-small.onnx'));
  clip = await readFile(join(fixtures, 'clip-vision.onnx'));
  dinov3 = {
    graph: await readFile(join(fixtures, 'dinov3-small/model.onnx')),
    weights: await readFile(join(fixtures, 'dinov3-small/model.onnx_data')),
  };
  goldens = JSON.parse(await readFile(join(fixtures, 'expected.json'), 'utf8')) as Record<string, string>;
});

let server: TestHub;
let hub: Hub;
let endpoint: string;
let dataDir: string;
let models: ModelsFolder;
beforeEach(async () => {
  server = await new TestHub(
    new Map([
      [dinov2Key, { bytes: dinov2 }],
      [clipKey, { bytes: clip }],
      ['Xenova/dinov2-small/onnx/model.onnx', { bytes: dinov2 }],
      [configKey, preprocessorConfig('dinov2')],
      ['Xenova/clip-vit-base-patch32/preprocessor_config.json', preprocessorConfig('clip')],
      [`${dinov3Repo}/onnx/model.onnx`, { bytes: dinov3.graph }],
      [`${dinov3Repo}/onnx/model.onnx_data`, { bytes: dinov3.weights }],
      [`${dinov3Repo}/preprocessor_config.json`, preprocessorConfig('dinov3')],
    ]),
  ).listen();
  endpoint = server.url;
  hub = client();
  dataDir = await temporaryFolder();
  // Nobody else is there; test/integration/cli/models.test.ts has several processes.
  models = { path: join(dataDir, 'models'), acquire: () => Promise.resolve({ kind: 'held', release: () => Promise.resolve() }) };
});
afterEach(async () => {
  await hub.close();
  await server.close();
});

function client(token?: string): Hub {
  return new Hub({ endpoint, token, proxy: { http: '', https: '', no: '' } });
}

function entryOf(name: string): CatalogueEntry {
  const entry = findEntry(name);
  if (entry === undefined) throw new Error(name);
  return entry;
}

/** The entry, with size and checksum of the tiny network that the tests' own hub has under its name. */
function tinyEntry(name: string): CatalogueEntry {
  const entry = entryOf(name);
  const { source } = entry;
  if (source.kind !== 'hub') throw new Error(name);
  const stated = (bytes: Buffer) => ({ bytes: bytes.length, sha256: sha256(bytes) });
  if (source.weights !== undefined) {
    const weights = { ...source.weights, ...stated(dinov3.weights) };
    return { ...entry, source: { ...source, ...stated(dinov3.graph), weights } };
  }
  return { ...entry, source: { ...source, ...stated(source.repo.includes('clip') ? clip : dinov2) } };
}

async function lockOf(name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(models.path, name, 'model-lock.json'), 'utf8')) as Record<string, unknown>;
}

function pull(name: string, options: Partial<PullOptions> = {}): Promise<Pulled> {
  return pullModel({ entry: tinyEntry(name), models, hub, endpoint, threads: 1, retryDelayMs: 1, ...options });
}

describe('pullModel', () => {
  it.each([
    ['dinov2-small-int8', 'dinov2-small.onnx', 768],
    ['clip-vit-base-patch32-int8', 'clip-vision.onnx', 512],
  ])('installs %s with the golden embedding that Python gives', async (name, file, dimensions) => {
    const progress: number[] = [];
    const pulled = await pull(name, { onBytes: (bytes) => progress.push(bytes) });
    expect(pulled).toMatchObject({ kind: 'installed', folder: join(models.path, name) });
    expect(progress.at(-1)).toBe(pulled.bytes);
    const manifest = await loadModelManifest(name, dataDir);
    expect(manifest).toMatchObject({ name, sha256: pulled.sha256, output: { dimensions } });
    expect(cosine(manifest.golden.embedding, decodeEmbedding(goldens[file] ?? ''))).toBeGreaterThan(0.99999);
    expect(await readdir(models.path)).toEqual([name]);
  });

  it('finds a model there and asks nothing, unless it is damaged: then it is replaced', async () => {
    const { folder } = await pull('dinov2-small-int8');
    server.requests.length = 0;
    expect((await pull('dinov2-small-int8')).kind).toBe('there');
    expect(server.requests).toEqual([]);

    const weights = join(folder, 'model.onnx');
    const damaged = Buffer.from(dinov2);
    damaged.writeUInt8(damaged.readUInt8(5_000) ^ 1, 5_000);
    await writeFile(weights, damaged);
    expect(await verifyModel(folder, 1)).toBe(
      `its weights have SHA-256 ${sha256(damaged)}, the lock file states ${sha256(dinov2)}`,
    );
    await writeFile(weights, damaged.subarray(1));
    expect(await verifyModel(folder, 1)).toBe('its weights have 13385 bytes, the lock file states 13386');
    expect((await pull('dinov2-small-int8')).kind).toBe('installed');
    expect(await verifyModel(folder, 1)).toBeUndefined();
    expect(await readdir(models.path)).toEqual(['dinov2-small-int8']);
  });

  it('finds out by its golden embedding that a model answers otherwise than when it was installed', async () => {
    const { folder } = await pull('dinov2-small-int8');
    const path = join(folder, 'manifest.json');
    const manifest = JSON.parse(await readFile(path, 'utf8')) as { golden: { embedding: number[] } };
    manifest.golden.embedding.reverse();
    await writeFile(path, JSON.stringify(manifest));
    expect(await verifyModel(folder, 1)).toContain('golden tensor has cosine');
  });

  it.each<[string, Partial<HubTestFile>, string]>([
    ['another checksum', { statedSha256: 'e'.repeat(64) }, `and ${'e'.repeat(64)} is expected: it was thrown away.`],
    ['no checksum', { statedSha256: 'a-git-blob', bytes: Buffer.alloc(13_386) }, 'is expected: it was thrown away.'],
    ['more bytes than it sends', { statedBytes: 20_000 }, 'The hub states 20000 bytes for onnx/model_quantized.onnx and sends 13386'],
    ['more bytes than a model may have', { statedBytes: maxModelBytes + 1 }, `more than the ${maxModelBytes} that one model may have`],
  ])('installs nothing where the hub states %s', async (_, lie, message) => {
    server.files.set(dinov2Key, { bytes: dinov2, ...lie });
    const failure = pull('dinov2-small-int8', { accept: true });
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toMatchObject({ name: 'ConfigurationError' });
    expect(await readdir(models.path)).toEqual([]);
  });

  it('takes the checksum of the catalogue where the hub states none', async () => {
    server.files.set(dinov2Key, { bytes: dinov2, statedSha256: 'a-git-blob' });
    await pull('dinov2-small-int8');
    expect(await lockOf('dinov2-small-int8')).toMatchObject({ statedBy: ['catalogue'], sha256: sha256(dinov2) });
  });

  it('downloads nothing that is not the file the catalogue knows, and says in which facts it differs', async () => {
    const failure = pull('dinov2-small', { entry: entryOf('dinov2-small') });
    await expect(failure).rejects.toThrow(
      `dinov2-small was not pulled: the hub has another model than the catalogue knows: onnx/model.onnx has SHA-256 ${sha256(dinov2)}, and the catalogue says 83141175ec78b4ff9a2bb58a4c7c264ba0054d1c2e122e5a8114b79a8d4179ea; onnx/model.onnx has 13386 bytes, and the catalogue says 88459888. "semblance models pull dinov2-small --accept" takes it as it is`,
    );
    expect(server.ranges()).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another size', { size: { shortest_edge: 224 } }, 'resize shortest side to 224, and the catalogue says shortest side to 256'],
    ['another interpolation', { resample: 2 }, 'interpolation bilinear, and the catalogue says bicubic'],
    ['no crop', { do_center_crop: false, size: { height: 224, width: 224 } }, 'centre crop none, and the catalogue says 224x224'],
    ['another mean', { image_mean: [0.5, 0.5, 0.5] }, 'mean 0.5 0.5 0.5, and the catalogue says 0.485 0.456 0.406'],
    ['no deviation', { do_normalize: false }, 'deviation none, and the catalogue says 0.229 0.224 0.225'],
    ['other values', { rescale_factor: 1 / 127.5 }, 'factor 0.007843137, and the catalogue says 0.003921569'],
    ['an interpolation that has no name', { resample: 9 }, 'says nothing that a manifest could'],
  ])('installs nothing where the hub prepares images with %s', async (_, changed, message) => {
    server.files.set(configKey, preprocessorConfig('dinov2', changed));
    await expect(pull('dinov2-small-int8')).rejects.toThrow(message);
    expect(server.ranges()).toEqual([]);
    expect(await readdir(models.path)).toEqual([]);
  });

  it('says that the hub does not tell how images are prepared', async () => {
    server.files.delete(configKey);
    await expect(pull('dinov2-small-int8')).rejects.toThrow('preprocessor_config.json is not there, and the catalogue says how');
  });

  it('takes what the hub has where that is accepted, and records in which facts it differs', async () => {
    server.files.set(configKey, preprocessorConfig('dinov2', { size: 224, resample: 2 }));
    const seen: string[] = [];
    await pull('dinov2-small', { entry: entryOf('dinov2-small'), accept: true, onDifferences: (each) => seen.push(...each) });
    expect(seen).toHaveLength(4);
    expect(await lockOf('dinov2-small')).toMatchObject({ statedBy: ['hub'], sha256: sha256(dinov2), accepted: seen });
    expect(await loadModelManifest('dinov2-small', dataDir)).toMatchObject({
      preprocessing: { resize: { shortestEdge: 224, interpolation: 'bilinear' } },
    });
    expect(await verifyModel(join(models.path, 'dinov2-small'), 1)).toBeUndefined();
  });

  it('takes another input and another number of dimensions where that is accepted', async () => {
    const { output, ...entry } = tinyEntry('dinov2-small-int8');
    const known = { ...entry, input: { ...entry.input, name: 'image' }, output: { ...output, dimensions: 384, pooling: 'cls' } } as const;
    await expect(pull('dinov2-small-int8', { entry: known })).rejects.toThrow(
      'its input is "pixel_values" [batch, channels, height, width] (float32), and the catalogue says "image" (float32)',
    );
    const wider = { ...known, input: entry.input, output: { ...output, dimensions: 512 } };
    await expect(pull('dinov2-small-int8', { entry: wider })).rejects.toThrow(
      'its output is "last_hidden_state" [1, 257, 384] (float32), and the catalogue says 512 numbers, pooling cls+mean',
    );
    // What was downloaded for the first is there still.
    expect(server.ranges()).toHaveLength(1);
    await pull('dinov2-small-int8', { entry: known, accept: true });
    expect(await loadModelManifest('dinov2-small-int8', dataDir)).toMatchObject({
      input: { name: 'pixel_values' },
      output: { pooling: 'cls', dimensions: 384 },
    });
    expect((await lockOf('dinov2-small-int8'))['accepted']).toHaveLength(1);
  });

  it('joins a graph and its weights to one file that answers as both do in Python', async () => {
    const { bytes } = await pull('dinov3-small', { acceptLicense: true });
    const manifest = await loadModelManifest('dinov3-small', dataDir);
    expect(cosine(manifest.golden.embedding, decodeEmbedding(goldens['dinov3-small/model.onnx'] ?? ''))).toBeGreaterThan(0.99999);
    expect(await readdir(join(models.path, 'dinov3-small'))).toEqual(['manifest.json', 'model-lock.json', 'model.onnx']);
    expect(await readdir(models.path)).toEqual(['dinov3-small']);
    expect(bytes).toBeGreaterThan(dinov3.weights.length);
    expect(await lockOf('dinov3-small')).toMatchObject({
      bytes,
      sha256: manifest.sha256,
      statedBy: ['hub', 'catalogue'],
      acceptedLicense: 'DINOv3 License',
      source: {
        joined: [
          { path: 'onnx/model.onnx', sha256: sha256(dinov3.graph) },
          { path: 'onnx/model.onnx_data', sha256: sha256(dinov3.weights) },
        ],
      },
    });
    expect(await verifyModel(join(models.path, 'dinov3-small'), 1)).toBeUndefined();
  });

  it('refuses weights that are too short for their graph', async () => {
    const weights = dinov3.weights.subarray(0, 5_000);
    server.files.set(`${dinov3Repo}/onnx/model.onnx_data`, { bytes: weights });
    await expect(pull('dinov3-small', { acceptLicense: true, accept: true })).rejects.toThrow(
      'The graph cannot be joined with its weights: it takes',
    );
  });

  it('asks the hub nothing before somebody agreed to terms of the model', async () => {
    const failure = pull('dinov3-small');
    await expect(failure).rejects.toThrow(
      /^dinov3-small is under the DINOv3 License \(https:\/\/ai\.meta\.com\/.*\): .* say --accept-license if you agree\.$/,
    );
    await expect(failure).rejects.toMatchObject({ name: 'ConfigurationError' });
    expect(server.requests).toEqual([]);
  });

  it('says which token is missing or wrong, without the manual way, which would not help', async () => {
    server.token = 'hf_right';
    await expect(pull('dinov2-small-int8')).rejects.toThrow(/set HF_TOKEN to one that may read it \(it says: .*\)\.$/);
    const wrong = client('hf_wrong');
    await expect(pull('dinov2-small-int8', { hub: wrong })).rejects.toThrow('does not accept the token in HF_TOKEN');
    await wrong.close();
  });

  it('says what the hub does not have', async () => {
    server.files.delete(dinov2Key);
    await expect(pull('dinov2-small-int8')).rejects.toThrow('The hub has no onnx/model_quantized.onnx in Xenova/dinov2-small at 560a572');
  });

  it('tells the manual way where the hub cannot be reached', async () => {
    await server.close();
    await expect(pull('dinov2-small-int8')).rejects.toThrow(
      `${new URL(endpoint).host} cannot be reached: the connection is refused. Without a way to the hub, fetch ${endpoint}/Xenova/dinov2-small/resolve/`,
    );
    await server.listen();
  });

  it('refuses weights that are not what the catalogue says, and leaves no model', async () => {
    server.files.set(clipKey, { bytes: dinov2 });
    const entry = tinyEntry('clip-vit-base-patch32-int8');
    const wrong = { ...entry, source: { ...entry.source, bytes: dinov2.length, sha256: sha256(dinov2) } } as CatalogueEntry;
    await expect(pull(entry.name, { entry: wrong })).rejects.toThrow(
      'its output is "last_hidden_state" [batch, tokens, 384] (float32), and the catalogue says "image_embeds". "semblance models pull',
    );
    await expect(pull(entry.name, { entry: wrong, accept: true })).rejects.toThrow(
      'has a vector for each token: say --pooling cls, mean or cls+mean. "semblance models add" takes a file',
    );
    expect(await readdir(models.path)).toEqual(['.downloads']);
  });

  it('says how much room the disk lacks before it asks for the first byte', async () => {
    await expect(assertRoom(dataDir, Number.MAX_SAFE_INTEGER)).rejects.toThrow(/has \d+ MB left, and 9007199255 MB are needed/);
    await expect(assertRoom(dataDir, 1)).resolves.toBeUndefined();
  });
});
