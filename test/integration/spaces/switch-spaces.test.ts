import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { App } from '../../../src/app.js';
import { defaultModel } from '../../../src/models/manifest.js';
import { SemblanceError } from '../../../src/base/errors.js';
import { createOperations, type Operations } from '../../../src/api/operations.js';
import { holdStore } from '../../support/held-store.js';
import { makeJpeg } from '../../support/make-image.js';
import { openPersistentApp, persistentStores, type PersistentApp } from '../../support/persistent-app.js';
import { cleanUp, runProgram, waitFor } from '../../support/server.js';
import { smallModel } from '../../support/small-model.js';
import { tinyModelFolder } from '../../support/tiny-models.js';
import { startTraffic } from '../../support/traffic.js';

const bundled = smallModel;
/** Of 40 dimensions, and nothing like the bundled one. */
const otherModel = tinyModelFolder('nchw-float32-convolutional');
const stored = 24;

afterAll(cleanUp);

describe.each(persistentStores())('switching spaces on the %s store', (kind) => {
  let gallery: PersistentApp;
  let app: App;
  let ids: readonly string[];
  const open = async () => {
    gallery = await openPersistentApp(kind);
    app = gallery.app;
    const uploads = Array.from({ length: stored }, async (_, seed) => {
      const bytes = await makeJpeg(seed);
      return app.operations.uploadImage({ bytes, filename: `${seed}.jpg`, priority: 'bulk' });
    });
    ids = (await Promise.all(uploads)).map(({ image }) => image.id);
  };
  /** Goes back to the images and the one space that it was opened with. */
  const restore = async () => {
    vi.restoreAllMocks();
    const { operations, store } = app;
    await operations.activateSpace({ name: bundled });
    for (const { name } of await store.listSpaces()) if (name !== bundled) await operations.removeSpace(name);
    for (const { node } of (await operations.listImages({ first: 100 })).edges) {
      if (!ids.includes(node.id)) await operations.deleteImage(node.id);
    }
  };

  const spaceNamed = async (name: string) => {
    const space = (await app.store.listSpaces()).find((listed) => listed.name === name);
    if (space === undefined) throw new Error(`There is no space ${name}`);
    return space;
  };
  const make = async (name: string, recipe = `@${otherModel}`) => {
    await app.operations.createSpace({ name, recipe });
    await app.operations.backfillSpace({ name });
  };

  const refusal = async (work: Promise<unknown>): Promise<string> => {
    const error: unknown = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return error instanceof SemblanceError ? `${error.code}: ${error.message}` : String(error);
  };

  /** Every step while searches go on, some of them in each state. */
  const throughAll = async (
    steps: Readonly<Record<'create' | 'backfill' | 'activate' | 'retire' | 'remove', () => Promise<void>>>,
  ) => {
    const traffic = startTraffic(app, ids);
    const moreAnswers = async (space: string): Promise<void> => {
      const before = traffic.answered.get(space) ?? 0;
      await waitFor(`answers in ${space}`, async () => {
        await new Promise(setImmediate);
        if (traffic.broken) throw new Error('The traffic broke');
        return (traffic.answered.get(space) ?? 0) >= before + 6;
      });
    };
    const embeddings = new Map<string, ReadonlyMap<string, Float32Array>>();
    const readEmbeddings = async (name: string) => {
      embeddings.set(name, await app.store.readEmbeddings((await spaceNamed(name)).id, traffic.staying));
    };
    let complete = false;
    try {
      await moreAnswers(bundled);
      await steps.create();
      await moreAnswers(bundled);
      await steps.backfill();
      await moreAnswers(bundled);
      await steps.activate();
      await moreAnswers('second');
      await readEmbeddings(bundled);
      await steps.retire();
      await moreAnswers('second');
      expect((await app.store.listSpaces()).map(({ name, state }) => [name, state])).toEqual([
        [bundled, 'retired'],
        ['second', 'active'],
      ]);
      await steps.remove();
      await moreAnswers('second');
      await readEmbeddings('second');
      complete = true;
    } finally {
      // What broke the traffic is the reason why a step was given up.
      if (!complete) await traffic.stop();
    }
    const staying = await traffic.end(embeddings);
    expect(staying.length).toBeGreaterThan(stored);
    const [second, ...others] = await app.store.listSpaces();
    expect(others).toEqual([]);
    expect(second).toMatchObject({ name: 'second', state: 'active', imageCount: await app.store.countImages() });
    for (const id of staying) {
      const { bytes } = (await app.operations.readOriginal(id)) ?? {};
      const { hits } = await app.operations.searchByUpload({ bytes: bytes ?? Buffer.alloc(0), k: 1 });
      expect(hits[0]?.similarity).toBeCloseTo(1, 2);
    }
  };

  describe('the first of which is retired', () => {
    beforeEach(open);
    afterEach(async () => gallery.remove());

    it('goes on to the default model beside searches, uploads and deletions', { timeout: 240_000 }, async () => {
      const { operations } = app;
      await throughAll({
        create: async () => {
          const { space } = await operations.createSpace({ name: 'second', recipe: `@${defaultModel}` });
          expect(space).toMatchObject({ model: defaultModel, state: 'building' });
        },
        backfill: async () => {
          expect(await operations.backfillSpace({ name: 'second' })).toMatchObject({
            state: 'ready',
            missing: 0,
            failed: [],
          });
        },
        activate: async () => {
          expect(await operations.activateSpace({ name: 'second' })).toEqual({
            space: 'second',
            former: bundled,
            missing: 0,
          });
        },
        retire: async () => {
          expect(await operations.retireSpace(bundled)).toBe(bundled);
        },
        remove: async () => {
          expect(await operations.removeSpace(bundled)).toBe(bundled);
        },
      });
    });

    // The embedded database is held by one process.
    const onServer = kind === 'server' ? it : undefined;
    onServer?.('goes on while the commands run in another process', { timeout: 300_000 }, async () => {
      const { database, schema } = app.config;
      const run = async (...args: string[]): Promise<void> => {
        // Unset, as where an operator switches: the active space changes.
        const env = {
          DATABASE_URL: database.kind === 'server' ? database.url : '',
          SEMBLANCE_SCHEMA: schema,
          SEMBLANCE_MODEL: '',
        };
        const finished = await runProgram(['spaces', ...args], { env });
        expect(finished.code, finished.output).toBe(0);
      };
      await throughAll({
        create: async () => run('create', 'second', '--model', otherModel),
        backfill: async () => run('backfill', 'second'),
        activate: async () => run('activate', 'second'),
        retire: async () => run('retire', bundled),
        remove: async () => run('remove', bundled),
      });
      expect(await app.operations.health()).toEqual({ ready: true, reasons: [] });
    });

    it('embeds an upload again that was embedded for the former space and commits after the switch', async () => {
      const insert = app.store.insertImage.bind(app.store);
      let reach = (): void => undefined;
      let resume = (): void => undefined;
      const reached = new Promise<void>((resolve) => (reach = resolve));
      const resumed = new Promise<void>((resolve) => (resume = resolve));
      const tried: number[] = [];
      const spy = vi.spyOn(app.store, 'insertImage').mockImplementation(async (image) => {
        tried.push(image.embeddings.length);
        if (tried.length === 1) {
          reach();
          await resumed;
        }
        return insert(image);
      });
      const bytes = await makeJpeg(5000);
      const uploading = app.operations.uploadImage({ bytes, filename: 'late.jpg', priority: 'query' });
      await reached;
      await make('second');
      await app.operations.activateSpace({ name: 'second' });
      await app.operations.retireSpace(bundled);
      resume();
      const { image } = await uploading;
      spy.mockRestore();
      expect(tried).toEqual([1, 1]);
      const { id } = await spaceNamed('second');
      expect((await app.store.readEmbeddings(id, [image.id])).size).toBe(1);
      const { hits } = await app.operations.searchByUpload({ bytes, k: 1 });
      expect(hits[0]?.image.id).toBe(image.id);
    });

    it('a search that named no space goes on in the new one where the former is retired under it', async () => {
      const find = app.store.searchByVector.bind(app.store);
      const searched: (number | undefined)[] = [];
      await make('second');
      const spy = vi.spyOn(app.store, 'searchByVector').mockImplementation(async (vector, options) => {
        searched.push(options.spaceId);
        if (searched.length === 1) {
          await app.operations.activateSpace({ name: 'second' });
          await app.operations.retireSpace(bundled);
        }
        return find(vector, options);
      });
      const answer = await app.operations.searchByUpload({ bytes: await makeJpeg(0), k: 3 });
      expect(answer).toMatchObject({ space: 'second', hits: [{}, {}, {}] });
      expect(searched).toHaveLength(2);
      // Who names it hears that it is gone.
      const named = app.operations.searchByUpload({ bytes: await makeJpeg(0), k: 3, space: bundled });
      await expect(named).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
      spy.mockRestore();
    });

    it('refuses what would leave the server blind', async () => {
      await app.operations.createSpace({ name: 'second', recipe: `@${otherModel}` });
      expect(await refusal(app.operations.activateSpace({ name: 'second' }))).toBe(
        `CONFLICT: ${stored} images have no embedding in the space "second", and would not be found: \`semblance spaces backfill second\` embeds them`,
      );
      expect(await refusal(app.operations.activateSpace({ name: 'none' }))).toMatch(/^NOT_FOUND: /);
      expect(await refusal(app.operations.retireSpace(bundled))).toMatch(/^CONFLICT: .*activate another one first/);
      expect(await app.operations.activateSpace({ name: 'second', force: true })).toMatchObject({ missing: stored });
      expect(await app.operations.backfillSpace({ name: 'second' })).toMatchObject({ state: 'active', missing: 0 });
      await app.operations.retireSpace(bundled);
      expect(await refusal(app.operations.activateSpace({ name: bundled, force: true }))).toMatch(
        /^CONFLICT: .*retired/,
      );
      expect(await refusal(app.operations.backfillSpace({ name: bundled }))).toMatch(/^BAD_USER_INPUT: /);
    });
  });

  describe('all of which stay', () => {
    beforeAll(open);
    afterEach(restore);
    afterAll(async () => gallery.remove());

    it.each([
      ['a backfill', 'insertEmbeddings', (operations: Operations) => operations.backfillSpace({ name: 'second' })],
      [
        'an index of regions',
        'insertRegions',
        (operations: Operations) => operations.indexRegions({ space: 'second' }),
      ],
    ] as const)('%s ends where its space is retired under it', async (_work, method, begin) => {
      await app.operations.createSpace({ name: 'second', recipe: 'color' });
      if (method === 'insertRegions') await app.operations.backfillSpace({ name: 'second' });
      const { id } = await spaceNamed('second');
      const held = holdStore(app.store, method);
      const waits = held.hold();
      const working = refusal(begin(createOperations({ ...app.context, store: held.store })));
      await waits;
      await app.operations.retireSpace('second');
      held.release();
      expect(await working).toMatch(/^NOT_FOUND: .* retired/);
      expect((await app.store.imagesWithoutRegions(id, { limit: stored })).length).toBe(stored);
    });

    it('serves the active space by its own model, or by none, after a restart', async () => {
      await make('second');
      await make('features', 'color');
      expect(await app.operations.activateSpace({ name: 'second' })).toMatchObject({ former: bundled });
      expect(await app.operations.status()).toMatchObject({ activeSpace: 'second', dimensions: 40 });
      app = await gallery.reopen();
      const { state } = app.embedder;
      expect(state.kind === 'ready' && state.model.name).toBe('tiny-nchw-float32-convolutional');
      const answer = await app.operations.searchByUpload({ bytes: await makeJpeg(3), k: 1 });
      expect(answer.space).toBe('second');
      expect(answer.hits[0]?.similarity).toBeCloseTo(1, 3);
      await app.operations.uploadImage({ bytes: await makeJpeg(900), filename: 'new.jpg', priority: 'query' });

      // A space of features needs no model; the one that the server runs is the bundled one then.
      await app.operations.activateSpace({ name: 'features' });
      app = await gallery.reopen();
      expect(await app.operations.health()).toEqual({ ready: true, reasons: [] });
      expect(
        (await app.operations.searchByUpload({ bytes: await makeJpeg(900), k: 1 })).hits[0]?.similarity,
      ).toBeCloseTo(1, 3);
      expect((await app.store.listSpaces()).map(({ imageCount }) => imageCount)).toEqual([25, 25, 25]);
      expect((await app.operations.activateSpace({ name: bundled })).former).toBe('features');
    });

    it('fills a space in small steps, between which searches are answered', async () => {
      const events: string[] = [];
      const insert = app.store.insertEmbeddings.bind(app.store);
      const searches: Promise<unknown>[] = [];
      vi.spyOn(app.store, 'insertEmbeddings').mockImplementation(async (spaceId, embeddings) => {
        expect(embeddings.length).toBeLessThanOrEqual(2);
        const written = insert(spaceId, embeddings);
        searches.push(app.operations.similarImages({ imageId: ids[0] ?? '', k: 5 }).then(() => events.push('search')));
        await written;
        events.push('write');
        return written;
      });
      await make('second');
      await Promise.all(searches);
      expect(events.filter((event) => event === 'write')).toHaveLength(stored / 2);
      expect(events.indexOf('search')).toBeLessThan(events.lastIndexOf('write'));
    });
  });
});
