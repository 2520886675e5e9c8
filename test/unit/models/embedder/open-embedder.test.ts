import { once } from 'node:events';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { spawn } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cosine } from '../../../../src/models/golden.js';
import { openEmbedder } from '../../../../src/models/embedder/open-embedder.js';
import { bundledModelsFolder, packageRoot } from '../../../../src/base/paths.js';
import type { DecodedImage } from '../../../../src/pixels/decode/decoded-image.js';
import { embedImage, settledEmbedder } from '../../../support/embedders.js';
import {
  alteredModel,
  patternImage,
  readExpected,
  temporaryFolder,
  tinyModelFolder,
  tinyModels,
  tinySize,
  type LooseManifest,
  type TinyModel,
} from '../../../support/tiny-models.js';

const dimensions: Readonly<Record<TinyModel, number>> = {
  'nchw-float32-pooled': 48,
  'nhwc-uint8-cls': 64,
  'nchw-uint8-mean': 768,
  'nhwc-float32-cls-mean': 768,
  'nchw-float32-registers': 32,
  'nchw-float32-convolutional': 40,
  'nchw-float32-wide': 1024,
};

const black: DecodedImage = {
  mediaType: 'image/png',
  ...tinySize,
  pixels: new Uint8Array(tinySize.width * tinySize.height * 3),
};

describe('openEmbedder', () => {
  it('returns while the model loads, and refuses work until it is ready', async () => {
    const embedder = openEmbedder({ model: undefined, dataDir: bundledModelsFolder, threads: 1 });
    onTestFinished(() => embedder.close());
    expect(embedder.state).toEqual({ kind: 'loading' });
    await expect(embedImage(embedder, black, 'query')).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: 'The model is still loading',
    });
    await embedder.settled;
    const { sha256 } = JSON.parse(
      await readFile(join(bundledModelsFolder, 'semblance-hybrid/manifest.json'), 'utf8'),
    ) as { sha256: string };
    expect(embedder.state).toMatchObject({
      kind: 'ready',
      model: { name: 'semblance-hybrid', sha256, dimensions: 768 },
    });
  });

  it.each(tinyModels)('answers as Python does: %s', async (name) => {
    const embedder = await settledEmbedder(tinyModelFolder(name));
    expect(embedder.state).toMatchObject({
      kind: 'ready',
      model: { name: `tiny-${name}`, dimensions: dimensions[name] },
    });
    const expected = await readExpected(name);
    const together = await Promise.all(expected.map((_, image) => embedImage(embedder, patternImage(image), 'bulk')));
    for (const [image, embedding] of together.entries()) {
      expect(embedding).toHaveLength(dimensions[name]);
      expect(cosine(embedding, expected[image] ?? [])).toBeGreaterThan(0.99999);
      expect(cosine(await embedImage(embedder, patternImage(image), 'query'), embedding)).toBeGreaterThan(0.999999);
    }
    // Or the comparison above could not tell one image from another.
    expect(cosine(together[0] ?? [], together[1] ?? [])).toBeLessThan(0.99);
  });

  it.each(['nchw-float32-pooled', 'nchw-uint8-mean'] as const)(
    'refuses an image without a direction: %s',
    async (name) => {
      const embedder = await settledEmbedder(tinyModelFolder(name));
      await expect(embedImage(embedder, black, 'bulk')).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
      await embedImage(embedder, patternImage(0), 'bulk');
    },
  );
});

