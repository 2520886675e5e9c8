import { Worker } from 'node:worker_threads';
import { minEmbeddingNorm } from '../../base/limits.js';
import { workerUrl } from '../../base/paths.js';
import type { ManifestFields } from '../manifest-schema.js';
import { ModelError } from '../model-error.js';
import { disableTelemetry } from '../session/worker-handle.js';
import type { ProbeAnswer, ProbeStart, TensorDescription, WeightsDescription } from './probe-messages.js';

interface Weights {
  /** Absolute path of an ONNX file. */
  readonly weightsPath: string;
  readonly threads: number;
}

/** @throws ModelError if these are no ONNX weights */
export async function describeModel(weights: Weights): Promise<WeightsDescription> {
  const answer = await ask({ ...weights, question: { kind: 'describe' } });
  if (answer.kind !== 'described') throw refused(answer);
  return answer.weights;
}

/** Every output of one run on the golden tensor. @throws ModelError */
export async function answerShapes(
  weights: Weights,
  input: ManifestFields['input'],
): Promise<readonly TensorDescription[]> {
  const answer = await ask({ ...weights, question: { kind: 'shapes', input } });
  if (answer.kind !== 'shaped') throw refused(answer);
  return answer.outputs;
}

/** What the model answers to the golden tensor, pooled. @throws ModelError also if that has no direction */
export async function goldenEmbedding(
  weights: Weights,
  model: Pick<ManifestFields, 'input' | 'output'>,
): Promise<Float32Array> {
  const { input, output } = model;
  const answer = await ask({ ...weights, question: { kind: 'embed', input, output } });
  if (answer.kind !== 'embedded') throw refused(answer);
  const { embedding } = answer;
  const norm = Math.sqrt(embedding.reduce((sum, element) => sum + element * element, 0));
  if (norm > minEmbeddingNorm && norm < Infinity) return embedding;
  throw new ModelError(`The model's answer to the golden tensor has no direction (norm ${norm}): images could not be compared by it`);
}

function refused(answer: ProbeAnswer): ModelError {
  return new ModelError(answer.kind === 'failed' ? answer.reason : 'The model was asked something else');
}

async function ask(start: ProbeStart): Promise<ProbeAnswer> {
  disableTelemetry();
  const worker = new Worker(workerUrl('models/folder/probe-worker'), { workerData: start, name: 'probe' });
  return new Promise((resolve, reject) => {
    let answer: ProbeAnswer | undefined;
    worker.once('message', (message: ProbeAnswer) => {
      answer = message;
    });
    worker.once('error', reject);
    // Not at its message: another session beside the one that is being released would take the memory of both.
    worker.once('exit', () => {
      if (answer === undefined) reject(new ModelError('The thread that opened the model died'));
      else resolve(answer);
    });
  });
}
