import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Region } from '../../../src/pixels/region.js';
import { migrationSearchPath } from '../../../src/database/identifiers.js';
import type { EmbeddingSpace } from '../../../src/database/store.js';
import type { SearchHit } from '../../../src/database/types.js';
import { testStoreKinds } from '../../support/database.js';
import { newImage, openTestStore, testSpace, type TestStore } from '../../support/store.js';

const count = 40;
const left: Region = { x: 0, y: 0, width: 0.5, height: 1 };
const right: Region = { x: 0.5, y: 0, width: 0.5, height: 1 };

/** A direction in the plane of two of the eight numbers. */
function direction(degrees: number, plane: 0 | 2 | 4 = 0): Float32Array {
  const vector = new Float32Array(8);
  vector[plane] = Math.cos((degrees * Math.PI) / 180);
  vector[plane + 1] = Math.sin((degrees * Math.PI) / 180);
  return vector;
}

const cosine = (degrees: number) => Math.cos((degrees * Math.PI) / 180);

describe.each(testStoreKinds())('regions on the %s store', (kind) => {
  let opened: TestStore;
  let other: EmbeddingSpace;
  const idOf = (degrees: number) => newImage(0, `at ${degrees}`).id;
  const describeHit = ({ image, similarity, region }: SearchHit) => [image.filename, similarity.toFixed(5), region];

  /** Image n lies at n degrees; its left half at n + 90 and its right half at n + 180, beside those of the other space. */
  beforeAll(async () => {
    opened = await openTestStore(kind);
    other = await opened.store.createSpace({ ...testSpace, name: 'other' });
    for (let degrees = 0; degrees < count; degrees++) {
      await opened.store.insertImage(
        newImage(0, `at ${degrees}`, {
          metadata: { even: degrees % 2 === 0 },
          embeddings: [
            { spaceId: opened.space.id, embedding: direction(degrees) },
            { spaceId: other.id, embedding: direction(-2 * degrees, 2) },
          ],
        }),
      );
    }
    await opened.store.completeSpace(other.id);
  });
  afterAll(async () => opened.close());

  test('a search of regions where there are none says what to do', async () => {
    const search = opened.store.searchRegions(direction(0), { k: 1 });
    await expect(search).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(search).rejects.toThrow(/semblance index-regions/);
  });

  test('images are given regions, in pages, each once', async () => {
    const ids = Array.from({ length: count }, (_, degrees) => idOf(degrees)).sort();
    const seen: string[] = [];
    for (let after: string | undefined; ; after = seen.at(-1)) {
      const page = await opened.store.imagesWithoutRegions(opened.space.id, {
        limit: 7,
        ...(after !== undefined && { after }),
      });
      if (page.length === 0) break;
      seen.push(...page);
    }
    expect(seen).toEqual(ids);

    for (let degrees = 0; degrees < count; degrees++) {
      const written = await Promise.all(
        [1, 2].map(async (length) =>
          opened.store.insertRegions(opened.space.id, idOf(degrees), [
            { region: left, embedding: direction(degrees + 90).map((value) => value * length) },
            { region: right, embedding: direction(degrees + 180).map((value) => value * length) },
          ]),
        ),
      );
      expect(written.sort()).toEqual([false, true]);
    }
    expect(await opened.store.imagesWithoutRegions(opened.space.id, { limit: 7 })).toEqual([]);
    expect(await opened.store.imagesWithoutRegions(other.id, { limit: 100 })).toEqual(ids);
    expect((await opened.store.listSpaces()).map((space) => [space.imageCount, space.regionCount])).toEqual([
      [count, 2 * count],
      [count, 0],
    ]);
  });

  test('what does not suit is refused and leaves nothing', async () => {
    const insert = async (spaceId: number, id: string, ...embedding: number[]) =>
      opened.store.insertRegions(spaceId, id, [{ region: left, embedding: Float32Array.of(...embedding) }]);
    const good = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(await insert(other.id, newImage(0, 'unknown').id, ...good)).toBe(false);
    expect(await opened.store.insertRegions(other.id, idOf(0), [])).toBe(false);
    await expect(insert(other.id, idOf(0), 1, 2)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    await expect(insert(other.id, idOf(0), ...new Array<number>(8).fill(0))).rejects.toMatchObject({
      code: 'INVALID_IMAGE',
    });
    await expect(insert(12_345, idOf(0), ...good)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await opened.store.listSpaces())[1]?.regionCount).toBe(0);
  });

  test('an image is found by its best part, whole images and regions together, with the box that matched', async () => {
    const { space, mode, hits } = await opened.store.searchRegions(direction(100), { k: 4 });
    expect([space, mode]).toEqual(['test', 'exact']);
    // Left halves at 100, 99 and 101 degrees.
    expect(hits[0] && describeHit(hits[0])).toEqual(['at 10.png', '1.00000', left]);
    expect(hits.slice(1, 3).map(({ similarity }) => similarity.toFixed(5))).toEqual(
      [cosine(1), cosine(1)].map((s) => s.toFixed(5)),
    );
    expect(
      hits
        .slice(1, 3)
        .map(({ image }) => image.filename)
        .sort(),
    ).toEqual(['at 11.png', 'at 9.png']);

    const whole = (await opened.store.searchRegions(direction(5), { k: 1 })).hits;
    expect(whole.map(describeHit)).toEqual([['at 5.png', '1.00000', undefined]]);
    const lefts = (await opened.store.searchRegions(direction(185, 0), { k: 1 })).hits;
    expect(lefts.map(describeHit)).toEqual([['at 5.png', '1.00000', right]]);
  });

  test('k distinct images, filters, minSimilarity, and one image left out', async () => {
    for (const k of [1, 7, count, 1000]) {
      const { hits } = await opened.store.searchRegions(direction(45), { k });
      expect(new Set(hits.map(({ image }) => image.id)).size).toBe(Math.min(k, count));
      expect(hits).toHaveLength(Math.min(k, count));
    }
    const filter = { metadata: { even: true } };
    const { hits } = await opened.store.searchRegions(direction(102), { k: 2, filter, except: idOf(12) });
    expect(hits.map(({ image }) => image.id).sort()).toEqual([idOf(10), idOf(14)].sort());
    const cut = await opened.store.searchRegions(direction(90), { k: 10, minSimilarity: cosine(1.5) });
    expect(cut.hits.map(({ image }) => image.filename)).toEqual(['at 0.png', 'at 1.png']);
    const none = await opened.store.searchRegions(direction(0, 4), { k: 10, minSimilarity: 0.5 });
    expect(none).toMatchObject({ hits: [], space: 'test', mode: 'exact' });
    const nobody = await opened.store.searchRegions(direction(0), { k: 10, filter: { sha256: 'f'.repeat(64) } });
    expect(nobody.hits).toEqual([]);
    await expect(opened.store.searchRegions(direction(0), { k: 1, spaceId: 12_345 })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('a named space answers from its own embeddings alone', async () => {
    const named = { k: count, spaceId: other.id };
    const byImage = await opened.store.searchByImage(idOf(3), named);
    expect(byImage).toMatchObject({ space: 'other', mode: 'exact' });
    expect(byImage.hits).toHaveLength(count - 1);
    for (const { image, similarity } of byImage.hits) {
      expect(similarity).toBeCloseTo(cosine(2 * (Number(/\d+/.exec(image.filename)?.[0]) - 3)), 5);
    }
    // The other space's images lie in another plane: nothing of the active one is near them.
    expect((await opened.store.searchByVector(direction(0, 2), { k: 1, minSimilarity: 0.5 })).hits).toEqual([]);
    expect((await opened.store.searchByVector(direction(0, 2), { ...named, k: 1 })).hits.map(describeHit)).toEqual([
      ['at 0.png', '1.00000', undefined],
    ]);
    const filtered = { ...named, k: 1, filter: { metadata: { even: false } }, except: idOf(1) };
    expect((await opened.store.searchByVector(direction(0, 2), filtered)).hits.map(describeHit)).toEqual([
      ['at 3.png', cosine(6).toFixed(5), undefined],
    ]);
    await expect(opened.store.searchByImage(newImage(0, 'unknown').id, named)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(opened.store.searchByVector(direction(0), { k: 1, spaceId: 12_345 })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    // No region is of the other space.
    await expect(opened.store.searchRegions(direction(0, 2), named)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  test('similar_images(image_id, k, space) in SQL answers the same', async () => {
    const { hits } = await opened.store.searchByImage(idOf(20), { k: 7, spaceId: other.id });
    const ask = async (id: string, ...given: unknown[]) =>
      (
        await opened.database.pool.query<{ id: string }>(
          `SELECT s.id FROM ${opened.name('similar_images')}($1, ${given.map((_, index) => `$${index + 2}`).join(', ')}) s ORDER BY rank`,
          [id, ...given],
        )
      ).rows.map((row) => row.id);
    expect(await ask(idOf(20), 7, 'other')).toEqual(hits.map(({ image }) => image.id));
    expect(await ask(idOf(20), 7, 'test')).toEqual(await ask(idOf(20), 7));
    await expect(ask(idOf(20), 7, 'unknown')).rejects.toMatchObject({ code: 'P0002' });
  });

  describe('through the index', () => {
    interface Row {
      readonly image_id: string;
      readonly similarity: number;
      readonly rank: number;
      readonly mode: string;
      readonly x: number | null;
    }
    const transaction = async <T>(
      work: (ask: (sql: string, values?: unknown[]) => Promise<readonly Row[]>) => Promise<T>,
    ) => {
      const client = await opened.database.pool.connect();
      try {
        await client.query('BEGIN');
        await client.query(`SET LOCAL search_path = ${migrationSearchPath(opened.schemas)}`);
        return await work(async (sql, values = []) => (await client.query<Row>(sql, values)).rows);
      } finally {
        await client.query('ROLLBACK');
        client.release();
      }
    };
    const padded = (vector: Float32Array) => `[${[...vector, ...new Array<number>(760).fill(0)].join(',')}]`;
    const search = async (
      name: string,
      vector: Float32Array,
      k: number,
      exactMaxImages: number,
      spaceId?: number,
      filter?: object,
    ) =>
      transaction(async (ask) =>
        ask(`SELECT * FROM ${name}(NULL, $1, $2, $3, exact_max_images => $4, space_id => $5) ORDER BY rank`, [
          padded(vector),
          k,
          filter === undefined ? null : JSON.stringify(filter),
          exactMaxImages,
          spaceId ?? null,
        ]),
      );

    test.each([
      { label: 'one', k: 1 },
      { label: 'ten', k: 10 },
      { label: 'all', k: count },
      { label: 'ten that pass a filter', k: 10, filter: { even: true } },
    ])('$label: as many images as exactly, with the same parts', async ({ k, filter }) => {
      for (const degrees of [0, 45, 100, 200, 300]) {
        const approximate = await search('search_regions', direction(degrees), k, 0, undefined, filter);
        const exact = await search('search_regions', direction(degrees), k, 1000, undefined, filter);
        expect([approximate[0]?.mode, exact[0]?.mode]).toEqual(['hnsw', 'exact']);
        expect(approximate.map((row) => ({ ...row, mode: 'exact' }))).toEqual(exact);
      }
    });

    test('more than the filter lets pass: every candidate is compared', async () => {
      const rows = await search('search_regions', direction(0), 30, 0, undefined, { even: true });
      expect([rows.length, rows[0]?.mode]).toEqual([count / 2, 'exact']);
    });

    test('a named space answers from its own index', async () => {
      for (const name of ['search_images', 'search_regions']) {
        const rows = await search(name, direction(0, 2), 10, 0, other.id);
        expect(rows.map(({ image_id: id, mode }) => [id, mode])).toEqual(
          Array.from({ length: 10 }, (_, degrees) => [idOf(degrees), 'hnsw']),
        );
      }
    });

    test('EXPLAIN: the statements take the index of their space, for whole images and for regions', async () => {
      const explain = async (
        statement: 'search_statement' | 'search_regions_statement',
        spaceId: number,
        filtered: boolean,
      ) =>
        transaction(async (ask) => {
          const [text] = await ask(`SELECT ${statement}($1, 'hnsw', $2) AS image_id`, [spaceId, filtered]);
          await ask(
            `SET LOCAL hnsw.ef_search = 100; SET LOCAL hnsw.iterative_scan = strict_order; SET LOCAL enable_sort = off`,
          );
          const rows: readonly object[] = await ask(`EXPLAIN ${text?.image_id ?? ''}`, [
            padded(direction(0)),
            10,
            null,
            ...(filtered ? ['{"even": true}', null, null, null, null] : []),
          ]);
          return rows.map((row) => Object.values(row).join()).join('\n');
        });
      for (const { id } of [opened.space, other]) {
        for (const filtered of [false, true]) {
          const whole = await explain('search_statement', id, filtered);
          expect(whole).toContain(`Index Scan using embedding_${id}_hnsw`);
          const parts = await explain('search_regions_statement', id, filtered);
          expect(parts).toContain(`Index Scan using region_${id}_hnsw`);
          expect(whole + parts).not.toMatch(/Sort/);
        }
      }
    });
  });

  test('images that were stored after regions were made match as wholes, and regions go with their image', async () => {
    const { image } = await opened.store.insertImage(
      newImage(0, 'late', {
        embeddings: [
          { spaceId: opened.space.id, embedding: direction(270) },
          { spaceId: other.id, embedding: direction(0, 4) },
        ],
      }),
    );
    const nearest = async (degrees: number) => (await opened.store.searchRegions(direction(degrees), { k: 1 })).hits[0];
    expect(await nearest(270)).toMatchObject({ image, region: undefined });
    expect(await opened.store.imagesWithoutRegions(opened.space.id, { limit: 5 })).toEqual([image.id]);
    await opened.store.insertRegions(opened.space.id, image.id, [{ region: left, embedding: direction(300) }]);
    expect(await nearest(300)).toMatchObject({ image, region: left });
    await opened.store.deleteImage(image.id);
    expect((await nearest(300))?.image.id).not.toBe(image.id);
    expect((await opened.store.listSpaces())[0]?.regionCount).toBe(2 * count);
    expect(
      await opened.store.insertRegions(opened.space.id, image.id, [{ region: left, embedding: direction(1) }]),
    ).toBe(false);
  });
});