/** [what is wrong, the model's folder, the reason] */
const failures: readonly [string, () => Promise<string>, RegExp][] = [
  ['no such folder', () => Promise.resolve('nowhere'), /Model "nowhere" was not found/],
  [
    'malformed manifest',
    () => alter('nhwc-uint8-cls', ({ output }) => (output.dimensions = 5000)),
    /for output.dimensions but received 5000/,
  ],
  ['other checksum', damagedWeights, /^The weights have SHA-256 [0-9a-f]{64}, the manifest says [0-9a-f]{64}$/],
  [
    'weights that are no model',
    () => alteredModel('nhwc-uint8-cls', () => undefined, Buffer.from('not a model')),
    /^ONNX Runtime cannot load the weights/,
  ],
  ['truncated weights', truncatedWeights, /^ONNX Runtime cannot load the weights/],
  [
    'other input name',
    () => alter('nhwc-uint8-cls', ({ input }) => (input.name = 'x')),
    /^The model's input is "pixels", not "x"$/,
  ],
  [
    'other output name',
    () => alter('nhwc-uint8-cls', ({ output }) => (output.name = 'y')),
    /^The model's outputs are "features"; "y" is not among them$/,
  ],
  [
    'other input type',
    () => alter('nhwc-float32-cls-mean', asUint8),
    /^The model's input is float32, the manifest says uint8$/,
  ],
  [
    'other layout',
    () => alter('nchw-float32-pooled', asInterleaved),
    /^The model's input "pixels" has shape \[batch, 3, 16, 24\], the manifest says \[n, 16, 24, 3\]$/,
  ],
  [
    'other size',
    () => alter('nchw-float32-pooled', asSquare),
    /has shape \[batch, 3, 16, 24\], the manifest says \[n, 3, 16, 16\]$/,
  ],
  [
    'tokens where none are stated',
    () => alter('nhwc-uint8-cls', ({ output }) => (output.pooling = 'none')),
    /^The model's output "features" has shape \[1, 7, 64\], the manifest says \[n, 64\]$/,
  ],
  [
    'fewer dimensions',
    () => alter('nchw-float32-pooled', cutTo(32)),
    /^The model's output "features" has shape \[batch, 48\], the manifest says \[n, 32\]$/,
  ],
  [
    'no token behind the prefix',
    () => alter('nchw-float32-registers', ({ output }) => (output.prefixTokens = 9)),
    /^The model's output "features" has shape \[1, 9, 32\]/,
  ],
  [
    'other golden embedding',
    () => alter('nchw-float32-pooled', ({ golden }) => (golden.embedding as number[]).reverse()),
    /^The model's answer to the golden tensor has cosine -?0\.\d{6} to the manifest's golden embedding, expected more than 0\.999$/,
  ],
  [
    'other pooling',
    () => alter('nchw-float32-registers', ({ output }) => ((output.pooling = 'cls'), delete output.prefixTokens)),
    /^The model's answer to the golden tensor/,
  ],
  [
    'golden embedding of zeros',
    () => alter('nhwc-uint8-cls', ({ golden }) => (golden.embedding = Array<number>(64).fill(0))),
    /has cosine NaN/,
  ],
];

const alter = (name: TinyModel, change: (manifest: LooseManifest) => unknown) =>
  alteredModel(name, (manifest) => {
    change(manifest);
  });

async function damagedWeights(): Promise<string> {
  const folder = await alter('nhwc-uint8-cls', () => undefined);
  await appendFile(join(folder, 'model.onnx'), Uint8Array.of(0));
  return folder;
}

async function truncatedWeights(): Promise<string> {
  const weights = await readFile(join(tinyModelFolder('nhwc-uint8-cls'), 'model.onnx'));
  return alteredModel('nhwc-uint8-cls', () => undefined, weights.subarray(0, weights.length / 2));
}

function asUint8({ input, preprocessing, golden }: LooseManifest): void {
  input.type = 'uint8';
  for (const field of ['rescale', 'mean', 'std']) Reflect.deleteProperty(preprocessing, field);
  golden.tensor = 'element i of the flat input (H, W, C order) is Math.floor(128 + 127 * Math.sin(i * 0.013)) as uint8';
}

function asInterleaved({ input, golden }: LooseManifest): void {
  input.layout = 'NHWC';
  golden.tensor = 'element i of the flat input (H, W, C order) is Math.sin(i * 0.013) as float32';
}

function asSquare({ input, preprocessing }: LooseManifest): void {
  input.width = 16;
  preprocessing.centerCrop = { width: 16, height: 16 };
}

function cutTo(count: number) {
  return ({ output, golden }: LooseManifest) => {
    output.dimensions = count;
    golden.embedding = (golden.embedding as number[]).slice(0, count);
  };
}

describe('a model that cannot serve', () => {
  it.each(failures)('%s: failed with the reason, and what mends it', async (what, make, reason) => {
    const embedder = await settledEmbedder(await make());
    expect(embedder.state).toEqual({
      kind: 'failed',
      reason: expect.stringMatching(reason) as string,
      remedy: what === 'no such folder' ? undefined : 'put its files back as they were',
    });
    await expect(embedImage(embedder, patternImage(0), 'query')).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: 'The model is not available',
    });
  });

  it('waits for a name that comes later', async () => {
    const embedder = openEmbedder({ model: Promise.reject(new Error('no database')), dataDir: '.', threads: 1 });
    await embedder.settled;
    expect(embedder.state).toEqual({ kind: 'failed', reason: 'no database' });
    await embedder.close();
  });
});

