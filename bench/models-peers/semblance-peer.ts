/** Runs a model in the server's own worker on crops when it is asked to: semblance-peer.ts FOLDER THREADS. Driven by run.ts. */
import { createInterface } from 'node:readline';
import { loadManifest } from '../../src/models/manifest.js';
import { cropBytes } from '../../src/models/preprocess.js';
import { WorkerHandle } from '../../src/models/session/worker-handle.js';
import { packageVersion } from '../../src/base/paths.js';
import type { Ask } from './peer.js';

const [folder = '', threads] = process.argv.slice(2);
const manifest = await loadManifest(folder);
const worker = await new Promise<WorkerHandle>((resolve, reject) => {
  const handle: WorkerHandle = new WorkerHandle(
    { manifest, threads: Number(threads), batchImages: 1 },
    {
      ready: () => {
        resolve(handle);
      },
      exited: (end) => {
        if (end.kind !== 'closed') reject(new Error(end.reason));
      },
    },
  );
});
console.log(JSON.stringify({ version: `semblance ${packageVersion}` }));
for await (const line of createInterface({ input: process.stdin })) {
  const { images, runs } = JSON.parse(line) as Ask;
  const pattern = Uint8Array.from(
    { length: images * cropBytes(manifest.input) },
    (_, i) => 128 + 127 * Math.sin(i * 0.013),
  );
  const runsMs: number[] = [];
  const before = process.cpuUsage();
  for (let run = 0; run < runs; run += 1) {
    // A run takes its buffer away.
    const crops = pattern.slice();
    const start = performance.now();
    await worker.run(crops);
    runsMs.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ runsMs, cpuMs: (user + system) / 1000 }));
}
await worker.close();
