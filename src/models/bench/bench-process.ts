/** Runs one model in one configuration, answers how that went, and exits. Driven by `measure`. */
import { performance } from 'node:perf_hooks';
import { messageOf } from '../../base/errors.js';
import { createTensorMaker, cropBytes } from '../preprocess.js';
import { EmbeddingSession } from '../session/session.js';
import { readVerified } from '../verified-weights.js';
import type { BenchAnswer, BenchStart } from './messages.js';

const warmUpRuns = 2;
const minRuns = 3;
const maxRuns = 10_000;

process.once('message', (start: BenchStart) => {
  void answer(start).then((result) => {
    if (!process.connected) return;
    process.send?.(result, undefined, undefined, () => {
      if (process.connected) process.disconnect();
    });
  });
});

async function answer(start: BenchStart): Promise<BenchAnswer> {
  try {
    return await measure(start);
  } catch (error) {
    return { kind: 'failed', reason: messageOf(error) };
  }
}

async function measure({ manifest, threads, batchImages, measureMs }: BenchStart): Promise<BenchAnswer> {
  const session = await EmbeddingSession.open(await readVerified(manifest), manifest, threads);
  const toTensor = createTensorMaker(manifest, batchImages);
  const crops = Uint8Array.from(
    { length: batchImages * cropBytes(manifest.input) },
    (_, i) => 128 + 127 * Math.sin(i * 0.013),
  );
  const run = async (): Promise<number> => {
    const startedAt = performance.now();
    await session.run(toTensor(crops));
    return performance.now() - startedAt;
  };
  for (let i = 0; i < warmUpRuns; i += 1) await run();
  const runsMs: number[] = [];
  const endAt = performance.now() + measureMs;
  while (runsMs.length < minRuns || (performance.now() < endAt && runsMs.length < maxRuns)) runsMs.push(await run());
  const residentBytes = process.memoryUsage.rss();
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  await session.release();
  return { kind: 'measured', runsMs, residentBytes, peakBytes };
}
