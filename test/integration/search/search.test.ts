import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testStoreKinds } from '../../support/database.js';
import { newImage, openTestStore, type TestStore } from '../../support/store.js';

const count = 60;

/** A direction in the plane of the first two numbers. */
function direction(degrees: number, length = 1): Float32Array {
  const vector = new Float32Array(8);
  vector[0] = Math.cos((degrees * Math.PI) / 180) * length;
  vector[1] = Math.sin((degrees * Math.PI) / 180) * length;
  return vector;
}

describe.each(testStoreKinds())('searches on the %s store', (kind) => {
  let opened: TestStore;
  const idOf = (degrees: number) => newImage(1, `at ${degrees}`).id;
  beforeAll(async () => {
    opened = await openTestStore(kind);
    for (let degrees = 0; degrees < count; degrees++) {
      await opened.store.insertImage(
        newImage(opened.space.id, `at ${degrees}`, {
          // Lengths differ: they must not count.
          embedding: direction(degrees, 1 + degrees),
          metadata: { third: degrees % 3 === 0 },
        }),
      );
    }
  });
  afterAll(async () => opened.close());

  test('the nearest others, nearest first, with the cosine', async () => {
    const result = await opened.store.searchByImage(idOf(0), { k: 3 });
    expect(result.hits.map(({ image }) => image.id)).toEqual([idOf(1), idOf(2), idOf(3)]);
    for (const [index, { similarity }] of result.hits.entries()) {
      expect(similarity).toBeCloseTo(Math.cos(((index + 1) * Math.PI) / 180), 6);
    }
    expect(result).toMatchObject({ space: 'test', mode: 'exact' });
    expect(result.hits[0]?.image).toEqual(await opened.store.findImage(idOf(1)));
  });

  test('exactly k where k exist, all where fewer do', async () => {
    for (const k of [1, 10, count - 1]) {
      expect((await opened.store.searchByImage(idOf(30), { k })).hits).toHaveLength(k);
    }
    expect((await opened.store.searchByImage(idOf(30), { k: 1000 })).hits).toHaveLength(count - 1);
    expect((await opened.store.searchByVector(direction(10), { k: 1000 })).hits).toHaveLength(count);
  });

  test('a vector finds the image itself; its length does not count', async () => {
    const { hits } = await opened.store.searchByVector(direction(10, 1e-3), { k: 2 });
    expect(hits[0]?.image.id).toBe(idOf(10));
    expect(hits[0]?.similarity).toBeCloseTo(1, 6);
  });

  test('a vector without a direction is refused', async () => {
    await expect(opened.store.searchByVector(new Float32Array(8), { k: 1 })).rejects.toMatchObject({
      code: 'INVALID_IMAGE',
    });
  });

  test('minSimilarity cuts the result, down to nothing', async () => {
    const minSimilarity = Math.cos((5.5 * Math.PI) / 180);
    const { hits } = await opened.store.searchByImage(idOf(0), { k: 10, minSimilarity });
    expect(hits.map(({ image }) => image.id)).toEqual([1, 2, 3, 4, 5].map(idOf));
    const none = await opened.store.searchByImage(idOf(0), { k: 10, minSimilarity: 1 });
    expect(none).toMatchObject({ hits: [], space: 'test', mode: 'exact' });
  });

  test('a filter keeps k of those that pass it', async () => {
    const filter = { metadata: { third: true } };
    const { hits } = await opened.store.searchByImage(idOf(0), { k: 4, filter });
    expect(hits.map(({ image }) => image.id)).toEqual([3, 6, 9, 12].map(idOf));
    expect((await opened.store.searchByImage(idOf(0), { k: 100, filter })).hits).toHaveLength(19);
    const none = await opened.store.searchByImage(idOf(0), { k: 4, filter: { filenameContains: 'nothing' } });
    expect(none).toMatchObject({ hits: [], mode: 'exact' });
  });

  test('metadata stays in the database where nobody asks for it', async () => {
    const [found] = (await opened.store.searchByImage(idOf(0), { k: 1, withoutMetadata: true })).hits;
    expect(found?.image).toHaveProperty('filename');
    expect(() => found?.image.metadata).toThrow('was not read');
  });

  test('equal similarities are ordered by id, and a twin does not hide the others', async () => {
    const twins = ['twin a', 'twin b', 'twin c', 'twin d'];
    for (const twin of twins) {
      await opened.store.insertImage(newImage(opened.space.id, twin, { embedding: direction(-90) }));
    }
    const ids = twins.map((twin) => newImage(1, twin).id).sort();
    const { hits } = await opened.store.searchByVector(direction(-90), { k: 4 });
    expect(hits.map(({ image }) => image.id)).toEqual(ids);
    const others = await opened.store.searchByImage(ids[1] ?? '', { k: 3 });
    expect(others.hits.map(({ image }) => image.id)).toEqual([ids[0], ids[2], ids[3]]);
    await Promise.all(ids.map(async (id) => opened.store.deleteImage(id)));
  });

  test('an image is a candidate once stored, and no longer once deleted', async () => {
    const { image } = await opened.store.insertImage(newImage(opened.space.id, 'guest', { embedding: direction(180) }));
    const first = async () => (await opened.store.searchByVector(direction(180), { k: 1 })).hits[0]?.image.id;
    expect(await first()).toBe(image.id);
    await opened.store.deleteImage(image.id);
    expect(await first()).toBe(idOf(59));
    await expect(opened.store.searchByImage(image.id, { k: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('similar_images(image_id, k) in SQL answers the same', async () => {
    const { hits } = await opened.store.searchByImage(idOf(20), { k: 7 });
    const { rows } = await opened.database.pool.query(
      `SELECT s.id, similarity, rank FROM ${opened.name('similar_images')}($1, 7) s JOIN ${opened.name('image')} USING (id) ORDER BY rank`,
      [idOf(20)],
    );
    expect(rows).toEqual(hits.map(({ image, similarity }, index) => ({ id: image.id, similarity, rank: index + 1 })));
    const byDefault = await opened.database.pool.query(`SELECT FROM ${opened.name('similar_images')}($1)`, [idOf(20)]);
    expect(byDefault.rowCount).toBe(10);
  });

  test('similar_images refuses an unknown image and a k out of bounds', async () => {
    const ask = async (id: string, k: number) =>
      opened.database.pool.query(`SELECT FROM ${opened.name('similar_images')}($1, $2)`, [id, k]);
    await expect(ask(newImage(1, 'unknown').id, 1)).rejects.toMatchObject({ code: 'P0002' });
    await expect(ask(idOf(1), 0)).rejects.toMatchObject({ code: '22023' });
    await expect(ask(idOf(1), 1001)).rejects.toMatchObject({
      message: 'Expected an integer from 1 to 1000 for k but received 1001',
    });
  });

  test('every function and table that users may meet is described in the database', async () => {
    const { rows } = await opened.database.pool.query<{ name: string; comment: string | null }>(
      `SELECT proname AS name, obj_description(p.oid, 'pg_proc') AS comment FROM pg_proc p WHERE pronamespace = $1::regnamespace
       UNION ALL SELECT relname, obj_description(c.oid, 'pg_class') FROM pg_class c
       WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE '\\_%'`,
      [opened.schemas.own],
    );
    expect(rows.length).toBeGreaterThanOrEqual(8);
    expect(rows.filter(({ comment }) => comment === null)).toEqual([]);
  });
});
