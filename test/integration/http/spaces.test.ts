import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { drawSample, sampleSize } from '../../../src/pixels/sample/draw-sample.js';
import type { OperationsContext } from '../../../src/spaces/context.js';
import { jobWork } from '../../../src/api/jobs/run-job.js';
import { startJobRunner, type JobRunner } from '../../../src/jobs/runner.js';
import { createOperations } from '../../../src/api/operations.js';
import { imagesPerPage } from '../../../src/spaces/stored-images.js';
import { codeOf, onlyError } from '../../support/client.js';
import { testDatabaseUrl } from '../../support/database.js';
import { holdStore, type HeldStore } from '../../support/held-store.js';
import { openHttpDoor, type HttpDoor } from '../../support/http-app.js';
import { openPersistentApp, persistentStores, type PersistentApp } from '../../support/persistent-app.js';
import { waitFor } from '../../support/server.js';
import { tinyModelFolder } from '../../support/tiny-models.js';

const tinyModel = 'nchw-float32-convolutional';
/** How many pictures of the sample gallery are stored, for each job embeds all; more than a job writes before it looks whether it is to stop. */
const stored = imagesPerPage + 26;
const unknownId = '00000000-0000-4000-8000-000000000000';
const jobFields = `id kind state spaces stage done total createdAt startedAt finishedAt error { code message }
  result { space description dimensions sampled neighboursKept embedded missing indexed imported known trainedOn classes failedCount failed { imageId filename message } }`;
const spaceFields = 'name model description dimensions state imageCount missingCount regionCount scorers createdAt';

interface JobNode {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly spaces: readonly string[];
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly result: Readonly<Record<string, unknown>> | null;
}

interface SpaceNode {
  readonly name: string;
  readonly state: string;
  readonly imageCount: number;
  readonly missingCount: number;
  readonly createdAt: string;
}

