/** Fits one thing, and exits. Driven by fitApart. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { SemblanceError } from '../../base/errors.js';
import { settle } from '../../base/concurrency/threads.js';
import { fittingTasks, type FittingStart, type FromFittingThread } from './fitting-tasks.js';

if (parentPort === null) throw new Error('This file runs as a worker thread only');
const port = parentPort;
try {
  post(port, { kind: 'fitted', fitted: fit(workerData as FittingStart) });
} catch (error) {
  if (!(error instanceof SemblanceError)) throw error;
  post(port, { kind: 'refused', code: error.code, message: error.message });
}
await settle();

function fit(start: FittingStart): unknown {
  const report = (): void => {
    post(port, { kind: 'step' });
  };
  switch (start.task) {
    case 'projection':
      return fittingTasks.projection(start.input);
    case 'narrowing':
      return fittingTasks.narrowing(start.input);
    case 'vocabulary':
      return fittingTasks.vocabulary(start.input, report);
    case 'vocabularySize':
      return fittingTasks.vocabularySize(start.input, report);
    case 'classifier':
      return fittingTasks.classifier(start.input);
  }
}

function post(to: MessagePort, message: FromFittingThread): void {
  to.postMessage(message);
}
