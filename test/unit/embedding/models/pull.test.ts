import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cosine } from '../../../../src/embedding/golden.js';
import { loadModelManifest } from '../../../../src/embedding/manifest.js';
import { findEntry, type CatalogueEntry } from '../../../../src/embedding/models/catalogue.js';
import { assertRoom } from '../../../../src/embedding/models/disk.js';
import { Hub } from '../../../../src/embedding/models/hub.js';
import type { ModelsFolder } from '../../../../src/embedding/models/model-folder.js';
import { pullModel, type PullOptions, type Pulled } from '../../../../src/embedding/models/pull.js';
import { verifyModel } from '../../../../src/embedding/models/verify.js';
import { maxModelBytes } from '../../../../src/limits.js';
import { sha256, TestHub, type HubTestFile } from '../../../support/hub.js';
import { decodeEmbedding, temporaryFolder } from '../../../support/tiny-models.js';

const fixtures = join(import.meta.dirname, '../../../fixtures/hub');
const dinov2Key = 'Xenova/dinov2-small/onnx/model_quantized.onnx';
const clipKey = 'Xenova/clip-vit-base-patch32/onnx/vision_model_quantized.onnx';
let dinov2: Buffer;
let clip: Buffer;
let goldens: Record<string, string>;
beforeAll(async () => {
  dinov2 = await readFile(join(fixtures, 'dinov2-small.onnx'));
  clip = await readFile(join(fixtures, 'clip-vision.onnx'));
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

function pull(name: string, options: Partial<PullOptions> = {}): Promise<Pulled> {
  return pullModel({ entry: entryOf(name), models, hub, endpoint, threads: 1, retryDelayMs: 1, ...options });
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
    ['no checksum', { statedSha256: 'a-git-blob' }, 'The hub states no SHA-256 of onnx/model_quantized.onnx'],
    ['more bytes than it sends', { statedBytes: 20_000 }, 'The hub states 20000 bytes for onnx/model_quantized.onnx and sends 13386'],
    ['more bytes than a model may have', { statedBytes: maxModelBytes + 1 }, `more than the ${maxModelBytes} that one model may have`],
  ])('installs nothing where the hub states %s', async (_, lie, message) => {
    server.files.set(dinov2Key, { bytes: dinov2, ...lie });
    const failure = pull('dinov2-small-int8');
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toMatchObject({ name: 'ConfigurationError' });
    expect(await readdir(models.path)).toEqual([]);
  });

  it('downloads nothing that is not the file the catalogue knows', async () => {
    await expect(pull('dinov2-small')).rejects.toThrow(`The hub states SHA-256 ${sha256(dinov2)}`);
    expect(server.ranges()).toEqual([]);
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
    await expect(pull('clip-vit-base-patch32-int8')).rejects.toThrow('"image_embeds" is not among them');
    expect(await readdir(models.path)).toEqual(['.downloads']);
  });

  it('says how much room the disk lacks before it asks for the first byte', async () => {
    await expect(assertRoom(dataDir, Number.MAX_SAFE_INTEGER)).rejects.toThrow(/has \d+ MB left, and 9007199255 MB are needed/);
    await expect(assertRoom(dataDir, 1)).resolves.toBeUndefined();
  });
});