describe.each(persistentStores())('spaces and jobs over GraphQL on the %s store', (kind) => {
  let gallery: PersistentApp;
  let held: HeldStore;
  let context: OperationsContext;
  let runner: JobRunner;
  let door: HttpDoor;
  let logged: unknown[];
  let anyImageId = '';

  const startRunner = (parts: OperationsContext = context): JobRunner =>
    startJobRunner({
      ...jobWork(parts),
      started: Promise.resolve(),
      logError: (_message, error) => {
        logged.push(error);
      },
    });

  beforeAll(async () => {
    gallery = await openPersistentApp(kind);
    await cp(tinyModelFolder(tinyModel), join(gallery.dataDir, 'models', tinyModel), { recursive: true });
    logged = [];
    held = holdStore(gallery.app.store, 'insertEmbeddings');
    context = { ...gallery.app.context, store: held.store };
    runner = startRunner();
    const operations = createOperations(context, {
      wake: () => {
        runner.wake();
      },
      stop: (id) => {
        runner.stop(id);
      },
    });
    door = await openHttpDoor(operations);
    for await (const { filename, label, bytes } of drawSample()) {
      const { image } = await gallery.app.operations.uploadImage({
        bytes,
        filename,
        metadata: { label },
        priority: 'bulk',
      });
      if (anyImageId === '') anyImageId = image.id;
      if ((await gallery.app.store.countImages()) === stored) break;
    }
  }, 120_000);

  afterAll(async () => {
    await door.close();
    await runner.close();
    await gallery.remove();
  });

  beforeEach(() => {
    logged.length = 0;
  });

  afterEach(async () => {
    held.release();
    for (const { name, state } of await spaces()) {
      if (state !== 'ACTIVE') await gallery.app.operations.removeSpace(name);
    }
  });

  /** A mutation that answers a job, its arguments as they are written. */
  const beginAnswer = (mutation: string, args = '') =>
    door.client.graphql<Record<string, JobNode>>(`mutation { ${mutation}${args} { ${jobFields} } }`);
  const begin = async (mutation: string, args?: string): Promise<JobNode> => {
    const { data, errors } = await beginAnswer(mutation, args);
    const job = data?.[mutation];
    if (job === undefined) throw new Error(JSON.stringify(errors));
    return job;
  };
  const find = async (id: string): Promise<JobNode> => {
    const { job } = await door.client.data<{ job: JobNode | null }>(
      `query ($id: ID!) { job(id: $id) { ${jobFields} } }`,
      {
        id,
      },
    );
    if (job === null) throw new Error(`There is no job ${id}`);
    return job;
  };
  const until = async (id: string, is: (job: JobNode) => boolean): Promise<JobNode> => {
    let job = await find(id);
    await waitFor(`job ${id}, which is ${JSON.stringify(job)}`, async () => is((job = await find(id))));
    return job;
  };
  const ended = ({ id }: JobNode) => until(id, ({ finishedAt }) => finishedAt !== null);
  const spaces = async () =>
    (await door.client.data<{ spaces: readonly SpaceNode[] }>(`{ spaces { ${spaceFields} } }`)).spaces;
  const refusal = async (mutation: string, args: string) => {
    const { message, extensions } = onlyError(await beginAnswer(mutation, args));
    return `${String(extensions?.['code'])}: ${message}`;
  };
  const search = async () => (await door.client.similar(anyImageId, { k: 3 })).length;

  test('a model of more numbers than a space holds is projected, and what that costs is told', async () => {
    const wide = 'nchw-float32-wide';
    await cp(tinyModelFolder(wide), join(gallery.dataDir, 'models', wide), { recursive: true });
    const { result, state, error } = await ended(await begin('createSpace', `(name: "wide", model: "${wide}")`));
    expect({ state, error }).toEqual({ state: 'DONE', error: null });
    expect(result).toMatchObject({
      description: `@${wide}.random-768`,
      dimensions: 768,
      embedded: stored,
      missing: 0,
    });
    expect(result?.['neighboursKept']).toBeGreaterThan(0.2);
    expect(result?.['neighboursKept']).toBeLessThanOrEqual(1);
    const { similarImages: found } = await door.client.data<{ similarImages: readonly unknown[] }>(
      `{ similarImages(imageId: "${anyImageId}", k: 3, space: "wide") { similarity } }`,
    );
    expect(found).toHaveLength(3);
  });

  test('a space is made of a model, filled, compared, switched to and back, retired and removed', async () => {
    const [home] = await spaces();
    const queued = await begin('createSpace', `(name: "tiny", model: "${tinyModel}")`);
    expect(queued).toMatchObject({
      kind: 'CREATE_SPACE',
      spaces: ['tiny'],
      error: null,
      result: null,
      finishedAt: null,
    });
    const done = await ended(queued);
    expect(done).toMatchObject({
      state: 'DONE',
      stage: 'embedding',
      done: stored,
      total: stored,
      error: null,
      result: {
        space: 'tiny',
        description: `@${tinyModel}`,
        dimensions: 40,
        sampled: 0,
        embedded: stored,
        missing: 0,
        failedCount: 0,
        failed: [],
      },
    });
    const times = [done.createdAt, done.startedAt ?? '', done.finishedAt ?? ''].map((time) => Date.parse(time));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(await spaces()).toEqual([
      home,
      {
        name: 'tiny',
        model: tinyModel,
        description: `@${tinyModel}`,
        dimensions: 40,
        state: 'READY',
        imageCount: stored,
        missingCount: 0,
        regionCount: 0,
        scorers: [],
        createdAt: expect.any(String) as string,
      },
    ]);

    const comparing = await begin('compareSpaces', `(a: "${home?.name ?? ''}", b: "tiny", sample: 20, k: 5)`);
    expect(await ended(comparing)).toMatchObject({
      kind: 'COMPARE_SPACES',
      state: 'DONE',
      spaces: [home?.name, 'tiny'],
    });
    const { job } = await door.client.data<{ job: { result: { comparison: unknown } } }>(
      `query ($id: ID!) { job(id: $id) { result { comparison {
        a { name description state missing searchMs byIndex } b { name } seed k depth images { stored shared } queries deleted short
        overlap { mean low high } labels { labelled evaluated measures { name meaning a { mean } b { mean } difference { mean low high } } }
        mostDifferent { imageId filename label overlap a { imageId similarity shared } b { filename label } } } } } }`,
      { id: comparing.id },
    );
    expect(job.result.comparison).toMatchObject({
      a: { name: home?.name, state: 'ACTIVE', missing: 0 },
      b: { name: 'tiny' },
      seed: 1,
      k: 5,
      images: { stored, shared: stored },
      queries: 20,
      labels: { labelled: 20 },
    });

    const activate = (name: string) =>
      door.client.data(`mutation { activateSpace(name: "${name}") { space { name state } former missing } }`);
    expect(await activate('tiny')).toEqual({
      activateSpace: { space: { name: 'tiny', state: 'ACTIVE' }, former: home?.name, missing: 0 },
    });
    expect((await door.client.similarAnswer(anyImageId)).extensions?.semblance?.space).toBe('tiny');
    expect(await activate('tiny')).toMatchObject({ activateSpace: { former: null } });
    for (const mutation of [
      'retireSpace(name: "tiny") { space { name } }',
      'removeSpace(name: "tiny") { removedName }',
    ]) {
      expect(await door.client.code(`mutation { ${mutation} }`)).toBe('CONFLICT');
    }
    await activate(home?.name ?? '');
    expect(await door.client.data('mutation { retireSpace(name: "tiny") { space { name state } } }')).toEqual({
      retireSpace: { space: { name: 'tiny', state: 'RETIRED' } },
    });
    expect(await refusal('backfillSpace', '(name: "tiny")')).toBe(
      'BAD_USER_INPUT: Expected a space that is not retired for name but received "tiny"',
    );
    expect(await door.client.data('mutation { removeSpace(name: "tiny") { removedName } }')).toEqual({
      removeSpace: { removedName: 'tiny' },
    });
    expect(await spaces()).toEqual([home]);
    expect(logged).toEqual([]);
  });

  test('neighbours of a stored image without an embedding are refused by what it lacks, and a page of them with it', async () => {
    const { store } = gallery.app;
    const home = await store.activeSpace();
    // So it is after an archive was stored, or an activation with --force.
    const gap = await store.createSpace({
      name: 'gap',
      model: 'm',
      modelSha256: 'a'.repeat(64),
      preprocessingSha256: 'b'.repeat(64),
      dimensions: 2,
    });
    await store.activateSpace(gap.id, { force: true });
    try {
      const told = {
        code: 'NOT_FOUND',
        message: expect.stringMatching(
          /^The image [0-9a-f-]{36} has no embedding in the space "gap": `semblance spaces backfill gap` embeds what is missing$/,
        ) as string,
      };
      const refusalOf = async (query: string) => {
        const { message, extensions } = onlyError(await door.client.graphql(query));
        return { code: extensions?.['code'], message };
      };
      const neighbours = (id: string, more = '') => refusalOf(`{ similarImages(imageId: "${id}" ${more}) { rank } }`);
      expect(await neighbours(anyImageId)).toEqual(told);
      expect(await neighbours(anyImageId, 'space: "gap"')).toEqual(told);
      expect(await neighbours(anyImageId, 'rerank: SSIM')).toEqual(told);
      expect(await neighbours(anyImageId, 'searchRegions: true')).toEqual(told);
      expect(await refusalOf('{ images(first: 1) { edges { node { similarImages { rank } } } } }')).toEqual(told);
      expect(await neighbours(unknownId)).toEqual({ code: 'NOT_FOUND', message: `There is no image ${unknownId}` });
    } finally {
      await store.activateSpace(home?.id ?? 0, { force: true });
      await store.removeSpace(gap.id);
    }
  });

  test('a scorer is trained and parts of images are indexed, in the active space unless one is named', async () => {
    const trained = await ended(await begin('trainScorer', '(kind: LABELS, epochs: 1)'));
    expect(trained).toMatchObject({ kind: 'TRAIN_SCORER', state: 'DONE', result: { trainedOn: stored } });
    await ended(await begin('createSpace', '(name: "gradients", method: "color")'));
    const indexing = await ended(await begin('indexRegions', '(space: "gradients")'));
    expect(indexing).toMatchObject({
      kind: 'INDEX_REGIONS',
      state: 'DONE',
      spaces: ['gradients'],
      result: { indexed: stored, failedCount: 0 },
    });
    const [home, gradients] = await spaces();
    expect(home).toMatchObject({ scorers: ['LABELS'], regionCount: 0 });
    expect(gradients).toMatchObject({ regionCount: 9 * stored });
  });

  test('a job is followed while it runs and searches go on; cancelled, it stops, and the next one begins', async () => {
    const waits = held.hold();
    const job = await begin('createSpace', '(name: "colours", method: "color")');
    await waits;
    const running = await until(job.id, ({ done }) => done > 0);
    expect(running).toMatchObject({ state: 'RUNNING', stage: 'embedding', total: stored, finishedAt: null });
    expect(running.done).toBeLessThan(stored);
    const [, building] = await spaces();
    expect(building).toMatchObject({ name: 'colours', state: 'BUILDING', missingCount: stored });
    expect(await search()).toBe(3);

    const next = await begin('backfillSpace', '(name: "colours")');
    expect((await find(next.id)).state).toBe('QUEUED');
    const cancel = (id: string) => door.client.data(`mutation { cancelJob(id: "${id}") { id state error { code } } }`);
    // Whoever may write begins these: a second one is not put behind the first.
    const sample = await begin('loadSample');
    expect((await begin('loadSample')).id).toBe(sample.id);
    expect(await cancel(sample.id)).toMatchObject({ cancelJob: { state: 'CANCELLED' } });
    expect(await cancel(job.id)).toEqual({ cancelJob: { id: job.id, state: 'CANCELLED', error: null } });
    held.release();
    const { result } = await ended(next);
    expect(result).toMatchObject({ missing: 0 });
    // What the first had in its hands is kept, and no more.
    expect(Number(result?.['embedded'])).toBeGreaterThan(0);
    expect(Number(result?.['embedded'])).toBeLessThan(stored);
    expect(await cancel(job.id)).toMatchObject({ cancelJob: { state: 'CANCELLED' } });
    expect(await cancel(next.id)).toMatchObject({ cancelJob: { state: 'DONE' } });
    const { jobs } = await door.client.data<{ jobs: readonly JobNode[] }>('{ jobs(first: 3) { id } }');
    expect(jobs).toEqual([{ id: sample.id }, { id: next.id }, { id: job.id }]);
  });

  test('a server that is closed gives its job back, and the next start goes on with the space that was made', async () => {
    const waits = held.hold();
    const job = await begin('createSpace', '(name: "colours", method: "color")');
    await waits;
    const closing = runner.close();
    held.release();
    await closing;
    expect(await find(job.id)).toMatchObject({ state: 'QUEUED', startedAt: expect.any(String) as string });
    const [, made] = await spaces();
    expect(made).toMatchObject({ name: 'colours', state: 'BUILDING' });

    runner = startRunner();
    expect(await ended(job)).toMatchObject({
      state: 'DONE',
      result: { space: 'colours', description: 'color', dimensions: 512, sampled: null, missing: 0 },
    });
    const [, filled] = await spaces();
    expect(filled).toMatchObject({ state: 'READY', missingCount: 0, createdAt: made?.createdAt });
  });

  // Only there two servers share a database.
  if (kind === 'server') {
    test('a server that hangs is replaced once its lease is out, and has no say any more', async () => {
      const waits = held.hold();
      const job = await begin('createSpace', '(name: "colours", method: "color")');
      await waits;
      const client = new pg.Client(testDatabaseUrl);
      await client.connect();
      await client.query(
        `UPDATE ${gallery.app.config.schema}.job SET lease_until = now() - interval '1 second' WHERE id = $1`,
        [job.id],
      );
      await client.end();
      const other = startRunner(gallery.app.context);
      try {
        const done = await ended(job);
        expect(done).toMatchObject({ state: 'DONE', result: { embedded: stored, sampled: null } });
        held.release();
        await runner.close();
        expect(await find(job.id)).toEqual(done);
      } finally {
        await other.close();
      }
      runner = startRunner();
    });
  }

  test('what is plainly wrong is refused at once', async () => {
    const [home] = await spaces();
    const name = home?.name ?? '';
    const refused = [
      [
        'createSpace',
        '(name: "No Name", method: "hog")',
        /^BAD_USER_INPUT: Expected 1 to 63 lower-case letters.* for name/,
      ],
      ['createSpace', '(name: "a", method: "hogg")', /^BAD_USER_INPUT: Expected .* for method but received "hogg"$/],
      ['createSpace', '(name: "a")', /^BAD_USER_INPUT: Expected either method or model but received neither$/],
      ['createSpace', '(name: "a", method: "hog", model: "b")', /^BAD_USER_INPUT: .* but received both$/],
      ['createSpace', '(name: "a", model: "hog+grey")', /^BAD_USER_INPUT: .* for model but received "hog\+grey"$/],
      ['createSpace', '(name: "a", model: "/etc")', /^BAD_USER_INPUT: .* server has for model but received "\/etc"$/],
      ['createSpace', '(name: "a", method: "hog+@../models.pca-64")', /^BAD_USER_INPUT: Expected the name of a model/],
      [
        'createSpace',
        '(name: "a", method: "hog", sampleImages: 0)',
        /from 1 to 20000 for sampleImages but received 0$/,
      ],
      ['createSpace', '(name: "a", method: "hog", seed: 0.5)', /for seed but received 0.5$/],
      ['createSpace', `(name: "${name}", method: "hog")`, /^CONFLICT: There is a space/],
      ['backfillSpace', '(name: "none")', /^NOT_FOUND: There is no space "none"; there are/],
      ['compareSpaces', `(a: "${name}", b: "none")`, /^NOT_FOUND: There is no space "none"/],
      ['compareSpaces', `(a: "${name}", b: "${name}")`, /^BAD_USER_INPUT: Expected the name of another space than a/],
      ['compareSpaces', `(a: "${name}", b: "none", k: 0)`, /^BAD_USER_INPUT: .* for k but received 0$/],
      ['trainScorer', '(kind: LABELS, space: "none")', /^BAD_USER_INPUT: .* for space but received "none"$/],
      ['trainScorer', '(kind: LABELS, epochs: 101)', /^BAD_USER_INPUT: .* for epochs but received 101$/],
      ['indexRegions', '(space: "none")', /^BAD_USER_INPUT: .* for space but received "none"$/],
      ['cancelJob', `(id: "${unknownId}")`, /^NOT_FOUND: There is no job/],
      ['cancelJob', '(id: "1")', /^BAD_USER_INPUT: Expected a UUID for id but received "1"$/],
    ] as const;
    for (const [mutation, args, expected] of refused) expect(await refusal(mutation, args)).toMatch(expected);
    const missing = ['activateSpace(name: "none") { former }', 'retireSpace(name: "none") { space { name } }'];
    for (const mutation of [...missing, 'removeSpace(name: "none") { removedName }']) {
      expect(await door.client.code(`mutation { ${mutation} }`)).toBe('NOT_FOUND');
    }
    expect(codeOf(await door.client.graphql('{ job(id: "1") { id } }'))).toBe('BAD_USER_INPUT');
    expect(codeOf(await door.client.graphql('{ jobs(first: 101) { id } }'))).toBe('BAD_USER_INPUT');
    expect(await door.client.data(`{ job(id: "${unknownId}") { id } }`)).toEqual({ job: null });
  });

  test('a job that fails says why, and no more than a client may see', async () => {
    const failed = await ended(await begin('createSpace', '(name: "a", model: "nothing-like-it")'));
    expect(failed).toMatchObject({ state: 'FAILED', result: null, error: { code: 'MODEL_UNAVAILABLE' } });
    expect(failed.error?.message).toMatch(/^The model nothing-like-it is not available/);
    expect(failed.error?.message).not.toContain(gallery.dataDir);

    const broken = holdStore(gallery.app.store, 'insertEmbeddings');
    await runner.close();
    runner = startRunner({ ...context, store: broken.store });
    const secret = new Error('INSERT INTO secret at /srv/data');
    broken.breakBy(secret);
    logged.length = 0;
    const job = await ended(await begin('createSpace', '(name: "b", method: "color")'));
    expect(job).toMatchObject({
      state: 'FAILED',
      error: { code: 'INTERNAL_SERVER_ERROR', message: 'Internal server error' },
    });
    expect(logged).toEqual([secret]);
    await runner.close();
    runner = startRunner();
  });

  test('an image that a job passes over is listed, and what lies behind it is logged', async () => {
    const { store } = gallery.app;
    const truncating = Object.create(store) as typeof store;
    truncating.readOriginal = async (id) => {
      const original = await store.readOriginal(id);
      return original && id === anyImageId ? { ...original, bytes: original.bytes.subarray(0, 200) } : original;
    };
    await runner.close();
    runner = startRunner({ ...context, store: truncating });
    const job = await ended(await begin('createSpace', '(name: "c", method: "color")'));
    expect(job.result).toMatchObject({ missing: 1, failedCount: 1 });
    expect(job.result?.failed).toEqual([
      { imageId: anyImageId, filename: null, message: expect.stringMatching(/image is broken or cut off$/) as string },
    ]);
    expect(logged).toEqual([
      expect.objectContaining({
        message: expect.stringContaining(anyImageId) as string,
        cause: expect.objectContaining({ message: expect.stringMatching(/./) as string }) as Error,
      }),
    ]);
    await runner.close();
    runner = startRunner();
  });

  // The last, for it fills the gallery.
  if (kind === 'embedded') {
    test('the sample gallery is loaded beside what of it is there', async () => {
      expect(await ended(await begin('loadSample'))).toMatchObject({
        kind: 'LOAD_SAMPLE',
        state: 'DONE',
        spaces: [],
        result: { imported: sampleSize - stored, known: stored, failedCount: 0, failed: [], space: null },
      });
      expect(await gallery.app.store.countImages()).toBe(sampleSize);
    });
  }
});
