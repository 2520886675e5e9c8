import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { workerUrl } from '../../../src/base/paths.js';

it('is not set up a second time by a thread, which would refuse the images of all others for a moment', async () => {
  const thread = new Worker(workerUrl('pixels/sharp'));
  const [error] = (await once(thread, 'error')) as [Error];
  expect(error.message).toBe('Only the main thread loads sharp');
});
