import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrationSearchPath } from '../../src/database/identifiers.js';
import { fillLargeGallery } from './large-gallery.js';
import type { StoreKind } from '../../src/database/store.js';
import { openTestStore, type TestStore } from './store.js';

interface Hit {
  readonly image_id: string;
  readonly similarity: number;
  readonly rank: number;
  readonly mode: string;
}

const never = 0;
const always = 1_000_000;

/** What the index promises, in a gallery of fillLargeGallery that is larger than what is searched exactly. */
export function describeLargeSearches(kind: StoreKind, imageCount: number): void {
  describe(`searches among ${imageCount} images on the ${kind} store`, () => {
    let opened: TestStore;
    let ids: string[];
    beforeAll(async () => {
      opened = await openTestStore(kind, 768);
      await fillLargeGallery(opened, imageCount);
      const { rows } = await opened.database.pool.query<{ id: string }>(
        `SELECT id FROM ${opened.name('image')} ORDER BY id LIMIT 12`,
      );
      ids = rows.map(({ id }) => id);
    }, 600_000);
    afterAll(async () => opened.close());

    const query = () => ids[0] ?? '';

    /** The function as the API calls it, with the bound on exact searches at hand. */
    const search = async (
      client: pg.Pool | pg.PoolClient,
      options: { k: number; metadata?: object; exactMaxImages: number; id?: string },
    ) =>
      (
        await client.query<Hit>(
          `SELECT * FROM ${opened.name('search_images')}($1, NULL, $2, $3, exact_max_images => $4) ORDER BY rank`,
          [
            options.id ?? query(),
            options.k,
            options.metadata === undefined ? null : JSON.stringify(options.metadata),
            options.exactMaxImages,
          ],
        )
      ).rows;

    const withClient = async <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
      const client = await opened.database.pool.connect();
      try {
        await client.query('BEGIN');
        return await work(client);
      } finally {
        await client.query('ROLLBACK');
        client.release();
      }
    };

    /** Scans of the HNSW index by this connection that it has not reported yet: compare within a transaction. */
    const hnswScans = async (client: pg.PoolClient) =>
      Number(
        (
          await client.query<{ scans: string }>(
            `SELECT pg_catalog.pg_stat_get_xact_numscans($1::text::regclass::oid) AS scans`,
            [opened.name(`embedding_${opened.space.id}_hnsw`)],
          )
        ).rows[0]?.scans,
      );

    const explain = async (mode: string, filtered: boolean, settings: Readonly<Record<string, string>>) =>
      withClient(async (client) => {
        await client.query(`SET LOCAL search_path = ${migrationSearchPath(opened.schemas)}`);
        const { rows: texts } = await client.query<{ text: string }>(`SELECT search_statement($1, $2, $3) AS text`, [
          opened.space.id,
          mode,
          filtered,
        ]);
        const { rows: vectors } = await client.query<{ text: string }>(
          `SELECT embedding::text AS text FROM embedding WHERE image_id = $1`,
          [query()],
        );
        for (const [setting, value] of Object.entries(settings)) {
          await client.query('SELECT set_config($1, $2, true)', [setting, value]);
        }
        const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${texts[0]?.text ?? ''}`, [
          vectors[0]?.text,
          10,
          query(),
          ...(filtered ? ['{"half": 1}', null, null, null, null] : []),
        ]);
        return rows.map((row) => row['QUERY PLAN']).join('\n');
      });

    test('EXPLAIN: the planner takes the HNSW index of the one partition by itself', async () => {
      const plan = await explain('hnsw', false, { 'hnsw.ef_search': '100', 'hnsw.iterative_scan': 'strict_order' });
      expect(plan).toContain(`Index Scan using embedding_${opened.space.id}_hnsw`);
      expect(plan).not.toMatch(/Seq Scan|Sort/);
    });

    test('EXPLAIN: with a filter it does as the function sets it', async () => {
      const plan = await explain('hnsw', true, {
        'hnsw.ef_search': '100',
        'hnsw.iterative_scan': 'strict_order',
        enable_sort: 'off',
      });
      expect(plan).toContain(`Index Scan using embedding_${opened.space.id}_hnsw`);
      expect(plan).not.toMatch(/Sort|embedding.*Seq Scan/);
    });

    test('EXPLAIN: the exact scan never takes it', async () => {
      for (const filtered of [false, true]) expect(await explain('exact', filtered, {})).not.toContain('hnsw');
    });

    test.each([
      { label: 'no filter', k: 10 },
      { label: 'k = 1000', k: 1000 },
      { label: 'a filter that half pass', k: 10, metadata: { half: 1 } },
    ])('$label: the function scans the index once and gives exactly k', async ({ k, metadata }) => {
      await withClient(async (client) => {
        const before = await hnswScans(client);
        const hits = await search(client, { k, exactMaxImages: 2000, ...(metadata && { metadata }) });
        expect(new Set(hits.map((hit) => hit.image_id)).size).toBe(k);
        expect(hits[0]?.mode).toBe('hnsw');
        expect(hits.map((hit) => hit.image_id)).not.toContain(query());
        expect((await hnswScans(client)) - before).toBe(1);
      });
    });

    test('a filter that one image in a hundred passes, forced through the index: exactly k of those', async () => {
      for (const id of ids.slice(0, 4)) {
        await withClient(async (client) => {
          const before = await hnswScans(client);
          const hits = await search(client, { id, k: 10, metadata: { n: 7 }, exactMaxImages: never });
          expect(hits).toHaveLength(10);
          expect((await hnswScans(client)) - before).toBe(1);
          const { rows } = await client.query<{ n: number; count: string }>(
            `SELECT metadata->'n' AS n, count(*) FROM ${opened.name('image')} WHERE id = ANY ($1) GROUP BY 1`,
            [hits.map((hit) => hit.image_id)],
          );
          expect(rows).toEqual([{ n: 7, count: '10' }]);
        });
      }
    });

    test('the same filter as the API runs it: exact, without the index', async () => {
      const { mode, hits } = await opened.store.searchByImage(query(), { k: 10, filter: { metadata: { n: 7 } } });
      expect(mode).toBe('exact');
      const forced = await search(opened.database.pool, { k: 10, metadata: { n: 7 }, exactMaxImages: always });
      expect(hits.map(({ image }) => image.id)).toEqual(forced.map((hit) => hit.image_id));
    });

    test('where the index gives fewer than k, every candidate is compared', async () => {
      await withClient(async (client) => {
        const before = await hnswScans(client);
        const passing = imageCount / 100;
        const hits = await search(client, { k: passing, metadata: { n: 7 }, exactMaxImages: never });
        expect((await hnswScans(client)) - before).toBe(1);
        // The query image may be one of those that pass.
        expect(hits.length).toBeGreaterThanOrEqual(passing - 1);
        expect(hits[0]?.mode).toBe('exact');
      });
    });

    test('the index names the nearest, in order, with the cosines that the exact scan computes', async () => {
      let found = 0;
      for (const id of ids) {
        const approximate = await search(opened.database.pool, { id, k: 10, exactMaxImages: 2000 });
        const exact = await search(opened.database.pool, { id, k: 10, exactMaxImages: always });
        expect([approximate[0]?.mode, exact[0]?.mode]).toEqual(['hnsw', 'exact']);
        const similarities = approximate.map((hit) => hit.similarity);
        expect(similarities).toEqual([...similarities].sort((left, right) => right - left));
        expect(approximate.map((hit) => hit.rank)).toEqual(approximate.map((_, index) => index + 1));
        for (const hit of approximate) {
          const same = exact.find((other) => other.image_id === hit.image_id);
          if (same === undefined) continue;
          found++;
          expect(hit.similarity).toBe(same.similarity);
        }
      }
      // The sparse graph finds about half among 50,000, the product's more, as bench/recall measures; chance finds 1 in 1,000 or fewer.
      expect(found / (ids.length * 10)).toBeGreaterThan(0.3);
    });

    test('minSimilarity cuts what the index found and asks for no exact scan', async () => {
      const all = await opened.store.searchByImage(query(), { k: 10 });
      const minSimilarity = all.hits[4]?.similarity ?? 0;
      const cut = await opened.store.searchByImage(query(), { k: 10, minSimilarity });
      expect(cut.mode).toBe('hnsw');
      expect(cut.hits.map(({ image }) => image.id)).toEqual(all.hits.slice(0, 5).map(({ image }) => image.id));
      expect(await opened.store.searchByImage(query(), { k: 10, minSimilarity: 1 })).toMatchObject({
        mode: 'hnsw',
        hits: [],
      });
    });

    test('rows that were deleted are not counted among the k', async () => {
      const before = await opened.store.searchByImage(query(), { k: 60 });
      const gone = before.hits.slice(0, 40).map(({ image }) => image.id);
      for (const id of gone) await opened.store.deleteImage(id);
      const after = await opened.store.searchByImage(query(), { k: 60 });
      expect([after.mode, after.hits.length]).toEqual(['hnsw', 60]);
      expect(after.hits.filter(({ image }) => gone.includes(image.id))).toEqual([]);
      expect(await opened.store.countImages()).toBe(imageCount - gone.length);
    });
  });
}
