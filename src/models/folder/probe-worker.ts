/** Answers one question about weights, and exits. Driven by `probe`. */
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../base/errors.js';
import { settle } from '../../base/concurrency/threads.js';
import { goldenTensor } from '../golden.js';
import { describeWeights, EmbeddingSession, shapesOfAnswer } from '../session/session.js';
import type { ProbeAnswer, ProbeStart } from './probe-messages.js';

if (parentPort === null) throw new Error('This file runs as a worker thread only');
const answer = await answerTo(workerData as ProbeStart);
parentPort.postMessage(answer);
await settle();

async function answerTo({ weightsPath, threads, question }: ProbeStart): Promise<ProbeAnswer> {
  try {
    const weights = await readFile(weightsPath);
    if (question.kind === 'describe') return { kind: 'described', weights: await describeWeights(weights, threads) };
    const tensor = goldenTensor(question.input);
    if (question.kind === 'shapes') {
      return { kind: 'shaped', outputs: await shapesOfAnswer(weights, question.input, tensor, threads) };
    }
    const session = await EmbeddingSession.open(weights, question, threads);
    const embedding = await session.run(tensor);
    await session.release();
    return { kind: 'embedded', embedding };
  } catch (error) {
    return { kind: 'failed', reason: messageOf(error) };
  }
}
