import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { connectStore, type ConnectedStore } from '../../../src/database/connected-store.js';
import { indexProblem } from '../../../src/database/indexes/indexes.js';
import { migrate } from '../../../src/database/setup/migrate.js';
import { createServerPool } from '../../../src/database/connections/pool.js';
import type { VectorIndex } from '../../../src/database/store.js';
import { testStoreKinds } from '../../support/database.js';
import { makeJpeg } from '../../support/make-image.js';
import { cleanUp, runProgram, serverStores, startProgram, startServer, waitFor } from '../../support/server.js';
import { createServerDatabase } from '../../support/server-database.js';
import { newImage, openTestStore, testSpace, type TestStore } from '../../support/store.js';

afterAll(cleanUp);

/** More than are searched exactly in any case. */
const count = 2_100;

describe.each(testStoreKinds())('a vector index that is of no use (%s)', (kind) => {
  let opened: TestStore;
  let store: ConnectedStore;
  let query: Float32Array;

  const sql = async (text: string) => (await opened.database.pool.query<Record<string, unknown>>(text)).rows;
  const index = async (): Promise<VectorIndex> => {
    const found = (await store.listVectorIndexes()).find((each) => each.kind === 'embedding');
    if (found === undefined) throw new Error('There is no index');
    return found;
  };
  const problems = async () => (await store.listVectorIndexes()).flatMap((each) => indexProblem(each) ?? []);
  const nearest = async () => (await store.searchByVector(query, { k: 10 })).hits.map(({ image }) => image.id);
  const mode = async () => (await store.searchByVector(query, { k: 10 })).mode;
  /** By plain SQL, without any of our functions. */
  const expected = async () =>
    (
      await sql(`SELECT image_id FROM ${opened.name('embedding')}
      ORDER BY (embedding <=> ${vector(query)}) + 0, image_id LIMIT 10`)
    ).map((row) => row['image_id']);
  const vector = (numbers: Float32Array): string =>
    `'[${[...numbers, ...new Array<number>(768 - numbers.length).fill(0)].join(',')}]'::"${opened.schemas.vector}".vector`;
  const fileSql = () => `SELECT pg_relation_filenode('${indexName()}') AS file`;
  const indexName = () => opened.name(`embedding_${opened.space.id}_hnsw`);

  beforeAll(async () => {
    opened = await openTestStore(kind);
    store = opened.store;
    query = Float32Array.from([0.9, -0.2, 0.4, 0.1, -0.7, 0.3, 0.5, -0.1]);
    // As someone does who wants to load faster, and forgets to make it again.
    await sql(`DROP INDEX ${indexName()}`);
    const numbers = Array.from({ length: 8 }, (_, axis) => `sin(g * ${axis + 1.37} + g % 7)`).join(', ');
    await sql(`INSERT INTO ${opened.name('image')} (id, sha256, filename, media_type, width, height, byte_size)
      SELECT md5('image ' || g)::uuid, encode(sha256(g::text::bytea), 'hex'), g || '.png', 'image/png', 10, 10, 10
      FROM generate_series(1, ${count}) g`);
    await sql(`INSERT INTO ${opened.name('embedding')} (space_id, image_id, embedding, norm)
      SELECT ${opened.space.id}, md5('image ' || g)::uuid,
        "${opened.schemas.vector}".l2_normalize(("${opened.schemas.vector}".array_to_vector(ARRAY[${numbers}] || array_fill(0::float8, ARRAY[760]), 768, false))), 1
      FROM generate_series(1, ${count}) g`);
    await sql(`ANALYZE ${opened.name(`embedding_${opened.space.id}`)}`);
  });
  afterAll(() => opened.close());

  it('missing: searches are exact, say so, and it is told', async () => {
    expect(await nearest()).toEqual(await expected());
    expect(await mode()).toBe('exact');
    expect(await index()).toMatchObject({ state: 'missing', unfinished: [] });
    expect(await problems()).toEqual([
      `the index embedding_${opened.space.id}_hnsw of the space "test" is missing: searches compare all its images, slower and no less right; run \`semblance reindex\``,
    ]);
    // The plan with a filter goes through no index either.
    const filtered = await store.searchByVector(query, { k: 10, filter: { filenameContains: 'png' } });
    expect({ mode: filtered.mode, ids: filtered.hits.map(({ image }) => image.id) }).toEqual({
      mode: 'exact',
      ids: await expected(),
    });
  });

  it('is built, and searches go through it', async () => {
    expect(await store.rebuildVectorIndex(await index(), {})).toBe(true);
    expect(await index()).toMatchObject({ state: 'valid', unfinished: [] });
    expect(await problems()).toEqual([]);
    expect(await mode()).toBe('hnsw');
    expect(await nearest()).toEqual(await expected());
  });

  it('invalid: searches are exact, say so, and it is built anew', async () => {
    await sql(`UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = '${indexName()}'::regclass`);
    expect(await index()).toMatchObject({ state: 'invalid' });
    expect((await problems()).join()).toContain('is invalid: searches compare all');
    expect(await mode()).toBe('exact');
    expect(await nearest()).toEqual(await expected());
    expect(await store.rebuildVectorIndex(await index(), {})).toBe(true);
    expect(await index()).toMatchObject({ state: 'valid' });
    expect(await mode()).toBe('hnsw');
  });

  describe('of another kind than searches use', () => {
    const name = () => opened.name(`embedding_${opened.space.id}`);
    const type = () => `"${opened.schemas.vector}"`;
    const others: readonly (readonly [string, () => string])[] = [
      ['by another distance', () => `USING hnsw (embedding ${type()}.vector_l2_ops)`],
      ['over some rows alone', () => `USING hnsw (embedding ${type()}.vector_cosine_ops) WHERE norm > 0.5`],
      [
        'of an expression',
        () =>
          `USING hnsw ((embedding::${type()}.halfvec(768)) ${type()}.halfvec_cosine_ops) WITH (m = 4, ef_construction = 8)`,
      ],
      ['of another column', () => `USING hnsw (other ${type()}.vector_cosine_ops)`],
    ];
    it.each(others)('%s, counts as missing: searches are exact, say so, and it is told', async (_, definition) => {
      await sql(`ALTER TABLE ${opened.name('embedding')} ADD COLUMN other ${type()}.vector(3)`);
      await sql(`ALTER INDEX ${indexName()} RENAME TO kept_aside`);
      await sql(
        `UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = '${opened.name('kept_aside')}'::regclass`,
      );
      await sql(`CREATE INDEX embedding_${opened.space.id}_hnsw ON ${name()} ${definition()}`);
      expect(await mode()).toBe('exact');
      expect(await nearest()).toEqual(await expected());
      expect((await problems()).join()).toContain('is missing: searches compare all');
      await sql(`DROP INDEX ${indexName()}`);
      await sql(
        `UPDATE pg_catalog.pg_index SET indisvalid = true WHERE indexrelid = '${opened.name('kept_aside')}'::regclass`,
      );
      await sql(`ALTER INDEX ${opened.name('kept_aside')} RENAME TO embedding_${opened.space.id}_hnsw`);
      await sql(`ALTER TABLE ${opened.name('embedding')} DROP COLUMN other`);
      expect(await mode()).toBe('hnsw');
    });

    it('beside a sound one, to which the planner may prefer it: searches are exact, say so, and it is told', async () => {
      await sql(
        `CREATE INDEX rival ON ${name()} USING ivfflat (embedding ${type()}.vector_cosine_ops) WITH (lists = 5)`,
      );
      expect(await mode()).toBe('exact');
      expect(await nearest()).toEqual(await expected());
      expect(await problems()).toEqual([
        expect.stringContaining('a second index for the same order, rival, which is not HNSW'),
      ]);
      await sql(`DROP INDEX ${opened.name('rival')}`);
      expect(await problems()).toEqual([]);
      expect(await mode()).toBe('hnsw');
    });
  });

  it('unfinished, beside a sound one: is told, and removed', async () => {
    const left = `embedding_${opened.space.id}_hnsw_ccnew`;
    await sql(`CREATE INDEX ${left} ON ${opened.name(`embedding_${opened.space.id}`)}
      USING hnsw (embedding "${opened.schemas.vector}".vector_cosine_ops) WITH (m = 4, ef_construction = 8)`);
    await sql(`UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = '${opened.name(left)}'::regclass`);
    expect(await index()).toMatchObject({ state: 'valid', unfinished: [left] });
    expect(await problems()).toEqual([
      `the space "test" has an unfinished index, ${left}, which slows uploads down: run \`semblance reindex\``,
    ]);
    expect(await mode()).toBe('hnsw');
    const file = await sql(fileSql());
    await store.rebuildVectorIndex(await index(), { keepsSound: true });
    expect(await index()).toMatchObject({ state: 'valid', unfinished: [] });
    expect(await sql(fileSql())).toEqual(file);
  });

  describe.each(kind === 'server' ? ['server'] : [])('on a %s', () => {
    /** Keeps every build of an index on the partition waiting. */
    const holdUp = async (): Promise<() => Promise<void>> => {
      const client = await opened.database.pool.connect();
      await client.query(`BEGIN; LOCK TABLE ${opened.name(`embedding_${opened.space.id}`)} IN ROW EXCLUSIVE MODE`);
      return async () => {
        await client.query('COMMIT');
        client.release();
      };
    };
    const building = async () =>
      (
        await sql(`SELECT pid FROM pg_stat_progress_create_index
        WHERE relid = '${opened.name(`embedding_${opened.space.id}`)}'::regclass`)
      ).map((row) => Number(row['pid']));
    const isBuilding = () => waitFor('the build', async () => (await building()).length > 0);

    it('searches and uploads go on while it is built, and nobody else builds it', async () => {
      const letGo = await holdUp();
      const progress: unknown[] = [];
      const rebuilt = store.rebuildVectorIndex(await index(), { onProgress: (step) => progress.push(step) });
      await isBuilding();
      expect(await mode()).toBe('hnsw');
      const { image } = await store.insertImage(newImage(opened.space.id, 'stored meanwhile'));
      await expect(store.rebuildVectorIndex(await index(), {})).rejects.toMatchObject({ code: 'CONFLICT' });
      await waitFor('progress', () => Promise.resolve(progress.length > 0));
      await letGo();
      expect(await rebuilt).toBe(true);
      expect(await index()).toMatchObject({ state: 'valid', unfinished: [] });
      expect((await store.searchByImage(image.id, { k: 5 })).hits).toHaveLength(5);
      await store.deleteImage(image.id);
    });

    it.each(['valid', 'missing'] as const)(
      'stopped while it is built (%s before), leaves nothing half-made',
      async (state) => {
        if (state === 'missing') await sql(`DROP INDEX ${indexName()}`);
        const letGo = await holdUp();
        const stop = new AbortController();
        const rebuilt = store.rebuildVectorIndex(await index(), { signal: stop.signal });
        const outcome = rebuilt.catch((error: unknown) => error);
        await isBuilding();
        stop.abort();
        await waitFor('the build to end', async () => (await building()).length === 0);
        await letGo();
        expect(await outcome).toBe(stop.signal.reason);
        expect(await index()).toMatchObject({ state, unfinished: [] });
      },
    );

    it('cut off by Postgres, leaves nothing half-made, and the next run completes it', async () => {
      const before = await index();
      expect(before.state).toBe('missing');
      const letGo = await holdUp();
      const outcome = store.rebuildVectorIndex(before, {}).catch((error: unknown) => error);
      await isBuilding();
      await sql(`SELECT pg_terminate_backend(${(await building())[0] ?? 0})`);
      await waitFor('the build to end', async () => (await building()).length === 0);
      await letGo();
      expect(await outcome).toMatchObject({ code: '57P01' });
      expect(await index()).toEqual(before);
      expect(await store.rebuildVectorIndex(await index(), {})).toBe(true);
      expect(await index()).toMatchObject({ state: 'valid' });
    });

    it('is built in spite of the statement_timeout of its owner, and by nobody who owns nothing', async () => {
      const database = await createServerDatabase();
      const pools: pg.Pool[] = [];
      try {
        const owner = await database.createRole();
        const reader = await database.createRole();
        await database.query(
          `CREATE EXTENSION vector; CREATE SCHEMA semblance AUTHORIZATION ${owner.name};
           ALTER ROLE ${owner.name} SET statement_timeout = '300ms'`,
        );
        const poolOf = (url: string): pg.Pool => {
          const pool = createServerPool(url, { connections: 3, onIdleError: () => undefined });
          pools.push(pool);
          return pool;
        };
        const [adminPool, pool] = [poolOf(owner.url), poolOf(reader.url)];
        const { schemas } = await migrate({ pool, adminPool, schema: 'semblance', apply: true });
        const serving = connectStore(pool, schemas);
        const administering = connectStore(pool, schemas, adminPool);
        await administering.ensureSpace(testSpace);
        const [first] = await serving.listVectorIndexes();
        if (first === undefined) throw new Error('There is no index');
        await expect(serving.rebuildVectorIndex(first, {})).rejects.toMatchObject({ code: 'FORBIDDEN' });
        const client = await pool.connect();
        await client.query('BEGIN; LOCK TABLE semblance.embedding IN ROW EXCLUSIVE MODE');
        const rebuilt = administering.rebuildVectorIndex(first, {});
        await client.query('SELECT pg_sleep(0.5)');
        await client.query('COMMIT');
        client.release();
        expect(await rebuilt).toBe(true);
      } finally {
        await Promise.all(pools.map((pool) => pool.end()));
        await database.close();
      }
    });
  });
});

