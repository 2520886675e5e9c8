/** A thread for classical features, which take tens of milliseconds an image. Driven by FeatureThreads. */
import { parentPort, type MessagePort } from 'node:worker_threads';
import { messageOf } from '../../base/errors.js';
import { BagOfWords } from './bag-of-words.js';
import { computeFeatures } from './compute-features.js';
import type { FromFeatureThread, ToFeatureThread } from './feature-messages.js';

if (parentPort === null) throw new Error('This file runs as a worker thread only');
serve(parentPort);

function serve(port: MessagePort): void {
  const bags = new Map<string, BagOfWords>();
  port.on('message', (message: ToFeatureThread) => {
    if (message.kind === 'vocabulary') {
      bags.set(message.key, new BagOfWords(message.vocabulary));
      return;
    }
    try {
      const values = computeFeatures(message.rasters, message.features, bags);
      post(
        port,
        { kind: 'computed', values },
        values.map(({ buffer }) => buffer),
      );
    } catch (error) {
      post(port, { kind: 'failed', reason: messageOf(error) });
    }
  });
}

function post(port: MessagePort, message: FromFeatureThread, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
