import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { goldenTensor } from '../../../../src/models/golden.js';
import { loadModelManifest } from '../../../../src/models/manifest.js';
import { EmbeddingSession } from '../../../../src/models/session/session.js';
import { bundledModelsFolder, packageRoot } from '../../../../src/base/paths.js';
import { settledEmbedder } from '../../../support/embedders.js';
import { patternImage, temporaryFolder } from '../../../support/tiny-models.js';

const image = patternImage(0, { width: 64, height: 64 });

async function openBundled(threads: number): Promise<{ readonly run: () => Promise<unknown> }> {
  const manifest = await loadModelManifest('semblance-compact', bundledModelsFolder);
  const session = await EmbeddingSession.open(await readFile(manifest.weightsPath), manifest, threads);
  onTestFinished(() => session.release());
  const tensor = goldenTensor(manifest.input);
  return { run: () => session.run(tensor) };
}

/** Of the process and all its threads, in microseconds. */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

describe('ONNX Runtime', () => {
  it('leaves the processors alone between two runs', async () => {
    const { run } = await openBundled(2);
    let running = 0;
    let idle = 0;
    for (let round = 0; round < 20; round++) {
      running += await cpuOf(run);
      idle += await cpuOf(() => setTimeout(50));
    }
    // Spinning threads take about as much again; seen: a thirtieth without.
    expect(idle).toBeLessThan(running / 2);
  });

  it('holds the event loop up while it runs, and a worker does not', async () => {
    const turnsDuring = async (work: () => Promise<unknown>): Promise<number> => {
      const progress = { ended: false, turns: 0 };
      const working = work().finally(() => {
        progress.ended = true;
      });
      while (!progress.ended) {
        await setImmediate();
        progress.turns += 1;
      }
      await working;
      return progress.turns;
    };
    /** Of several: on a busy machine a run may end before this thread had a turn. */
    const mostTurnsDuring = async (work: () => Promise<unknown>): Promise<number> => {
      let most = 0;
      for (let round = 0; round < 20; round++) most = Math.max(most, await turnsDuring(work));
      return most;
    };
    const { run } = await openBundled(1);
    // One to begin in, and one to answer in.
    expect(await mostTurnsDuring(run)).toBeLessThan(5);
    const embedder = await settledEmbedder();
    const input = await embedder.prepare(image, 'query');
    expect(await mostTurnsDuring(() => embedder.embed(input, 'query'))).toBeGreaterThan(20);
  });

  it('writes and sends nothing about its use', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'program.mjs');
    await writeFile(
      file,
      `import { openEmbedder } from ${JSON.stringify(join(packageRoot, 'dist/models/embedder/open-embedder.js'))};
      const embedder = openEmbedder({ model: 'semblance-compact', dataDir: '.', threads: 1 });
      await embedder.settled;
      if (embedder.state.kind !== 'ready') throw new Error(embedder.state.reason);
      await embedder.close();`,
    );
    const temporary = await mkdtemp(join(folder, 'tmp-'));
    const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
    const child = spawn(process.execPath, [file], { stdio: 'inherit', env: { ...env, TMPDIR: temporary } });
    expect(await once(child, 'close')).toEqual([0, null]);
    // Where it reports, it leaves its session and a log there.
    expect(await readdir(temporary)).toEqual([]);
  });
});
