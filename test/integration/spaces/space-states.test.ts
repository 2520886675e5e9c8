import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { insertImage } from '../../../src/images/sql/content-sql.js';
import { activateSpace, retireSpace } from '../../../src/spaces/sql/space-state-sql.js';
import type { EmbeddingSpace } from '../../../src/database/store.js';
import { testStoreKinds } from '../../support/database.js';
import { race } from '../../support/paused-pool.js';
import { embeddingOf, newImage, openTestStore, testSpace, type TestStore } from '../../support/store.js';

describe.each(testStoreKinds())('which space is active on the %s store', (kind) => {
  let opened: TestStore;
  beforeAll(async () => {
    opened = await openTestStore(kind);
  });
  afterAll(async () => opened.close());
  afterEach(async () => {
    await opened.database.pool.query(`DELETE FROM ${opened.name('image')}`);
    await opened.store.activateSpace(opened.space.id, { force: true });
    for (const { id, state } of await opened.store.listSpaces()) {
      if (state !== 'active') await opened.store.removeSpace(id);
    }
  });

  const on = () => ({ pool: opened.database.pool, kind });
  const create = async (name: string) => opened.store.createSpace({ ...testSpace, name });
  const imageFor = (spaces: readonly EmbeddingSpace[], text: string) =>
    newImage(0, text, { embeddings: spaces.map(({ id }) => ({ spaceId: id, embedding: embeddingOf(text) })) });
  const upload = async (text: string) =>
    (await opened.store.insertImage(imageFor(await opened.store.liveSpaces(), text))).image;
  const states = async () =>
    Object.fromEntries((await opened.store.listSpaces()).map(({ name, state }) => [name, state]));
  const fill = async (space: EmbeddingSpace) => {
    const ids = await opened.store.imagesWithoutEmbedding(space.id, { limit: 1000 });
    await opened.store.insertEmbeddings(
      space.id,
      ids.map((imageId) => ({ imageId, embedding: embeddingOf(imageId) })),
    );
  };

  test('a space that is complete takes the place of the former one, which may take it back', async () => {
    const { id: imageId } = await upload('one');
    await upload('two');
    const second = await create('second');
    await fill(second);
    // Still building: that it is complete is found out here.
    expect(await opened.store.activateSpace(second.id, { force: false })).toEqual({ former: opened.space, missing: 0 });
    expect(await opened.store.activeSpace()).toEqual({ ...second, state: 'active' });
    expect(await opened.store.liveSpaces()).toEqual([
      { ...second, state: 'active' },
      { ...opened.space, state: 'ready' },
    ]);
    expect((await opened.store.searchByImage(imageId, { k: 1 })).space).toBe('second');
    await upload('for both');
    expect((await opened.store.listSpaces()).map(({ imageCount }) => imageCount)).toEqual([3, 3]);

    expect(await opened.store.activateSpace(second.id, { force: false })).toEqual({ former: undefined, missing: 0 });
    expect((await opened.store.activateSpace(opened.space.id, { force: false })).former?.name).toBe('second');
    expect(await states()).toEqual({ test: 'active', second: 'ready' });
    expect((await opened.store.searchByImage(imageId, { k: 1 })).space).toBe('test');
  });

  test('one that lacks images is refused unless forced, and is building again when it is left', async () => {
    const { id: imageId } = await upload('missing');
    const second = await create('second');
    await expect(opened.store.activateSpace(second.id, { force: false })).rejects.toMatchObject({
      code: 'CONFLICT',
      message:
        '1 images have no embedding in the space "second", and would not be found: `semblance spaces backfill second` embeds them',
    });
    expect(await states()).toEqual({ test: 'active', second: 'building' });
    expect(await opened.store.activateSpace(second.id, { force: true })).toEqual({ former: opened.space, missing: 1 });
    await expect(opened.store.searchByImage(imageId, { k: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await opened.store.completeSpace(second.id)).toEqual({ missing: 1 });
    await opened.store.activateSpace(opened.space.id, { force: false });
    expect(await states()).toEqual({ test: 'active', second: 'building' });
  });

  test('a retired space is embedded for and searched no more, and keeps what it holds', async () => {
    const second = await create('second');
    const { id: imageId } = await upload('in both');
    await opened.store.retireSpace(second.id);
    await opened.store.retireSpace(second.id);
    await upload('in one');
    expect((await opened.store.listSpaces()).map(({ state, imageCount }) => [state, imageCount])).toEqual([
      ['active', 2],
      ['retired', 1],
    ]);
    await expect(opened.store.searchByImage(imageId, { k: 1, spaceId: second.id })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    for (const force of [false, true]) {
      await expect(opened.store.activateSpace(second.id, { force })).rejects.toMatchObject({ code: 'CONFLICT' });
    }
    await expect(opened.store.retireSpace(opened.space.id)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(opened.store.retireSpace(12_345)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(opened.store.activateSpace(12_345, { force: true })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('an upload that was embedded before a space was made, and commits around its activation, is counted as missing', async () => {
    const image = imageFor([opened.space], 'on its way');
    let second: EmbeddingSpace | undefined;
    const outcome = await race(
      on(),
      async (pool) => insertImage(pool, opened.schemas, image),
      async () => {
        second = await create('second');
        return opened.store.activateSpace(second.id, { force: false });
      },
    );
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CONFLICT' } });
    expect(await states()).toEqual({ test: 'active', second: 'building' });
  });

  test('an upload for both spaces on its way is in the one that is switched to', async () => {
    const second = await create('second');
    const image = imageFor([opened.space, second], 'for both');
    const outcome = await race(
      on(),
      async (pool) => insertImage(pool, opened.schemas, image),
      async () => opened.store.activateSpace(second.id, { force: false }),
    );
    expect(outcome).toMatchObject({ status: 'fulfilled', value: { missing: 0 } });
    expect(await opened.store.imagesWithoutEmbedding(second.id, { limit: 1 })).toEqual([]);
    expect((await opened.store.searchByVector(embeddingOf('for both'), { k: 1 })).hits[0]?.image.id).toBe(image.id);
  });

  test('an upload that was embedded for the former space alone is asked to embed again after the switch and the retirement', async () => {
    const stale = imageFor([opened.space], 'stale');
    const second = await create('second');
    const refused = await race(
      on(),
      async (pool) => activateSpace(pool, opened.schemas, second.id, { force: false }),
      async () => opened.store.insertImage(stale),
    );
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'CONFLICT' } });
    const both = imageFor([opened.space, second], 'stale');
    const again = await race(
      on(),
      async (pool) => retireSpace(pool, opened.schemas, opened.space.id),
      async () => opened.store.insertImage(both),
    );
    expect(again).toMatchObject({ status: 'rejected', reason: { code: 'CONFLICT' } });
    expect(await opened.store.findImage(stale.id)).toBeUndefined();
    expect((await upload('stale')).id).toBe(stale.id);
    expect((await opened.store.searchByVector(embeddingOf('stale'), { k: 1 })).hits[0]?.image.id).toBe(stale.id);
    // For the other tests: what is retired stays so.
    await opened.database.pool.query(`UPDATE ${opened.name('embedding_space')} SET state = 'ready' WHERE id = $1`, [
      opened.space.id,
    ]);
  });

  test('two that activate at the same time leave one active space', async () => {
    const [second, third] = [await create('second'), await create('third')];
    await upload('in all');
    for (let round = 0; round < 5; round++) {
      await Promise.all([second, third].map(async ({ id }) => opened.store.activateSpace(id, { force: false })));
      const now = Object.values(await states()).sort();
      expect(now).toEqual(['active', 'ready', 'ready']);
    }
  });
});
