import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { buildApp, type App } from '../../../src/app.js';
import { bundledModelsFolder } from '../../../src/base/paths.js';
import { codeOf } from '../../support/client.js';
import { buildMemoryApp, openHttpDoor } from '../../support/http-app.js';
import { makeJpeg } from '../../support/make-image.js';
import { cleanUp, makeFolder, runProgram, spawnServer, startServer, waitFor } from '../../support/server.js';
import { testConfig } from '../../support/small-model.js';

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
    app = await buildApp(testConfig({ SEMBLANCE_DATA_DIR: join(await makeFolder(), 'data') }));
    await app.ready;
    stored.push(await upload(app));
    await app.operations.createSpace({ name: 'greys', recipe: 'grey' });
    await app.operations.backfillSpace({ name: 'greys' });
  });
  afterAll(async () => {
    process.off('worker', onWorker);
    await app.close();
  });

  function threadOf(index: number): Worker {
    const worker = workers[index];
    if (worker === undefined) throw new Error('There is no such thread');
    return worker;
  }

  /** Uploads that are answered while a part is dead. @returns the codes of those that were refused */
  async function refusedOf(uploads: readonly Promise<string>[]): Promise<readonly unknown[]> {
    const answers = await Promise.allSettled(uploads);
    return answers.flatMap((answer) => {
      if (answer.status === 'rejected') return [(answer.reason as { readonly code?: unknown }).code];
      stored.push(answer.value);
      return [];
    });
  }

  /** Tries until an upload is stored. @returns the codes of those that were not */
  async function refusedUntilServed(): Promise<readonly unknown[]> {
    const codes: unknown[] = [];
    await waitFor('an upload to be stored', async () => {
      const refused = await refusedOf([upload(app)]);
      codes.push(...refused);
      return refused.length === 0;
    });
    return codes;
  }

  async function expectWhole(): Promise<void> {
    const { edges } = await app.operations.listImages({ first: 100 });
    expect(edges.map(({ node }) => node.id).sort()).toEqual([...stored].sort());
    for (const { missingCount } of await app.store.listSpaces()) expect(missingCount).toBe(0);
  }

  test('the embedding worker, with a batch in its hands and others that wait', async () => {
    // Behind the one of Postgres.
    const worker = threadOf(1);
    const given = holdFirstMessage(worker);
    const uploads = Array.from({ length: 6 }, () => upload(app));
    const refusing = refusedOf(uploads);
    // All but the first, which is the batch: one that comes later would meet the next worker.
    await waitFor('uploads behind the batch', () => Promise.resolve(app.embedder.load.waiting.query === 5));
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    // No message of the protocol: an error that the worker does not expect. terminate() in a run would abort the whole process.
    worker.postMessage(null);
    given.release();
    await exited;
    expect(await refusing).toEqual(uploads.map(() => 'MODEL_UNAVAILABLE'));
    expect(new Set(await refusedUntilServed())).toEqual(new Set(['MODEL_UNAVAILABLE']));
    await expectWhole();
  });

  test('the embedded Postgres, with uploads on their way into it', async () => {
    const postgres = threadOf(0);
    // Behind the answer of the model comes the transaction.
    const terminated = new Promise<void>((resolve) => {
      for (const worker of workers) {
        worker.on('message', ({ kind }: { readonly kind?: unknown }) => {
          if (kind === 'embedded') resolve(postgres.terminate().then(() => undefined));
        });
      }
    });
    const uploads = Array.from({ length: 4 }, () => upload(app));
    const refused = await refusedOf(uploads);
    await terminated;
    expect(refused).toEqual(uploads.map(() => 'DATABASE_UNAVAILABLE'));
    expect(new Set(await refusedUntilServed())).toEqual(new Set(['DATABASE_UNAVAILABLE']));
    await expectWhole();
  });
});

/** Keeps the next message to a thread back. */
function holdFirstMessage(worker: Worker): { release(): void } {
  const post = worker.postMessage.bind(worker);
  let held: Parameters<typeof post> | undefined;
  worker.postMessage = (...message: Parameters<typeof post>) => {
    held = message;
    worker.postMessage = post;
  };
  return {
    release: () => {
      if (held === undefined) throw new Error('There was no message');
      post(...held);
    },
  };
}

/** A copy of the bundled model, and ways to damage and mend its weights. */
async function ownModel(folder: string) {
  const model = join(folder, 'semblance-compact');
  await cp(join(bundledModelsFolder, 'semblance-compact'), model, { recursive: true });
  const { file } = JSON.parse(await readFile(join(model, 'manifest.json'), 'utf8')) as { readonly file: string };
  const weights = await readFile(join(model, file));
  const damaged = Buffer.from(weights);
  const at = Math.floor(weights.length / 2);
  damaged[at] = (damaged[at] ?? 0) ^ 0xff;
  return {
    model,
    damage: () => writeFile(join(model, file), damaged),
    mend: () => writeFile(join(model, file), weights),
  };
}

describe('a model whose weights are altered while a server runs with them', () => {
  test('is refused where its worker dies, and serves again once they are back', async () => {
    const folder = await makeFolder();
    const { model, damage, mend } = await ownModel(folder);
    const workers: Worker[] = [];
    const onWorker = (worker: Worker) => workers.push(worker);
    process.on('worker', onWorker);
    const app = await buildMemoryApp({ SEMBLANCE_DATA_DIR: join(folder, 'data'), SEMBLANCE_MODEL: model });
    const door = await openHttpDoor(app.operations);
    const { client } = door;
    onTestFinished(async () => {
      process.off('worker', onWorker);
      await door.close();
      await app.close();
    });
    const { image } = await client.upload(await makeJpeg(1));
    await client.upload(await makeJpeg(2));
    await damage();
    // Behind the one of Postgres.
    await workers[1]?.terminate();
    const isReadyz = async (status: number, text: RegExp): Promise<boolean> => {
      const answer = await client.get('/readyz');
      return answer.status === status && text.test(answer.body.toString());
    };
    await waitFor('the reason', () => isReadyz(503, /model: .*The weights have SHA-256 .*; put its files back/));
    for (const answer of [await client.uploadAnswer(await makeJpeg(3)), await client.searchAnswer(await makeJpeg(1))]) {
      expect(codeOf(answer)).toBe('MODEL_UNAVAILABLE');
    }
    expect(await client.similar(image.id)).toHaveLength(1);
    const startedBefore = workers.length;
    await mend();
    await waitFor('the model', () => isReadyz(200, /./));
    expect(workers).toHaveLength(startedBefore + 1);
    expect((await client.upload(await makeJpeg(3))).created).toBe(true);
    expect(await client.search(await makeJpeg(1))).toHaveLength(3);
  });

  test('is served with as it was loaded, and the restart refuses it with a sentence', async () => {
    const folder = await makeFolder();
    const { model, damage } = await ownModel(folder);
    const options = { folder, env: { SEMBLANCE_MODEL: model } };
    const server = await startServer(options);
    const { image } = await server.client.upload(await makeJpeg(1));
    await damage();

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
