import { readFile } from 'node:fs/promises';
import type { Config } from '../../src/base/config.js';
import { goldenTensor } from '../../src/models/golden.js';
import { loadModelManifest } from '../../src/models/manifest.js';
import { EmbeddingSession } from '../../src/models/session/session.js';

const minimumMs = 5_000;

/** What the model does at best: its session alone in this process, fed ready tensors in a loop, in the better of two batch sizes. */
export async function sessionLoop(
  config: Config,
): Promise<{ readonly imagesPerSecond: number; readonly cpuMsPerImage: number }> {
  const manifest = await loadModelManifest(config.model, config.dataDir);
  const session = await EmbeddingSession.open(await readFile(manifest.weightsPath), manifest, config.modelThreads);
  const results = [await loop(1), await loop(8)];
  await session.release();
  return results.reduce((best, result) => (result.imagesPerSecond > best.imagesPerSecond ? result : best));

  async function loop(batch: number) {
    const one = goldenTensor(manifest.input);
    const tensor =
      one instanceof Float32Array ? new Float32Array(one.length * batch) : new Uint8Array(one.length * batch);
    for (let i = 0; i < batch; i++) tensor.set(one, i * one.length);
    await session.run(tensor);
    const startedMs = performance.now();
    const cpu = process.cpuUsage();
    let images = 0;
    while (performance.now() - startedMs < minimumMs) {
      await session.run(tensor);
      images += batch;
    }
    const { user, system } = process.cpuUsage(cpu);
    return {
      imagesPerSecond: (1000 * images) / (performance.now() - startedMs),
      cpuMsPerImage: (user + system) / 1000 / images,
    };
  }
}
