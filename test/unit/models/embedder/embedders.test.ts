import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbedder } from '../../../../src/models/embedder/open-embedder.js';
import { openEmbedders, type Embedders } from '../../../../src/models/embedder/embedders.js';
import type { Embedder } from '../../../../src/models/embedder/embedder.js';
import { bundledModelsFolder } from '../../../../src/base/paths.js';
import { settledEmbedder } from '../../../support/embedders.js';
import { slowModel, tinyModelFolder } from '../../../support/tiny-models.js';

const tiny = tinyModelFolder('nchw-float32-convolutional');

function poolOver(primary: Embedder, maxWaitMs?: number): Embedders {
  const embedders = openEmbedders({ primary, dataDir: bundledModelsFolder, threads: 1, maxWaitMs });
  onTestFinished(() => embedders.close());
  return embedders;
}

function started(): { readonly count: () => number } {
  let count = 0;
  const onWorker = () => (count += 1);
  process.on('worker', onWorker);
  onTestFinished(() => {
    process.off('worker', onWorker);
  });
  return { count: () => count };
}

describe('openEmbedders', () => {
  it("serves the server's model by no name, by its name and by its weights, and opens no second", async () => {
    const primary = await settledEmbedder();
    const embedders = poolOver(primary);
    const workers = started();
    const { embedder, info } = await embedders.get(undefined);
    expect(embedder).toBe(primary);
    expect(info.name).toBe('semblance-compact');
    expect((await embedders.get('semblance-compact')).embedder).toBe(primary);
    expect((await embedders.get('/somewhere/else', info)).embedder).toBe(primary);
    expect(workers.count()).toBe(0);
  });

  it('opens another model once, whoever asks, and closes it without the first', async () => {
    const primary = await settledEmbedder();
    const embedders = poolOver(primary);
    const workers = started();
    const [first, second] = await Promise.all([embedders.get(tiny), embedders.get(tiny)]);
    expect(first.embedder).toBe(second.embedder);
    expect(first.info).toMatchObject({ name: 'tiny-nchw-float32-convolutional', dimensions: 40 });
    expect(workers.count()).toBe(1);
    await embedders.close();
    expect(first.embedder.state).toEqual({ kind: 'closed' });
    expect(primary.state.kind).toBe('ready');
    await expect(embedders.get(tinyModelFolder('nhwc-uint8-cls'))).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: 'The server is shutting down',
    });
  });

  it('says why a model cannot be had, without a path of the server', async () => {
    const embedders = poolOver(await settledEmbedder());
    await expect(embedders.get('nowhere')).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: expect.stringMatching(/^The model nowhere is not available: Model "nowhere" was not found/) as unknown,
    });
    await expect(embedders.get('/srv/private/absent')).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: 'The model absent is not available: Model "absent" was not found: that folder has no manifest.json',
    });
  });

  it('does not wait for a model that loads, nor hide why it failed', async () => {
    const loading = openEmbedder({ model: new Promise(() => undefined), dataDir: bundledModelsFolder, threads: 1 });
    onTestFinished(() => loading.close());
    await expect(poolOver(loading).get('semblance-compact')).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: 'The model is loading',
    });
    await expect(poolOver(await settledEmbedder('nowhere')).get(undefined)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: expect.stringContaining('The model is not available: Model "nowhere" was not found') as unknown,
    });
  });

  it('opens other models while that of the server loads, and no second of that one', async () => {
    const { folder, deliver } = await slowModel('nhwc-uint8-cls');
    const primary = openEmbedder({ model: folder, dataDir: bundledModelsFolder, threads: 1 });
    onTestFinished(() => primary.close());
    const embedders = poolOver(primary);
    await expect.poll(() => primary.state).toMatchObject({ kind: 'loading', model: { name: 'tiny-nhwc-uint8-cls' } });
    expect((await embedders.get(tiny)).embedder.state.kind).toBe('ready');
    expect(primary.state.kind).toBe('loading');
    const { info: identity } = await poolOver(await settledEmbedder(tinyModelFolder('nhwc-uint8-cls'))).get(undefined);
    const refusal = { code: 'MODEL_UNAVAILABLE', message: 'The model is loading' };
    await expect(embedders.get(undefined)).rejects.toMatchObject(refusal);
    await expect(embedders.get('of-another-name', identity)).rejects.toMatchObject(refusal);
    await deliver();
    await primary.settled;
    expect((await embedders.get('of-another-name', identity)).embedder).toBe(primary);
  });

  it('lets a request wait for a model for a time, others not at all, and a job for as long as it loads', async () => {
    const { folder, deliver } = await slowModel('nhwc-uint8-cls');
    const embedders = poolOver(await settledEmbedder(), 1);
    const job = embedders.get(folder);
    // Each at once: the time is counted from the start of the loading.
    for (let request = 0; request < 3; request++) {
      await expect(embedders.get(folder, undefined, 'short')).rejects.toMatchObject({
        code: 'MODEL_UNAVAILABLE',
        message: expect.stringMatching(/^The model semblance-model-\w+ is loading$/) as unknown,
      });
      await embedders.get('semblance-compact', undefined, 'short');
      await embedders.get(tiny);
    }
    await deliver();
    const { embedder } = await job;
    expect((await embedders.get(folder, undefined, 'short')).embedder).toBe(embedder);
  });
});
