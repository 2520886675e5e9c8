/**
 * Runs a model by @huggingface/transformers on ready tensors when it is asked to:
 * node transformers-peer.mjs FOLDER THREADS WIDTH HEIGHT. The folder has config.json and onnx/model.onnx. Driven by run.ts.
 */
import console from 'node:console';
import { basename, dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { AutoModel, env, Tensor } from '@huggingface/transformers';

const [folder, threads, width, height] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);
const model = await AutoModel.from_pretrained(basename(folder), {
  dtype: 'fp32',
  device: 'cpu',
  session_options: { intraOpNumThreads: Number(threads) },
});
console.log(JSON.stringify({ version: `@huggingface/transformers ${env.version}` }));
for await (const line of createInterface({ input: process.stdin })) {
  const { images, runs } = JSON.parse(line);
  const dims = [images, 3, Number(height), Number(width)];
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * 0.013));
  const pixel_values = new Tensor('float32', data, dims);
  const runsMs = [];
  const before = process.cpuUsage();
  for (let run = 0; run < runs; run += 1) {
    const start = performance.now();
    await model({ pixel_values });
    runsMs.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ runsMs, cpuMs: (user + system) / 1000 }));
}
