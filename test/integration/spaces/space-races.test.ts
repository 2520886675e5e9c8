import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { insertImage } from '../../../src/images/sql/content-sql.js';
import { insertEmbeddings } from '../../../src/spaces/sql/embedding-sql.js';
import { completeSpace, removeSpace } from '../../../src/spaces/sql/space-state-sql.js';
import { createSpace } from '../../../src/spaces/sql/space-sql.js';
import type { EmbeddingSpace } from '../../../src/database/store.js';
import type { ImageRecord } from '../../../src/database/types.js';
import { testStoreKinds } from '../../support/database.js';
import { race, untilOneWaits } from '../../support/paused-pool.js';
import { embeddingOf, newImage, openTestStore, testSpace, type TestStore } from '../../support/store.js';

const second = { ...testSpace, name: 'second' };

describe.each(testStoreKinds())('uploads beside changes of the spaces on the %s store', (kind) => {
  let opened: TestStore;
  beforeAll(async () => {
    opened = await openTestStore(kind);
  });
  afterAll(async () => opened.close());
  afterEach(async () => {
    for (const { id, state } of await opened.store.listSpaces()) {
      if (state !== 'active') await opened.store.removeSpace(id);
    }
    await opened.database.pool.query(`DELETE FROM ${opened.name('image')}`);
  });

  const on = () => ({ pool: opened.database.pool, kind });
  const imageFor = (spaces: readonly EmbeddingSpace[], text: string) =>
    newImage(0, text, { embeddings: spaces.map(({ id }) => ({ spaceId: id, embedding: embeddingOf(text) })) });
  const wait = async () => untilOneWaits(opened.database.pool, kind);

  test('a space that is made waits for an upload on its way, whose image it then lacks', async () => {
    const outcome = await race(
      on(),
      async (pool) => insertImage(pool, opened.schemas, imageFor([opened.space], 'on its way')),
      async () => opened.store.createSpace(second),
    );
    expect(outcome.status).toBe('fulfilled');
    const space = (await opened.store.liveSpaces())[1];
    expect(await opened.store.completeSpace(space?.id ?? 0)).toEqual({ missing: 1 });
    expect((await opened.store.liveSpaces())[1]?.state).toBe('building');
  });

  test('an upload waits for a space that is being made, and is asked to embed for it too', async () => {
    const image = imageFor([opened.space], 'embedded for one');
    const outcome = await race(
      on(),
      async (pool) => createSpace(pool, opened.schemas, second),
      async () => opened.store.insertImage(image),
    );
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CONFLICT' } });
    const { image: stored, spaces } = await opened.store.findForUpload(image.id);
    expect(stored).toBeUndefined();
    expect(spaces.map(({ name }) => name)).toEqual(['test', 'second']);
    expect((await opened.store.insertImage(imageFor(spaces, 'embedded for one'))).created).toBe(true);
    expect(await opened.store.completeSpace(spaces[1]?.id ?? 0)).toEqual({ missing: 0 });
  });

  test('a space is complete when the upload that was on its way is in it', async () => {
    const space = await opened.store.createSpace(second);
    const outcome = await race(
      on(),
      async (pool) => insertImage(pool, opened.schemas, imageFor([opened.space, space], 'for both')),
      async () => opened.store.completeSpace(space.id),
    );
    expect(outcome.status).toBe('fulfilled');
    expect(outcome).toEqual({ status: 'fulfilled', value: { missing: 0 } });
    expect(await opened.store.imagesWithoutEmbedding(space.id, { limit: 10 })).toEqual([]);
    expect((await opened.store.liveSpaces())[1]).toEqual({ ...space, state: 'ready' });
  });

  test('an upload beside the completion of a space lacks nothing in it', async () => {
    const space = await opened.store.createSpace(second);
    const outcome = await race(
      on(),
      async (pool) => completeSpace(pool, opened.schemas, space.id),
      async () => opened.store.insertImage(imageFor([opened.space, space], 'for both')),
    );
    expect(outcome.status).toBe('fulfilled');
    expect(await opened.store.listSpaces()).toMatchObject([
      { ...opened.space, imageCount: 1, regionCount: 0 },
      { ...space, state: 'ready', imageCount: 1, regionCount: 0 },
    ]);
  });

  test('a space that is removed waits for an upload on its way, whose image stays', async () => {
    const space = await opened.store.createSpace(second);
    const image = imageFor([opened.space, space], 'for both');
    const outcome = await race(
      on(),
      async (pool) => insertImage(pool, opened.schemas, image),
      async () => opened.store.removeSpace(space.id),
    );
    expect(outcome.status).toBe('fulfilled');
    expect((await opened.store.findForUpload(image.id)).spaces).toEqual([opened.space]);
    expect((await opened.store.searchByImage(image.id, { k: 1 })).hits).toEqual([]);
  });

  test('an upload beside the removal of a space is asked to embed again', async () => {
    const space = await opened.store.createSpace(second);
    const image = imageFor([opened.space, space], 'for both');
    const outcome = await race(
      on(),
      async (pool) => removeSpace(pool, opened.schemas, space.id),
      async () => opened.store.insertImage(image),
    );
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CONFLICT' } });
    expect(await opened.store.findImage(image.id)).toBeUndefined();
    expect((await opened.store.insertImage(imageFor([opened.space], 'for both'))).created).toBe(true);
  });

  test('a space that is removed waits for a backfill on its way, and the next one finds none', async () => {
    const { image } = await opened.store.insertImage(imageFor([opened.space], 'filled in'));
    const space = await opened.store.createSpace(second);
    const embeddings = [{ imageId: image.id, embedding: embeddingOf('filled in') }];
    const outcome = await race(
      on(),
      async (pool) => insertEmbeddings(pool, opened.schemas, space.id, embeddings),
      async () => opened.store.removeSpace(space.id),
    );
    expect(outcome.status).toBe('fulfilled');
    await expect(opened.store.insertEmbeddings(space.id, embeddings)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('an image that is deleted while a backfill writes it is passed over', async () => {
    const { image } = await opened.store.insertImage(imageFor([opened.space], 'deleted meanwhile'));
    const { image: other } = await opened.store.insertImage(imageFor([opened.space], 'stays'));
    const space = await opened.store.createSpace(second);
    const client = await opened.database.pool.connect();
    await client.query(`BEGIN; DELETE FROM ${opened.name('image')} WHERE id = '${image.id}'`);
    const writing = opened.store.insertEmbeddings(space.id, [
      { imageId: image.id, embedding: embeddingOf('deleted meanwhile') },
      { imageId: other.id, embedding: embeddingOf('stays') },
    ]);
    await wait();
    await client.query('COMMIT');
    client.release();
    expect(await writing).toBe(1);
    expect(await opened.store.completeSpace(space.id)).toEqual({ missing: 0 });
  });

  test('uploads, searches, changes and deletions while spaces come and go: none fails, and each image is in each space that stays', async () => {
    const upload = async (text: string): Promise<ImageRecord> => {
      for (;;) {
        const { spaces } = await opened.store.findForUpload(newImage(0, text).id);
        try {
          return (await opened.store.insertImage(imageFor(spaces, text))).image;
        } catch (error) {
          if ((error as { code?: string }).code !== 'CONFLICT') throw error;
        }
      }
    };
    const uploads = Promise.all(
      Array.from({ length: 4 }, async (_, worker) => {
        for (let index = 0; index < 15; index++) await upload(`image ${worker} ${index}`);
      }),
    );
    const changes = async () => {
      const space = await opened.store.createSpace({ ...testSpace, name: 'stays' });
      for (let index = 0; index < 3; index++) {
        const passing = await opened.store.createSpace({ ...testSpace, name: `goes ${index}` });
        expect(await opened.store.removeSpace(passing.id)).toBe(true);
      }
      return space;
    };
    let changing = true;
    const others = async (worker: number) => {
      for (let index = 0; changing; index++) {
        const { id } = await upload(`passing ${worker} ${index}`);
        await opened.store.searchByVector(embeddingOf('any'), { k: 5 });
        await opened.store.listSpaces();
        await opened.store.updateMetadata(id, { index });
        await opened.store.readOriginal(id);
        await opened.store.searchByImage(id, { k: 5 });
        await opened.store.deleteImage(id);
      }
    };
    const [stays] = await Promise.all([changes().finally(() => (changing = false)), uploads, others(0), others(1)]);
    const lacking = await opened.store.imagesWithoutEmbedding(stays.id, { limit: 100 });
    expect(await opened.store.completeSpace(stays.id)).toEqual({ missing: lacking.length });
    const counts = (await opened.store.listSpaces()).map(({ name, imageCount }) => [name, imageCount]);
    expect(counts).toEqual([
      ['test', 60],
      ['stays', 60 - lacking.length],
    ]);
  });
});
