/**
 * What a backfill costs the people who search meanwhile: latency of similarImages and searchByUpload, one after another, before
 * a backfill of a second space, during it and after it. Caltech-101 under the default model.
 *
 *   npm run bench:backfill                    # embedded, in a folder of its own
 *   DATABASE_URL=postgres://… npm run bench:backfill
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { buildApp } from '../src/app.js';
import { loadConfig } from '../src/base/config.js';
import { defaultModel } from '../src/models/manifest.js';
import { importImages } from '../src/images/import/import-images.js';
import { dataset, imagesBelow } from './support/data.js';
import { machine, median, quantile, show } from './support/measure.js';

const { values } = parseArgs({
  options: { images: { type: 'string', default: '1530' }, model: { type: 'string', default: defaultModel } },
});
/** What a person takes between two searches: the queues are empty when the next comes. */
const pauseMs = 20;
const quietSeconds = 15;

const files = (await imagesBelow(await dataset('caltech101'))).slice(0, Number(values.images));
const dataDir = await mkdtemp(join(tmpdir(), 'semblance-bench-'));
const config = loadConfig({
  SEMBLANCE_DATA_DIR: dataDir,
  DATABASE_URL: process.env.DATABASE_URL,
  SEMBLANCE_SCHEMA: process.env.DATABASE_URL === undefined ? undefined : `bench_${process.pid}`,
});
const app = await buildApp(config);
await app.ready;
const { operations } = app;
const ids: string[] = [];
await importImages({
  sources: files.map((path) => ({ path, filename: basename(path), metadata: {}, read: () => readFile(path) })),
  target: {
    existingIds: (known) => operations.existingIds(known),
    upload: async (image) => {
      const outcome = await operations.uploadImage({ ...image, priority: 'bulk' });
      ids.push(outcome.image.id);
      return outcome;
    },
  },
});
const uploads = await Promise.all(files.slice(0, 100).map((path) => readFile(path)));

interface Latencies {
  readonly similarMs: number[];
  readonly uploadMs: number[];
}

async function searchUntil(isOver: () => boolean): Promise<Latencies> {
  const similarMs: number[] = [];
  const uploadMs: number[] = [];
  for (let i = 0; !isOver(); i++) {
    similarMs.push(await timeOf(() => operations.similarImages({ imageId: ids[(i * 7) % ids.length]!, k: 10 })));
    await setTimeout(pauseMs);
    uploadMs.push(await timeOf(() => operations.searchByUpload({ bytes: uploads[i % uploads.length]!, k: 10 })));
    await setTimeout(pauseMs);
  }
  return { similarMs, uploadMs };
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

function forSeconds(seconds: number): () => boolean {
  const endMs = performance.now() + 1000 * seconds;
  return () => performance.now() >= endMs;
}

await searchUntil(forSeconds(3));
const before = await searchUntil(forSeconds(quietSeconds));
await operations.createSpace({ name: 'second', recipe: `@${values.model}` });
let over = false;
const startedMs = performance.now();
const backfill = operations.backfillSpace({ name: 'second' }).finally(() => (over = true));
const during = await searchUntil(() => over);
const filled = await backfill;
const backfillSeconds = (performance.now() - startedMs) / 1000;
const after = await searchUntil(forSeconds(quietSeconds));
await app.close();
await rm(dataDir, { recursive: true, force: true });

const quiet = {
  similarMs: [...before.similarMs, ...after.similarMs],
  uploadMs: [...before.uploadMs, ...after.uploadMs],
};
const p50AndP95 = (times: readonly number[]) =>
  `${median(times).toFixed(1)}, ${quantile(times, 0.95).toFixed(1)} ms (${times.length} searches)`;
const ratio = (kind: keyof Latencies) =>
  [0.5, 0.95].map((q) => (quantile(during[kind], q) / quantile(quiet[kind], q)).toFixed(2)).join(', ');
show({
  machine: machine(),
  store: config.database.kind,
  backfill: `${filled.embedded} images with ${values.model} in ${backfillSeconds.toFixed(1)} s, ${filled.missing} missing`,
  'similarImages alone: p50, p95': p50AndP95(quiet.similarMs),
  'similarImages beside it': p50AndP95(during.similarMs),
  'similarImages, ratio of p50, p95': ratio('similarMs'),
  'searchByUpload alone: p50, p95': p50AndP95(quiet.uploadMs),
  'searchByUpload beside it': p50AndP95(during.uploadMs),
  'searchByUpload, ratio of p50, p95': ratio('uploadMs'),
});
