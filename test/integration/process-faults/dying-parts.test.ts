import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp, type App } from '../../../src/app.js';
import { loadConfig } from '../../../src/config.js';
import { bundledModelsFolder } from '../../../src/paths.js';
import { makeJpeg } from '../../support/make-image.js';
import { cleanUp, makeFolder, runProgram, spawnServer, startServer, waitFor } from '../../support/server.js';

afterAll(cleanUp);

let seed = 0;

async function upload({ operations }: App): Promise<string> {
  seed += 1;
  const { image } = await operations.uploadImage({
    bytes: await makeJpeg(seed),
    filename: `${seed}.jpg`,
    priority: 'query',
  });
  return image.id;
}

describe('a part of a running server that dies fails what it has in work, and the next is served', () => {
  const workers: Worker[] = [];
  const onWorker = (worker: Worker) => workers.push(worker);
  let app: App;
  const stored: string[] = [];

  beforeAll(async () => {
    process.on('worker', onWorker);
    app = await buildApp(loadConfig({ SEMBLANCE_DATA_DIR: join(await makeFolder(), 'data') }));
    await app.ready;
    stored.push(await upload(app));
    await app.operations.createSpace({ name: 'greys', recipe: 'grey' });
    await app.operations.backfillSpace({ name: 'greys' });
  });
  afterAll(async () => {
    process.off('worker', onWorker);
    await app.close();
  });

  /** Ends a thread, and tries until an upload is stored. @returns the codes of those that were not */
  async function endedBy(worker: Worker | undefined): Promise<readonly unknown[]> {
    if (worker === undefined) throw new Error('There is no such thread');
    await worker.terminate();
    const codes: unknown[] = [];
    await waitFor('an upload to be stored', async () => {
      try {
        stored.push(await upload(app));
        return true;
      } catch (error) {
        codes.push((error as { readonly code?: unknown }).code);
        return false;
      }
    });
    return codes;
  }

  async function expectWhole(): Promise<void> {
    const { edges } = await app.operations.listImages({ first: 100 });
    expect(edges.map(({ node }) => node.id).sort()).toEqual([...stored].sort());
    for (const { missingCount } of await app.store.listSpaces()) expect(missingCount).toBe(0);
  }

  test('the embedding worker', async () => {
    // Behind the one of Postgres.
    const codes = await endedBy(workers[1]);
    expect(codes.length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set(['MODEL_UNAVAILABLE']));
    await expectWhole();
  });

  test('the embedded Postgres', async () => {
    const codes = await endedBy(workers[0]);
    expect(codes.length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set(['DATABASE_UNAVAILABLE']));
    await expectWhole();
  });
});

describe('a model whose weights are altered while a server runs with them', () => {
  test('is served with as it was loaded, and the restart refuses it with a sentence', async () => {
    const folder = await makeFolder();
    const model = join(folder, 'semblance-compact');
    await cp(join(bundledModelsFolder, 'semblance-compact'), model, { recursive: true });
    const options = { folder, env: { SEMBLANCE_MODEL: model } };
    const server = await startServer(options);
    const { image } = await server.client.upload(await makeJpeg(1));
    const { file } = JSON.parse(await readFile(join(model, 'manifest.json'), 'utf8')) as { file: string };
    const weights = await readFile(join(model, file));
    const at = Math.floor(weights.length / 2);
    weights[at] = (weights[at] ?? 0) ^ 0xff;
    await writeFile(join(model, file), weights);

    expect((await server.client.upload(await makeJpeg(2))).created).toBe(true);
    expect(await server.client.similar(image.id)).toHaveLength(1);
    expect(await server.stop()).toEqual({ code: 0, signal: null });

    const doctor = await runProgram(['doctor'], options);
    expect([doctor.code, doctor.stdout]).toEqual([
      1,
      expect.stringMatching(/^problem {2}model: .*weights have SHA-256/m),
    ]);
    const restarted = await spawnServer(options);
    await restarted.answers('/readyz', 503);
    await waitFor('the reason', async () =>
      /model: The weights have SHA-256/.test((await restarted.client.get('/readyz')).body.toString()),
    );
    // What needs no model goes on working.
    expect(await restarted.client.similar(image.id)).toHaveLength(1);
    const refused = await restarted.client.uploadAnswer(await makeJpeg(3));
    expect(refused.errors?.[0]?.extensions?.['code']).toBe('MODEL_UNAVAILABLE');
    await restarted.stop();
  });
});