describe.each(serverStores)('semblance reindex ($name)', () => {
  it('mends beside a running server, which warns before and no longer after', async () => {
    const database = await createServerDatabase();
    const env = { DATABASE_URL: database.url };
    const server = await startServer({ env });
    const { image } = await server.client.upload(await makeJpeg(1));
    await server.client.upload(await makeJpeg(2));
    const readiness = async () => JSON.parse((await server.client.get('/readyz')).body.toString()) as unknown;
    expect(await readiness()).toEqual({ ready: true, reasons: [] });

    await database.query('DROP INDEX semblance.embedding_1_hnsw');
    const warnings = [expect.stringContaining('embedding_1_hnsw') as unknown];
    expect(await readiness()).toEqual({ ready: true, reasons: [], warnings });
    await server.printed('the index embedding_1_hnsw of the space "semblance-compact" is missing');
    expect(await server.client.similar(image.id)).toHaveLength(1);

    const rows = (outcome: string) =>
      new RegExp(`embedding_1_hnsw +missing +${outcome}\n.* region_1_hnsw +valid +left alone\n`);
    expect((await runProgram(['reindex', '--dry-run'], { env })).stdout).toMatch(rows('to be mended'));
    // An upload that does not end keeps the build waiting, until somebody loses patience.
    const upload = new pg.Client(database.url);
    await upload.connect();
    await upload.query('BEGIN; LOCK TABLE semblance.embedding IN ROW EXCLUSIVE MODE');
    const impatient = await startProgram(['reindex'], { env });
    const building = async () => {
      // The cluster builds indexes of other tests too.
      const sql = 'SELECT FROM pg_stat_progress_create_index WHERE datname = current_database()';
      return (await database.query(sql)).rows.length > 0;
    };
    await waitFor('the build', building);
    impatient.signal('SIGINT');
    await waitFor('the build to end', async () => !(await building()));
    await upload.end();
    expect(await impatient.exited).toEqual({ code: 130, signal: null });
    expect(impatient.stdout).toMatch(rows('to be mended'));

    const built = await runProgram(['reindex'], { env });
    expect(built.stdout).toMatch(rows('built'));
    expect(built.code).toBe(0);
    expect(await readiness()).toEqual({ ready: true, reasons: [] });
    expect(await server.client.similar(image.id)).toHaveLength(1);
    await server.stop();
    await database.close();
  });
});

if (!testStoreKinds().includes('server')) {
  test('an index that is built beside searches takes a server: TEST_DATABASE_URL is not set', () => {
    expect(process.env['TEST_DATABASE_URL'] ?? '').toBe('');
  });
}