describe('the queue', () => {
  it('lets a query overtake the bulk items that wait', async () => {
    const embedder = await settledEmbedder();
    const events: string[] = [];
    const bulk = Array.from({ length: 200 }, async (_, i) => {
      await embedImage(embedder, patternImage(i, { width: 64, height: 64 }), 'bulk');
      events.push('bulk');
    });
    await bulk[0];
    await embedImage(embedder, patternImage(0, { width: 64, height: 64 }), 'query');
    events.push('query');
    await Promise.all(bulk);
    expect(events).toHaveLength(201);
    expect(events.indexOf('query')).toBeLessThan(100);
  });

  it('refuses more than it holds, and embeds what it took', async () => {
    const embedder = await settledEmbedder();
    const image = patternImage(0, { width: 64, height: 64 });
    const results = await Promise.allSettled(Array.from({ length: 1000 }, () => embedImage(embedder, image, 'bulk')));
    const codes = results.flatMap((result) =>
      result.status === 'rejected' ? [(result.reason as { code: string }).code] : [],
    );
    expect(new Set(codes)).toEqual(new Set(['OVERLOADED']));
    expect(results.length - codes.length).toBeGreaterThanOrEqual(256);
  });

  it('rejects with the reason of an abort', async () => {
    const embedder = await settledEmbedder(tinyModelFolder('nhwc-uint8-cls'));
    const controller = new AbortController();
    const embedding = embedImage(embedder, patternImage(0), 'query', controller.signal);
    controller.abort(new Error('gone'));
    await expect(embedding).rejects.toThrow('gone');
  });
});

describe('the worker', () => {
  it('answers pending work with MODEL_UNAVAILABLE when it dies, and comes back', async () => {
    const started: Worker[] = [];
    const onWorker = (worker: Worker) => started.push(worker);
    process.on('worker', onWorker);
    onTestFinished(() => {
      process.off('worker', onWorker);
    });
    const embedder = await settledEmbedder();
    const image = patternImage(0, { width: 64, height: 64 });
    const before = await embedImage(embedder, image, 'bulk');

    const pending = Array.from({ length: 200 }, () => embedImage(embedder, image, 'bulk'));
    await pending[0];
    // No message of the protocol: an error that the worker does not expect.
    started[0]?.postMessage(null);
    const codes = (await Promise.allSettled(pending)).flatMap((result) =>
      result.status === 'rejected' ? [(result.reason as { code: string }).code] : [],
    );
    expect(new Set(codes)).toEqual(new Set(['MODEL_UNAVAILABLE']));
    expect(embedder.state).toEqual({ kind: 'failed', reason: expect.stringContaining('is started again') as string });

    await expect.poll(() => embedder.state.kind).toBe('ready');
    expect(await embedImage(embedder, image, 'bulk')).toEqual(before);
    expect(started).toHaveLength(2);
  });

  it('comes back after being terminated', async () => {
    const started: Worker[] = [];
    const onWorker = (worker: Worker) => started.push(worker);
    process.on('worker', onWorker);
    onTestFinished(() => {
      process.off('worker', onWorker);
    });
    const embedder = await settledEmbedder(tinyModelFolder('nhwc-uint8-cls'));
    await started[0]?.terminate();
    await expect(embedImage(embedder, patternImage(0), 'query')).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    await expect.poll(() => embedder.state.kind).toBe('ready');
    await embedImage(embedder, patternImage(0), 'query');
  });

  it('finishes the running batch and refuses the rest when it is closed', async () => {
    const embedder = await settledEmbedder();
    const image = patternImage(0, { width: 64, height: 64 });
    const pending = Array.from({ length: 100 }, () => embedImage(embedder, image, 'bulk'));
    const settled = Promise.allSettled(pending);
    await pending[0];
    await embedder.close();
    expect(embedder.state).toEqual({ kind: 'closed' });
    const results = await settled;
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(100);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    await expect(embedImage(embedder, image, 'bulk')).rejects.toMatchObject({ message: 'The server is shutting down' });
  });

  it.each(['while it loads', 'during a run'])('closes %s without aborting the process', async (when) => {
    const program = `
      import { openEmbedder } from ${JSON.stringify(join(packageRoot, 'dist/models/embedder/open-embedder.js'))};
      const embedder = openEmbedder({ model: 'semblance-compact', dataDir: '.', threads: 2 });
      if (${when === 'during a run'}) {
        await embedder.settled;
        const image = { mediaType: 'image/png', width: 64, height: 64, pixels: new Uint8Array(64 * 64 * 3).fill(90) };
        const input = await embedder.prepare(image, 'bulk');
        const all = Array.from({ length: 64 }, () => embedder.embed(input, 'bulk'));
        for (const embedding of all) embedding.catch(() => undefined);
        await all[0];
        // Into the middle of the next run, where terminate() or exit() would abort the process.
        await new Promise((resolve) => setTimeout(resolve, 10));
      } else {
        await new Promise((resolve) => process.once('worker', resolve));
        if (embedder.state.kind !== 'loading') throw new Error(embedder.state.kind);
      }
      await embedder.close();
      console.log('closed');
      process.exit(0);`;
    // A file, for a worker thread inherits --input-type and refuses it.
    const file = join(await temporaryFolder(), 'program.mjs');
    await writeFile(file, program);
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(output).toBe('closed\n');
  });
});
