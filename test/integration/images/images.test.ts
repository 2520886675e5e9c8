import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toStoreError } from '../../../src/database/errors.js';
import { metadataTextOf } from '../../../src/images/sql/image-rows.js';
import { testStoreKinds } from '../../support/database.js';
import { newImage, openTestStore, type TestStore } from '../../support/store.js';

describe.each(testStoreKinds())('images on the %s store', (kind) => {
  let opened: TestStore;
  beforeAll(async () => {
    opened = await openTestStore(kind);
  });
  afterAll(async () => opened.close());

  const insert = async (text: string, changes = {}) =>
    (await opened.store.insertImage(newImage(opened.space.id, text, changes))).image;
  const countRows = async (table: string, id: string) =>
    Number(
      (
        await opened.database.pool.query<{ count: string }>(
          `SELECT count(*) FROM ${opened.name(table)} WHERE ${table === 'image' ? 'id' : 'image_id'} = $1`,
          [id],
        )
      ).rows[0]?.count,
    );

  test('an image comes back as it was stored', async () => {
    const image = newImage(opened.space.id, 'one', { filename: 'Übung 🖼.png', metadata: { a: [1, null, { b: 'c' }] } });
    const before = Date.now();
    const { image: stored, created } = await opened.store.insertImage(image);
    expect(created).toBe(true);
    expect(stored).toEqual({
      id: image.id,
      sha256: image.sha256,
      filename: 'Übung 🖼.png',
      mediaType: 'image/png',
      width: 3,
      height: 2,
      byteSize: 3,
      metadata: { a: [1, null, { b: 'c' }] },
      createdAt: stored.createdAt,
    });
    // The database's clock is this machine's.
    expect(Math.abs(stored.createdAt.getTime() - before)).toBeLessThan(60_000);
    expect(await opened.store.findImage(image.id)).toEqual(stored);
    expect(await opened.store.readOriginal(image.id)).toEqual({ bytes: Buffer.from('one'), image: stored });
    expect(await opened.store.readThumbnail(image.id)).toEqual(Buffer.from('thumbnail of one'));
  });

  test('large bytes come back as they were', async () => {
    const original = Buffer.alloc(3_000_001, 'semblance \0 ÿ');
    const { id } = await insert('large', { original });
    expect((await opened.store.readOriginal(id))?.bytes.equals(original)).toBe(true);
  });

  test('an unknown id has nothing', async () => {
    const id = newImage(1, 'never stored').id;
    expect(await opened.store.findImage(id)).toBeUndefined();
    expect(await opened.store.readOriginal(id)).toBeUndefined();
    expect(await opened.store.readThumbnail(id)).toBeUndefined();
    expect(await opened.store.updateMetadata(id, {})).toBeUndefined();
    expect(await opened.store.deleteImage(id)).toBe(false);
  });

  test('the same bytes from fifty clients at once are one image', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, index) =>
        opened.store.insertImage(newImage(opened.space.id, 'wanted by all', { filename: `${index}.png` })),
      ),
    );
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(answers.map(({ image }) => JSON.stringify(image))).size).toBe(1);
    const { id } = newImage(1, 'wanted by all');
    expect([await countRows('image_content', id), await countRows('embedding', id)]).toEqual([1, 1]);
  });

  test('other bytes under the same id are a conflict', async () => {
    const { id } = await insert('first of its id');
    const other = newImage(opened.space.id, 'second of its id', { id });
    await expect(opened.store.insertImage(other)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('an image embedded for another space than the live one is refused and leaves nothing', async () => {
    const image = newImage(opened.space.id + 1, 'of a former space');
    await expect(opened.store.insertImage(image)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await countRows('image', image.id)).toBe(0);
  });

  test.each([
    ['zeros', new Float32Array(8), 'INVALID_IMAGE'],
    ['a norm below the bound', Float32Array.of(1e-7, 0, 0, 0, 0, 0, 0, 0), 'INVALID_IMAGE'],
    ['not a number', Float32Array.of(1, NaN, 0, 0, 0, 0, 0, 0), 'INVALID_IMAGE'],
    ['infinity', Float32Array.of(1, Infinity, 0, 0, 0, 0, 0, 0), 'INVALID_IMAGE'],
    ['too few numbers', Float32Array.of(1, 2), 'MODEL_UNAVAILABLE'],
    ['more than the column holds', new Float32Array(769).fill(1), 'MODEL_UNAVAILABLE'],
  ])('an embedding of %s is refused and leaves nothing', async (label, embedding, code) => {
    const image = newImage(opened.space.id, label, { embedding });
    await expect(opened.store.insertImage(image)).rejects.toMatchObject({ code });
    expect(await countRows('image', image.id)).toBe(0);
  });

  test('the table itself refuses a zero vector', async () => {
    const { id } = await insert('to be zeroed');
    await expect(
      opened.database.pool.query(
        `UPDATE ${opened.name('embedding')} SET embedding = array_fill(0, ARRAY[768])::real[] WHERE image_id = $1`,
        [id],
      ),
    ).rejects.toMatchObject({ code: '23514' });
  });

  test('a shorter embedding is stored at length 1, padded with zeros, beside its norm', async () => {
    const { id } = await insert('padded', { embedding: Float32Array.of(3, 0, 0, 4, 0, 0, 0, 0) });
    const { rows } = await opened.database.pool.query<{ values: number[]; norm: number }>(
      `SELECT embedding::real[] AS values, norm FROM ${opened.name('embedding')} WHERE image_id = $1`,
      [id],
    );
    expect(rows[0]?.norm).toBe(5);
    const expected = new Array<number>(768).fill(0);
    expected[0] = Math.fround(0.6);
    expected[3] = Math.fround(0.8);
    expect(rows[0]?.values.map(Math.fround)).toEqual(expected);
  });

  test('metadata takes no more bytes in an answer than its client sent', async () => {
    const { id } = await insert('compact');
    const metadata = { a: new Array(2_000).fill(0), b: { '1, 2: 3': [true, null, []] }, text: '"a, b: \\" \\\\ ü\n' };
    const record = await opened.store.updateMetadata(id, metadata);
    if (record === undefined) throw new Error('The image was stored');
    expect(metadataTextOf(record)).toBe(JSON.stringify(metadata));
    expect(record.metadata).toEqual(metadata);
  });

  test('metadata is replaced', async () => {
    const { id } = await insert('relabelled', { metadata: { old: true } });
    expect((await opened.store.updateMetadata(id, { new: [null] }))?.metadata).toEqual({ new: [null] });
    expect((await opened.store.findImage(id))?.metadata).toEqual({ new: [null] });
  });

  test('of some ids, those that are stored', async () => {
    const stored = [(await insert('known one')).id, (await insert('known two')).id];
    expect(await opened.store.existingIds([...stored, newImage(1, 'unknown').id])).toEqual(new Set(stored));
    expect(await opened.store.existingIds([])).toEqual(new Set());
  });

  test('deletion takes bytes and embedding along', async () => {
    const { id } = await insert('deleted');
    expect(await opened.store.deleteImage(id)).toBe(true);
    const left = await Promise.all(['image', 'image_content', 'embedding'].map((table) => countRows(table, id)));
    expect(left).toEqual([0, 0, 0]);
    expect(await opened.store.findImage(id)).toBeUndefined();
  });

  test("an image that a user's own table references stays, unless that reference cascades", async () => {
    const { pool } = opened.database;
    const [kept, gone] = [await insert('referenced'), await insert('referenced with cascade')];
    await pool.query(
      `CREATE TABLE ${opened.name('user_note')} (image_id uuid REFERENCES ${opened.name('image')} (id), note text)`,
    );
    await pool.query(
      `CREATE TABLE ${opened.name('user_tag')} (image_id uuid REFERENCES ${opened.name('image')} (id) ON DELETE CASCADE)`,
    );
    await pool.query(`INSERT INTO ${opened.name('user_note')} VALUES ($1, 'mine')`, [kept.id]);
    await pool.query(`INSERT INTO ${opened.name('user_tag')} VALUES ($1)`, [gone.id]);

    const refused = opened.store.deleteImage(kept.id);
    await expect(refused).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(refused).rejects.toThrow(/referenced by another table/);
    expect((await opened.store.readOriginal(kept.id))?.bytes.toString()).toBe('referenced');
    expect(await opened.store.deleteImage(gone.id)).toBe(true);
    expect(await countRows('user_tag', gone.id)).toBe(0);
  });

  test('sizes count what is stored', async () => {
    const before = await opened.store.sizeBytes();
    await insert('half a megabyte', { original: Buffer.alloc(500_000, 7) });
    expect(await opened.store.sizeBytes()).toBeGreaterThan(before + 400_000);
  });

  test('an error of the database is ours, or is masked above', async () => {
    const error: unknown = await opened.store
      .insertImage(newImage(opened.space.id, 'nul', { filename: 'a\0b' }))
      .catch((reason: unknown) => reason);
    expect(toStoreError(error)).toBeInstanceOf(Error);
    expect(await countRows('image', newImage(1, 'nul').id)).toBe(0);
  });
});
