import type { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sharp } from '../../../../src/pixels/sharp.js';
import { toGrey } from '../../../../src/pixels/luma.js';
import { greyHistogram } from '../../../../src/methods/features/histogram.js';
import {
  FeatureThreads,
  type FeatureTask,
  type FeatureThreadsOptions,
} from '../../../../src/methods/features/feature-threads.js';
import { drawPixels } from '../../../support/make-image.js';

const picture = { width: 96, height: 72, pixels: drawPixels(3, 96, 72) };
const grey: FeatureTask = {
  rasters: { picture, square: undefined },
  features: [{ kind: 'grey-histogram' }],
  vocabularies: new Map(),
};
/** Takes long enough to be overtaken and interrupted. */
const slow: FeatureTask = { ...grey, features: [{ kind: 'sift' }] };

function openThreads(options: Partial<FeatureThreadsOptions> = {}): FeatureThreads {
  const threads = new FeatureThreads({ threads: 1, ...options });
  onTestFinished(() => threads.close());
  return threads;
}

function nextWorker(): Promise<Worker> {
  return new Promise((resolve) => process.once('worker', resolve));
}

describe('FeatureThreads', () => {
  it('answers what the features themselves give, and leaves the image to its owner', async () => {
    const threads = openThreads();
    expect(await threads.run(grey, 'query')).toEqual([greyHistogram(toGrey(picture), 64)]);
    expect(picture.pixels).toHaveLength(96 * 72 * 3);
  });

  it('takes a view of a larger memory as it is', async () => {
    const memory = new Uint8Array(10 + picture.pixels.length);
    memory.set(picture.pixels, 10);
    const view = { ...picture, pixels: memory.subarray(10) };
    const [histogram] = await openThreads().run({ ...grey, rasters: { picture: view, square: undefined } }, 'query');
    expect(histogram).toEqual(greyHistogram(toGrey(picture), 64));
  });

  it('leaves libvips, which decodes meanwhile, as the process has set it', async () => {
    const gif = await sharp(picture.pixels, { raw: { width: 96, height: 72, channels: 3 } })
      .gif()
      .toBuffer();
    const operation = ['VipsForeignLoadNsgifBuffer'];
    sharp.block({ operation });
    onTestFinished(() => {
      sharp.unblock({ operation });
    });
    await openThreads().run(grey, 'query');
    await expect(sharp(gif).metadata()).rejects.toThrow('unsupported image format');
  });

  it('lets a query overtake the bulk tasks that wait', async () => {
    const threads = openThreads();
    const order: string[] = [];
    const run = async (name: string, priority: 'query' | 'bulk') => {
      await threads.run(grey, priority);
      order.push(name);
    };
    await Promise.all([run('first', 'bulk'), run('second', 'bulk'), run('third', 'bulk'), run('query', 'query')]);
    expect(order).toEqual(['first', 'query', 'second', 'third']);
  });

  it('refuses more than it holds, and computes what it took', async () => {
    const threads = openThreads({ maxWaiting: 2 });
    const taken = [threads.run(slow, 'bulk'), threads.run(grey, 'bulk'), threads.run(grey, 'bulk')];
    expect(() => {
      threads.assertRoom('bulk');
    }).toThrow('Too many images wait for their features');
    await expect(threads.run(grey, 'bulk')).rejects.toMatchObject({ code: 'OVERLOADED' });
    threads.assertRoom('query');
    expect(await Promise.all(taken)).toHaveLength(3);
    threads.assertRoom('bulk');
  });

  it('forgets a task whose caller left while it waited', async () => {
    const threads = openThreads({ maxWaiting: 1 });
    const running = threads.run(slow, 'bulk');
    const left = new AbortController();
    const waiting = threads.run(grey, 'bulk', left.signal);
    left.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    threads.assertRoom('bulk');
    await running;
  });

  it('answers MODEL_UNAVAILABLE when the thread dies, and goes on with another', async () => {
    const threads = openThreads();
    const started = nextWorker();
    const dying = threads.run(slow, 'query');
    const waiting = threads.run(grey, 'query');
    await Promise.all([
      expect(dying).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' }),
      started.then((worker) => worker.terminate()),
    ]);
    expect(await waiting).toHaveLength(1);
  });

  it('answers MODEL_UNAVAILABLE for what it cannot compute, and goes on', async () => {
    const threads = openThreads();
    const nothing = { ...grey, rasters: { picture: undefined, square: undefined } };
    await expect(threads.run(nothing, 'query')).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      cause: new Error('The image was not prepared for this feature'),
    });
    expect(await threads.run(grey, 'query')).toHaveLength(1);
  });

  it('ends what runs and what waits when it closes', async () => {
    const threads = openThreads();
    const tasks = [threads.run(slow, 'query'), threads.run(slow, 'query')];
    const outcomes = Promise.allSettled(tasks);
    await threads.close();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'MODEL_UNAVAILABLE', message: 'The server is shutting down' },
      });
    }
  });
});
