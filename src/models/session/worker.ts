/** The thread that holds a model: `run` of onnxruntime-node blocks the thread that calls it. Driven by WorkerHandle. */
import { performance } from 'node:perf_hooks';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { messageOf } from '../../base/errors.js';
import { maxEmbeddingBatch, minGoldenCosine, modelRunTargetMs } from '../../base/limits.js';
import { settle } from '../../base/concurrency/threads.js';
import { cosine, goldenTensor } from '../golden.js';
import type { Manifest } from '../manifest-schema.js';
import type { FromWorker, ToWorker, WorkerStart } from './messages.js';
import { ModelError } from '../model-error.js';
import { createTensorMaker } from '../preprocess.js';
import { EmbeddingSession } from './session.js';
import { readVerified } from '../verified-weights.js';

const timedRuns = 3;

if (parentPort === null) throw new Error('This file runs as a worker thread only');
serve(parentPort, workerData as WorkerStart);

function serve(port: MessagePort, start: WorkerStart): void {
  const opening = open(port, start);
  let previous: Promise<unknown> = opening;
  port.on('message', (message: ToWorker) => {
    // One after another, also where a close comes while the model loads or runs: it may not exit during a run.
    previous = previous.then(async () => {
      const model = await opening;
      if (model === undefined) return;
      if (message.kind === 'run') await model.run(message.crops);
      else await model.close();
    });
  });
}

interface Model {
  run(crops: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

async function open(port: MessagePort, { manifest, threads, batchImages }: WorkerStart): Promise<Model | undefined> {
  try {
    const session = await EmbeddingSession.open(await readVerified(manifest), manifest, threads);
    await assertGolden(session, manifest);
    const toTensor = createTensorMaker(manifest, maxEmbeddingBatch);
    post(port, { kind: 'ready', batchImages: batchImages ?? (await chooseBatch(session, manifest)) });
    return {
      async run(crops) {
        try {
          const embeddings = await session.run(toTensor(crops));
          post(port, { kind: 'embedded', embeddings }, [embeddings.buffer]);
        } catch (error) {
          post(port, { kind: 'runFailed', reason: messageOf(error) });
        }
      },
      async close() {
        await session.release();
        await settle();
        port.close();
      },
    };
  } catch (error) {
    post(port, { kind: 'failed', reason: messageOf(error) });
    await settle();
    port.close();
    return undefined;
  }
}

/** @throws ModelError */
async function assertGolden(session: EmbeddingSession, { input, golden }: Manifest): Promise<void> {
  const similarity = cosine(await session.run(goldenTensor(input)), golden.embedding);
  if (similarity > minGoldenCosine) return;
  throw new ModelError(
    `The model's answer to the golden tensor has cosine ${similarity.toFixed(6)} to the manifest's golden embedding, expected more than ${minGoldenCosine}`,
  );
}

async function chooseBatch(session: EmbeddingSession, { input }: Manifest): Promise<number> {
  const tensor = goldenTensor(input);
  let fastestMs = Infinity;
  for (let run = 0; run < timedRuns; run += 1) {
    const startedAt = performance.now();
    await session.run(tensor);
    fastestMs = Math.min(fastestMs, performance.now() - startedAt);
  }
  const runs = Math.max(1, Math.floor(modelRunTargetMs / fastestMs));
  return Math.min(maxEmbeddingBatch, runs * (session.fixedBatch ?? 1));
}

function post(port: MessagePort, message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
