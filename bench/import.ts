/**
 * Images per second of an import, against what the parts could do:
 * - for a heavy model, the same ONNX session fed ready tensors in a loop with the same threads (target: at least 0.9),
 * - for a light one, two cores divided by the CPU time of the stages measured alone (target: at least 0.8).
 * Also the event loop's delay while the import runs (target: p99 under 50 ms).
 *
 *   npm run bench:import                                            # default model, Caltech-101
 *   npm run bench:import -- --model bench/.cache/vit-b16 --images 200
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { buildApp } from '../src/app.js';
import { loadConfig } from '../src/base/config.js';
import { defaultModel } from '../src/models/manifest.js';
import { decodePixels } from '../src/pixels/decode/decode-pixels.js';
import { detectMediaType } from '../src/pixels/decode/detect.js';
import { imageIdOf, sha256Hex } from '../src/base/identity.js';
import { makeGrey } from '../src/pixels/grey.js';
import { makeThumbnail } from '../src/pixels/renditions.js';
import { greySidePixels, maxImagePixels } from '../src/base/limits.js';
import { importImages } from '../src/images/import/import-images.js';
import { dataset, imagesBelow } from './support/data.js';
import { cpuMsPerItem, machine, show } from './support/measure.js';
import { sessionLoop } from './support/session-loop.js';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    images: { type: 'string', default: '1530' },
    'stage-images': { type: 'string', default: '150' },
    concurrency: { type: 'string' },
  },
});

const files = (await imagesBelow(await dataset('caltech101'))).slice(0, Number(values.images));
const dataDir = await mkdtemp(join(tmpdir(), 'semblance-bench-'));
const config = loadConfig({
  SEMBLANCE_DATA_DIR: dataDir,
  DATABASE_URL: process.env.DATABASE_URL,
  SEMBLANCE_SCHEMA: process.env.DATABASE_URL === undefined ? undefined : `bench_${process.pid}`,
  SEMBLANCE_MODEL: values.model,
  SEMBLANCE_MODEL_THREADS: String(availableParallelism()),
});
const app = await buildApp(config);
await app.ready;

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const cpuBefore = process.cpuUsage();
const startedMs = performance.now();
const summary = await importImages({
  concurrency: values.concurrency === undefined ? undefined : Number(values.concurrency),
  sources: files.map((path) => ({ path, filename: basename(path), metadata: {}, read: () => readFile(path) })),
  target: {
    existingIds: (ids) => app.operations.existingIds(ids),
    upload: (image) => app.operations.uploadImage({ ...image, priority: 'bulk' }),
  },
});
const seconds = (performance.now() - startedMs) / 1000;
const cpu = process.cpuUsage(cpuBefore);
delay.disable();
const imagesPerSecond = summary.imported / seconds;

// The stages alone, one image after another. Inserting goes into the table as the import left it, so none is flattered.
const decode = (bytes: Buffer) => decodePixels({ bytes, mediaType: detectMediaType(bytes), maxPixels: maxImagePixels });
const sample = await Promise.all(
  files
    .filter((_, i) => i % Math.ceil(files.length / Number(values['stage-images'])) === 0)
    .map((path) => readFile(path)),
);
const decoded = await Promise.all(sample.map(decode));
// In this process, as a decoder process does it; what the way to and from that costs is part of what the ratio shows.
const decodeMs = await cpuMsPerItem(sample, decode);
const inputs = await Promise.all(decoded.map((image) => app.embedder.prepare(image, 'bulk')));
const resizeMs = await cpuMsPerItem(decoded, (image) => app.embedder.prepare(image, 'bulk'));
const thumbnailMs = await cpuMsPerItem(decoded, (image) => makeThumbnail(image));
const greyMs = await cpuMsPerItem(decoded, (image) => makeGrey(image));
const session = await sessionLoop(config);
const onnxMs = session.cpuMsPerImage;
const space = await app.store.activeSpace();
// Near the stored ones and equal to none: pgvector takes equal vectors for one node of its graph, which costs less.
const embeddings = await Promise.all(
  inputs.map(async (input) =>
    (await app.embedder.embed(input, 'bulk')).map((element) => element * (0.9 + 0.2 * Math.random())),
  ),
);
const sampled = sample.map((bytes, i) => ({ bytes, embedding: embeddings[i]! }));
const insertMs = await cpuMsPerItem(sampled, async ({ bytes, embedding }) => {
  // A byte behind the end of a JPEG changes its id and nothing else.
  const original = Buffer.concat([bytes, Buffer.from([7])]);
  const sha256 = sha256Hex(original);
  await app.store.insertImage({
    id: imageIdOf(sha256),
    sha256,
    filename: 'stage.jpg',
    mediaType: 'image/jpeg',
    width: 1,
    height: 1,
    metadata: {},
    original,
    thumbnail: Buffer.alloc(13_000),
    grey: Buffer.alloc(greySidePixels ** 2),
    embeddings: [{ spaceId: space!.id, embedding }],
  });
});
await app.close();
await rm(dataDir, { recursive: true, force: true });

const stagesMs = decodeMs + resizeMs + thumbnailMs + greyMs + onnxMs + insertMs;
const ideal = (1000 * availableParallelism()) / stagesMs;
show({
  machine: machine(),
  model: values.model ?? defaultModel,
  store: config.database.kind,
  images: `${summary.imported} in ${seconds.toFixed(1)} s, ${summary.failures.length} failed`,
  'images/s': imagesPerSecond.toFixed(1),
  'CPU ms per image while importing': ((cpu.user + cpu.system) / 1000 / summary.imported).toFixed(2),
  'event loop delay p99 (ms)': (delay.percentile(99) / 1e6).toFixed(1),
  'CPU ms per image, stages alone': `decode ${decodeMs.toFixed(2)}, resize ${resizeMs.toFixed(2)}, thumbnail ${thumbnailMs.toFixed(2)}, grey ${greyMs.toFixed(2)}, model ${onnxMs.toFixed(2)}, insert ${insertMs.toFixed(2)}`,
  'cores / sum of stages (images/s)': ideal.toFixed(1),
  'ratio to it': (imagesPerSecond / ideal).toFixed(3),
  'session alone (images/s)': session.imagesPerSecond.toFixed(1),
  'ratio to the session': (imagesPerSecond / session.imagesPerSecond).toFixed(3),
});
