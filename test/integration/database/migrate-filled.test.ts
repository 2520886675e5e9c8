import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrationsFolder } from '../../../src/base/paths.js';
import { connectStore, type ConnectedStore } from '../../../src/database/connected-store.js';
import { withSnapshot } from '../../../src/images/archive/archive-sql.js';
import { ownName, vectorName, type Schemas } from '../../../src/database/identifiers.js';
import { migrate } from '../../../src/database/setup/migrate.js';
import { toUnitVector } from '../../../src/database/vector.js';
import { openTestDatabase, testStoreKinds, type TestDatabase } from '../../support/database.js';
import { embeddingOf, newImage, testSpace } from '../../support/store.js';

const texts = ['one', 'two', 'three'];
/** The migrations before grey renditions told how they show transparent pictures. */
const withGreysOnWhite = [
  '20261121120000_methods',
  '20261121180000_jobs',
  '20261121190000_api_keys',
  '20261121220000_broken_indexes',
  '20261129100000_existing_databases',
];
const greyOnWhite = Buffer.alloc(4096, 255);

describe.each(testStoreKinds())('a filled database of the first version on the %s store', (kind) => {
  let database: TestDatabase;
  let schemas: Schemas;
  let store: ConnectedStore;
  const name = (object: string) => ownName(schemas, object);
  const idOf = (text: string) => newImage(0, text).id;
  const mediaTypeOf = (text: string) => (text === 'three' ? 'image/jpeg' : 'image/png');
  const rowsOf = async (sql: string) => (await database.pool.query<Record<string, unknown>>(sql)).rows;

  /** A dump reads `image_content` throughout, and others begin to read it meanwhile. The embedded database has one session. */
  const whileOthersRead = async <T>(work: () => Promise<T>): Promise<T> => {
    if (kind !== 'server') return work();
    const read = `SELECT FROM ${name('image_content')} LIMIT 1`;
    const dump = await database.pool.connect();
    try {
      await dump.query(`BEGIN; ${read}`);
      const working = work();
      const waits = `SELECT FROM pg_locks WHERE NOT granted AND relation = '${name('image_content')}'::regclass`;
      while ((await rowsOf(waits)).length === 0) await setTimeout(10);
      await database.pool.query(read);
      await dump.query('COMMIT');
      return await working;
    } finally {
      dump.release();
    }
  };
  let before: readonly Record<string, unknown>[];

  beforeAll(async () => {
    database = await openTestDatabase(kind);
    const { pool, schema } = database;
    const folder = await mkdtemp(join(tmpdir(), 'semblance-migrations-'));
    const add = (migration: string) =>
      cp(join(migrationsFolder, migration), join(folder, migration), { recursive: true });
    await add('20261121080000_images_and_embeddings');
    ({ schemas } = await migrate({ pool, schema, apply: true, folder }));

    await pool.query(
      `INSERT INTO ${name('embedding_space')} (name, model, model_sha256, preprocessing_sha256, dimensions, state)
       VALUES ('test', 'test-model', repeat('a', 64), repeat('b', 64), 8, 'active')`,
    );
    await pool.query(`CREATE TABLE ${name('embedding_1')} PARTITION OF ${name('embedding')} FOR VALUES IN (1)`);
    await pool.query(
      `CREATE INDEX embedding_1_hnsw ON ${name('embedding_1')} USING hnsw (embedding ${vectorName(schemas, 'vector_cosine_ops')})`,
    );
    for (const text of texts) {
      const image = newImage(1, text);
      const { wire, norm } = toUnitVector(embeddingOf(text));
      await pool.query(
        `INSERT INTO ${name('image')} (id, sha256, filename, media_type, width, height, byte_size) VALUES ($1, $2, $3, $4, 3, 2, $5)`,
        [image.id, image.sha256, image.filename, mediaTypeOf(text), image.original.length],
      );
      await pool.query(`INSERT INTO ${name('image_content')} (image_id, original, thumbnail) VALUES ($1, $2, $3)`, [
        image.id,
        image.original,
        image.thumbnail,
      ]);
      await pool.query(`INSERT INTO ${name('embedding')} VALUES (1, $1, $2::${vectorName(schemas, 'vector')}, $3)`, [
        image.id,
        wire,
        norm,
      ]);
    }
    await pool.query(
      `CREATE VIEW ${name('user_similar')} AS SELECT * FROM ${name('similar_images')}('${idOf('one')}', 2)`,
    );
    await pool.query(
      `CREATE VIEW ${name('user_search')} AS SELECT image_id, rank FROM ${name('search_images')}('${idOf('one')}', NULL, 2)`,
    );
    await pool.query(
      `CREATE VIEW ${name('user_filter')} AS SELECT id, filename FROM ${name('filter_images')}(filename_contains => 'E')`,
    );
    before = [
      ...(await rowsOf(`SELECT * FROM ${name('image')} ORDER BY id`)),
      ...(await rowsOf(`SELECT image_id, original, thumbnail FROM ${name('image_content')} ORDER BY 1`)),
      ...(await rowsOf(`SELECT space_id, image_id, embedding::text, norm FROM ${name('embedding')} ORDER BY 2`)),
      ...(await rowsOf(`SELECT * FROM ${name('user_similar')}`)),
      ...(await rowsOf(`SELECT * FROM ${name('user_search')}`)),
      ...(await rowsOf(`SELECT * FROM ${name('user_filter')} ORDER BY id`)),
    ];
    expect(before).toHaveLength(15);
    await Promise.all(withGreysOnWhite.map(add));
    expect((await migrate({ pool, schema, apply: true, folder })).applied).toEqual(withGreysOnWhite);
    await rm(folder, { recursive: true });
    await pool.query(`UPDATE ${name('image_content')} SET grey = $1 WHERE image_id = ANY ($2::uuid[])`, [
      greyOnWhite,
      [idOf('two'), idOf('three')],
    ]);
    const { applied } = await whileOthersRead(() => migrate({ pool, schema, apply: true }));
    expect(applied).toEqual(['20261129140000_greys_on_contrast']);
    store = connectStore(pool, schemas);
  });
  afterAll(async () => {
    await store.close();
    await database.close();
  });

  test('keeps every row, and what users built on its functions', async () => {
    expect([
      ...(await rowsOf(`SELECT * FROM ${name('image')} ORDER BY id`)),
      ...(await rowsOf(`SELECT image_id, original, thumbnail FROM ${name('image_content')} ORDER BY 1`)),
      ...(await rowsOf(`SELECT space_id, image_id, embedding::text, norm FROM ${name('embedding')} ORDER BY 2`)),
      ...(await rowsOf(`SELECT * FROM ${name('user_similar')}`)),
      ...(await rowsOf(`SELECT * FROM ${name('user_search')}`)),
      ...(await rowsOf(`SELECT * FROM ${name('user_filter')} ORDER BY id`)),
    ]).toEqual(before);
    // One function of each name, or a call that leaves arguments out would be ambiguous.
    const functions = await rowsOf(
      `SELECT proname FROM pg_proc WHERE pronamespace = '${schemas.own}'::regnamespace
       AND proname ~ '^(filter|search|similar)_images' ORDER BY 1`,
    );
    expect(functions.map(({ proname }) => proname)).toEqual([
      'filter_images',
      'filter_images_1',
      'search_images',
      'search_images_1',
      'similar_images',
      'similar_images_1',
    ]);
  });

  test('grey renditions that may show a white shape on white are not exported, nor what an old server writes beside this one', async () => {
    const greyOf = async (text: string) =>
      withSnapshot(database.pool, schemas, async (snapshot) => (await snapshot.readImage(idOf(text))).grey);
    expect([await greyOf('two'), await greyOf('three')]).toEqual([null, greyOnWhite]);
    const { id, original, thumbnail } = newImage(1, 'old');
    await database.pool.query(
      `INSERT INTO ${name('image')} (id, sha256, filename, media_type, width, height, byte_size)
       VALUES ($1, repeat('c', 64), 'old.png', 'image/png', 3, 2, 3)`,
      [id],
    );
    await database.pool.query(
      `INSERT INTO ${name('image_content')} (image_id, original, thumbnail, grey) VALUES ($1, $2, $3, $4)`,
      [id, original, thumbnail, greyOnWhite],
    );
    expect([await greyOf('old'), await store.readGreys([id])]).toEqual([null, new Map()]);
    expect(await store.deleteImage(id)).toBe(true);
  });

  test('serves its space as before, and takes uploads', async () => {
    const space = { ...testSpace, id: 1, state: 'active' as const };
    expect(await store.liveSpaces()).toEqual([space]);
    expect((await store.searchByImage(idOf('one'), { k: 5 })).hits.map(({ image }) => image.id).sort()).toEqual(
      [idOf('two'), idOf('three')].sort(),
    );
    expect((await store.insertImage(newImage(1, 'four'))).created).toBe(true);
  });

  test('its images get grey renditions, regions and embeddings of other spaces when asked for', async () => {
    const ids = texts.map(idOf);
    const photo = [idOf('three'), greyOnWhite] as const;
    // A JPEG is opaque. What a PNG has from before may show a white shape on white.
    expect(await store.readGreys(ids)).toEqual(new Map([photo]));
    const made = Buffer.alloc(4096, 1);
    await store.writeGrey(idOf('one'), made);
    await store.writeGrey(idOf('two'), made);
    expect(await store.readGreys(ids)).toEqual(new Map([[idOf('one'), made], [idOf('two'), made], photo]));
    const region = { x: 0.25, y: 0, width: 0.5, height: 0.5 };
    expect(await store.insertRegions(1, idOf('two'), [{ region, embedding: embeddingOf('part') }])).toBe(true);
    expect((await store.searchRegions(embeddingOf('part'), { k: 1 })).hits[0]).toMatchObject({
      image: { id: idOf('two') },
      region,
    });
    const space = await store.createSpace({ ...testSpace, name: 'new' });
    const lacking = await store.imagesWithoutEmbedding(space.id, { limit: 10 });
    expect(lacking).toHaveLength(await store.countImages());
    await store.insertEmbeddings(
      space.id,
      lacking.map((imageId) => ({ imageId, embedding: embeddingOf(imageId) })),
    );
    expect(await store.completeSpace(space.id)).toEqual({ missing: 0 });
  });

  test('a space of the first version may be removed once it is not active', async () => {
    await rowsOf(
      `UPDATE ${name('embedding_space')} SET state = CASE id WHEN 1 THEN 'retired' ELSE 'active' END WHERE id = 1`,
    );
    expect(await store.removeSpace(1)).toBe(true);
    const partitions = await rowsOf(
      `SELECT relname FROM pg_class WHERE relnamespace = '${schemas.own}'::regnamespace AND relname ~ '^(embedding|region)_1'`,
    );
    expect(partitions).toEqual([]);
  });
});
