import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { EmbeddingSpace } from '../../../src/database/store.js';
import { testStoreKinds } from '../../support/database.js';
import { embeddingOf, newImage, openTestStore, testSpace, type TestStore } from '../../support/store.js';

describe.each(testStoreKinds())('embedding spaces on the %s store', (kind) => {
  let opened: TestStore;
  beforeAll(async () => {
    opened = await openTestStore(kind);
  });
  afterAll(async () => opened.close());

  const create = async (name: string, changes = {}) => opened.store.createSpace({ ...testSpace, name, ...changes });
  const rowsOf = async (sql: string, values: readonly unknown[] = []) =>
    (await opened.database.pool.query<Record<string, unknown>>(sql, [...values])).rows;
  const imageFor = (spaces: readonly EmbeddingSpace[], text: string) =>
    newImage(0, text, { embeddings: spaces.map(({ id }) => ({ spaceId: id, embedding: embeddingOf(text) })) });
  const upload = async (text: string) =>
    (await opened.store.insertImage(imageFor(await opened.store.liveSpaces(), text))).image;
  const partitions = async (spaceId: number) =>
    (
      await rowsOf(
        `SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relname ~ $2 AND relkind IN ('r', 'i') ORDER BY 1`,
        [opened.schemas.own, `^(embedding|region)_${spaceId}(_hnsw)?$`],
      )
    ).map(({ relname }) => relname);

  test('a space that is made is building, has partitions with HNSW indexes, and keeps what was fitted', async () => {
    const fitted = { kind: 'pca', numbers: [0.1, -3e-12, 1e300], nested: { ä: null } };
    const space = await create('fitted', { fitted, dimensions: 5, model: 'hog.pca-64' });
    expect(space).toEqual({
      ...testSpace,
      name: 'fitted',
      dimensions: 5,
      model: 'hog.pca-64',
      state: 'building',
      id: space.id,
    });
    expect(await opened.store.readFitted(space.id)).toEqual(fitted);
    expect(await opened.store.readFitted(opened.space.id)).toBeUndefined();
    expect(await opened.store.readFitted(12_345)).toBeUndefined();
    const { id } = space;
    expect(await partitions(id)).toEqual([
      `embedding_${id}`,
      `embedding_${id}_hnsw`,
      `region_${id}`,
      `region_${id}_hnsw`,
    ]);
    expect(await opened.store.activeSpace()).toEqual(opened.space);
    expect(await opened.store.liveSpaces()).toEqual([opened.space, space]);
    await opened.store.removeSpace(id);
  });

  test('a name that is taken is a conflict and leaves nothing', async () => {
    const before = await rowsOf(`SELECT count(*) FROM pg_class WHERE relnamespace = $1::regnamespace`, [
      opened.schemas.own,
    ]);
    await expect(create('test')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await opened.store.liveSpaces()).toEqual([opened.space]);
    expect(
      await rowsOf(`SELECT count(*) FROM pg_class WHERE relnamespace = $1::regnamespace`, [opened.schemas.own]),
    ).toEqual(before);
  });

  test('an upload has one embedding for each live space, in any order, or leaves nothing', async () => {
    const space = await create('second', { dimensions: 3 });
    const both = [
      { spaceId: space.id, embedding: Float32Array.of(0, 2, 0) },
      { spaceId: opened.space.id, embedding: embeddingOf('both') },
    ];
    for (const embeddings of [
      [],
      both.slice(0, 1),
      both.slice(1),
      [...both, { spaceId: space.id + 1, embedding: embeddingOf('both') }],
      [...both, ...both.slice(0, 1)],
    ]) {
      await expect(opened.store.insertImage(newImage(0, 'both', { embeddings }))).rejects.toMatchObject({
        code: 'CONFLICT',
      });
    }
    const wrongLength = [{ spaceId: space.id, embedding: Float32Array.of(1) }, ...both.slice(1)];
    await expect(opened.store.insertImage(newImage(0, 'both', { embeddings: wrongLength }))).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
    });
    expect(await opened.store.countImages()).toBe(0);

    const { image, created } = await opened.store.insertImage(newImage(0, 'both', { embeddings: both }));
    expect(created).toBe(true);
    expect(await opened.store.readEmbeddings(space.id, [image.id])).toEqual(
      new Map([[image.id, Float32Array.of(0, 2, 0)]]),
    );
    expect(
      await rowsOf(`SELECT space_id FROM ${opened.name('embedding')} WHERE image_id = $1 ORDER BY 1`, [image.id]),
    ).toEqual([{ space_id: opened.space.id }, { space_id: space.id }]);
    await opened.store.deleteImage(image.id);
    expect(await rowsOf(`SELECT FROM ${opened.name('embedding')}`)).toEqual([]);
    await opened.store.removeSpace(space.id);
  });

  test('what an upload asks is one statement that reads no fitted parts', async () => {
    const space = await create('asked', { fitted: { large: 'x'.repeat(1000) } });
    const image = await upload('asked for');
    const query = vi.spyOn(opened.database.pool, 'query');
    try {
      expect(await opened.store.findForUpload(image.id)).toEqual({ image, spaces: [opened.space, space] });
      expect(query).toHaveBeenCalledTimes(1);
      const [[sql] = []] = query.mock.calls as unknown as readonly (readonly string[])[];
      expect(sql).not.toMatch(/fitted|\*/);
      expect(JSON.stringify(await query.mock.results[0]?.value)).not.toContain('xxxx');
    } finally {
      query.mockRestore();
    }
    expect(await opened.store.findForUpload(newImage(0, 'unknown').id)).toEqual({
      image: undefined,
      spaces: [opened.space, space],
    });
    await opened.store.removeSpace(space.id);
    await opened.store.deleteImage(image.id);
  });

  test('a space is filled in pages, and ready once no image lacks an embedding', async () => {
    const texts = ['one', 'two', 'three', 'four', 'five'];
    const ids = [];
    for (const text of texts) ids.push((await upload(text)).id);
    ids.sort();
    const space = await create('filled');
    const later = (await upload('later')).id;

    const seen: string[] = [];
    for (let after: string | undefined; ; after = seen.at(-1)) {
      const page = await opened.store.imagesWithoutEmbedding(space.id, {
        limit: 2,
        ...(after !== undefined && { after }),
      });
      if (page.length === 0) break;
      seen.push(...page);
    }
    expect(seen).toEqual(ids);
    expect(await opened.store.completeSpace(space.id)).toEqual({ missing: 5 });

    const [first = '', ...others] = ids;
    const embed = (imageId: string) => ({ imageId, embedding: embeddingOf(imageId) });
    expect(await opened.store.insertEmbeddings(space.id, others.map(embed))).toBe(4);
    expect(await opened.store.completeSpace(space.id)).toEqual({ missing: 1 });
    const before = await opened.store.readEmbeddings(space.id, [later]);
    // Some are there already, one is no image.
    expect(await opened.store.insertEmbeddings(space.id, [first, later, newImage(0, 'gone').id].map(embed))).toBe(1);
    expect(await opened.store.readEmbeddings(space.id, [later])).toEqual(before);
    expect(await opened.store.insertEmbeddings(space.id, [])).toBe(0);
    expect((await opened.store.liveSpaces())[1]?.state).toBe('building');
    expect(await opened.store.completeSpace(space.id)).toEqual({ missing: 0 });
    expect(await opened.store.completeSpace(space.id)).toEqual({ missing: 0 });
    expect(await opened.store.completeSpace(opened.space.id)).toEqual({ missing: 0 });
    expect(await opened.store.listSpaces()).toMatchObject([
      { ...opened.space, imageCount: 6, missingCount: 0, regionCount: 0 },
      { ...space, state: 'ready', imageCount: 6, missingCount: 0, regionCount: 0 },
    ]);
    await upload('into the ready one too');
    expect((await opened.store.listSpaces()).map(({ imageCount }) => imageCount)).toEqual([7, 7]);
    await opened.store.removeSpace(space.id);
    await rowsOf(`DELETE FROM ${opened.name('image')}`);
  });

  test('embeddings that do not suit the space are refused and leave nothing', async () => {
    const { id } = await upload('to be embedded');
    const space = await create('strict', { dimensions: 3 });
    const insert = async (spaceId: number, ...embedding: number[]) =>
      opened.store.insertEmbeddings(spaceId, [{ imageId: id, embedding: Float32Array.of(...embedding) }]);
    await expect(insert(space.id, 1, 2)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    await expect(insert(space.id, 0, 0, 0)).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
    await expect(insert(12_345, 1, 2, 3)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(opened.store.completeSpace(12_345)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await opened.store.readEmbeddings(space.id, [id])).toEqual(new Map());
    await rowsOf(`UPDATE ${opened.name('embedding_space')} SET state = 'retired' WHERE id = $1`, [space.id]);
    await expect(insert(space.id, 1, 2, 3)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(opened.store.completeSpace(space.id)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await opened.store.liveSpaces()).toEqual([opened.space]);
    const search = opened.store.searchByVector(Float32Array.of(1), { k: 1, spaceId: space.id });
    await expect(search).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await opened.store.removeSpace(space.id);
    await opened.store.deleteImage(id);
  });

  test('embeddings are read as their space gave them', async () => {
    const given = Array.from({ length: 600 }, (_, index) => embeddingOf(`image ${index}`).map((value) => value * 17.3));
    const space = await create('read');
    const spaces = [opened.space, space];
    const ids: string[] = [];
    for (const [index, embedding] of given.slice(0, 20).entries()) {
      const embeddings = spaces.map(({ id }, at) => ({
        spaceId: id,
        embedding: at === 0 ? embeddingOf('x') : embedding,
      }));
      ids.push((await opened.store.insertImage(newImage(0, `read ${index}`, { embeddings }))).image.id);
    }
    const read = await opened.store.readEmbeddings(space.id, [...ids, newImage(0, 'unknown').id]);
    expect([...read.keys()].sort()).toEqual([...ids].sort());
    for (const [index, id] of ids.entries()) {
      const [expected, received] = [given[index] ?? [], read.get(id) ?? []];
      expect(received).toHaveLength(8);
      expected.forEach((value, at) => {
        expect(received[at]).toBeCloseTo(value, 2);
      });
    }
    expect(await opened.store.readEmbeddings(space.id, [])).toEqual(new Map());
    await opened.store.removeSpace(space.id);
    await rowsOf(`DELETE FROM ${opened.name('image')}`);
  });

  test('a space goes with its embeddings, regions and scorers; the active one stays', async () => {
    const space = await create('removed');
    const image = await upload('in both');
    const region = { x: 0, y: 0, width: 1, height: 1 };
    expect(await opened.store.insertRegions(space.id, image.id, [{ region, embedding: embeddingOf('part') }])).toBe(
      true,
    );
    await opened.store.saveScorer(space.id, 'labels', { weights: [1] });
    await expect(opened.store.removeSpace(opened.space.id)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await opened.store.removeSpace(space.id)).toBe(true);
    expect(await opened.store.removeSpace(space.id)).toBe(false);
    expect(await partitions(space.id)).toEqual([]);
    expect(await opened.store.listScorers()).toEqual([]);
    expect(await opened.store.listSpaces()).toMatchObject([{ ...opened.space, imageCount: 1, regionCount: 0 }]);
    expect(await opened.store.readEmbeddings(space.id, [image.id])).toEqual(new Map());
    await upload('afterwards');
    await create('removed').then(async ({ id }) => opened.store.removeSpace(id));
    await rowsOf(`DELETE FROM ${opened.name('image')}`);
  });

  test('a removal that was cut short is finished by asking again', async () => {
    const space = await create('half gone');
    await rowsOf(`UPDATE ${opened.name('embedding_space')} SET state = 'retired' WHERE id = $1`, [space.id]);
    await rowsOf(
      `ALTER TABLE ${opened.name('embedding')} DETACH PARTITION ${opened.name(`embedding_${space.id}`)} CONCURRENTLY`,
    );
    expect(await opened.store.removeSpace(space.id)).toBe(true);
    expect(await partitions(space.id)).toEqual([]);
    expect(await opened.store.listSpaces()).toHaveLength(1);
  });

  test('scorers are kept by space and kind, the latest of each', async () => {
    const space = await create('scored');
    expect(await opened.store.readScorer(space.id, 'labels')).toBeUndefined();
    await opened.store.saveScorer(space.id, 'labels', { weights: [1, -2.5e-7] });
    await opened.store.saveScorer(space.id, 'heuristic', { weights: [2] });
    await opened.store.saveScorer(space.id, 'labels', { weights: [3, [4]] });
    expect(await opened.store.readScorer(space.id, 'labels')).toEqual({ weights: [3, [4]] });
    expect(await opened.store.readScorer(space.id, 'heuristic')).toEqual({ weights: [2] });
    expect(await opened.store.readScorer(opened.space.id, 'labels')).toBeUndefined();
    expect(await opened.store.listScorers()).toEqual([
      { spaceId: space.id, kind: 'heuristic' },
      { spaceId: space.id, kind: 'labels' },
    ]);
    await expect(opened.store.saveScorer(12_345, 'labels', {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await opened.store.removeSpace(space.id);
  });

  test('grey renditions come with an image, or later for those stored without', async () => {
    const [one, two] = [await upload('grey one'), await upload('grey two')];
    const grey = newImage(0, 'grey one').grey;
    await rowsOf(`UPDATE ${opened.name('image_content')} SET grey = NULL WHERE image_id = $1`, [two.id]);
    const unknown = newImage(0, 'unknown').id;
    expect(await opened.store.readGreys([one.id, two.id, unknown])).toEqual(new Map([[one.id, grey]]));
    const later = Buffer.alloc(4096, 9);
    await opened.store.writeGrey(two.id, later);
    await opened.store.writeGrey(unknown, later);
    expect(await opened.store.readGreys([two.id, unknown])).toEqual(new Map([[two.id, later]]));
    await expect(opened.store.writeGrey(two.id, Buffer.alloc(4095))).rejects.toThrow();
    await rowsOf(`DELETE FROM ${opened.name('image')}`);
  });
});
