import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migrate } from '../../../src/database/setup/migrate.js';
import { migrationsFolder } from '../../../src/base/paths.js';
import { ensureSpace } from '../../../src/spaces/sql/space-sql.js';
import { openTestDatabase, testStoreKinds, type TestDatabase } from '../../support/database.js';
import { testSpace } from '../../support/store.js';

describe.each(testStoreKinds())('migrations on the %s store', (kind) => {
  let database: TestDatabase;
  let folder: string;
  beforeAll(async () => {
    database = await openTestDatabase(kind);
  });
  afterAll(async () => database.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'semblance-migrations-'));
    await cp(migrationsFolder, folder, { recursive: true });
    await database.pool.query(`DROP SCHEMA IF EXISTS ${database.schema} CASCADE`);
    return async () => rm(folder, { recursive: true });
  });

  const run = async (apply = true) => migrate({ pool: database.pool, schema: database.schema, apply, folder });
  const add = async (name: string, sql: string) => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'migration.sql'), sql);
  };
  const tables = async () =>
    (
      await database.pool.query<{ relname: string }>(
        `SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p') ORDER BY 1`,
        [database.schema],
      )
    ).rows.map(({ relname }) => relname);
  const shipped = async () => (await readdir(migrationsFolder, { withFileTypes: true })).filter((e) => e.isDirectory());

  test('applies what is pending, once, and records it as Prisma does', async () => {
    const names = (await shipped()).map(({ name }) => name).sort();
    expect((await run()).applied).toEqual(names);
    expect((await run()).applied).toEqual([]);
    const { rows } = await database.pool.query(
      `SELECT id, checksum, migration_name, logs, rolled_back_at, applied_steps_count, started_at <= finished_at AS ended
       FROM ${database.schema}._prisma_migrations ORDER BY migration_name`,
    );
    const expected = await Promise.all(
      names.map(async (name) => ({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        checksum: createHash('sha256')
          .update(await readFile(join(migrationsFolder, name, 'migration.sql')))
          .digest('hex'),
        migration_name: name,
        logs: null,
        rolled_back_at: null,
        applied_steps_count: 1,
        ended: true,
      })),
    );
    expect(rows).toEqual(expected);
  });

  test('five servers may start at once: each migration is applied by one of them, and one space is made', async () => {
    const reports = await Promise.all(Array.from({ length: 5 }, async () => run()));
    expect(reports.flatMap(({ applied }) => applied)).toHaveLength((await shipped()).length);
    const schemas = reports[0]?.schemas ?? { own: '', vector: '' };
    const spaces = await Promise.all(
      Array.from({ length: 5 }, async (_, index) =>
        ensureSpace(database.pool, schemas, { ...testSpace, name: `space ${index}` }),
      ),
    );
    expect(new Set(spaces.map(({ id }) => id)).size).toBe(1);
    expect((await tables()).filter((table) => /^embedding_\d/.test(table))).toEqual([`embedding_${spaces[0]?.id}`]);
  });

  test('a failing migration leaves nothing, and those before it stand', async () => {
    await add('29990101000000_first', 'CREATE TABLE made_by_first (id integer);');
    await add('29990102000000_second', 'CREATE TABLE made_by_second (id integer); SELECT 1 / 0;');
    await expect(run()).rejects.toMatchObject({ code: '22012' });
    expect(await tables()).toContain('made_by_first');
    expect(await tables()).not.toContain('made_by_second');
    await writeFile(join(folder, '29990102000000_second', 'migration.sql'), 'CREATE TABLE made_by_second ();');
    expect((await run()).applied).toEqual(['29990102000000_second']);
  });

  test('a changed migration is refused', async () => {
    await add('29990101000000_first', 'SELECT 1;');
    await run();
    await writeFile(join(folder, '29990101000000_first', 'migration.sql'), 'SELECT 2;');
    await expect(run()).rejects.toThrow(/29990101000000_first was changed after it was applied/);
  });

  test('a database of a newer version is refused', async () => {
    await add('29990101000000_newer', 'SELECT 1;');
    await run();
    await rm(join(folder, '29990101000000_newer'), { recursive: true });
    await expect(run()).rejects.toThrow(/migrated by a newer version \(29990101000000_newer\)/);
  });

  test('nothing is applied where that is not allowed', async () => {
    await expect(run(false)).rejects.toThrow(/run `semblance migrate`/);
    expect(await tables()).toEqual([]);
    await run();
    expect((await run(false)).applied).toEqual([]);
  });

  test("other tables, also of the same names in other schemas, are left alone, and the session's search_path too", async () => {
    const other = `${database.schema}_other`;
    await database.pool.query(
      `CREATE SCHEMA ${other}; CREATE TABLE ${other}.image (mine integer); INSERT INTO ${other}.image VALUES (7);
       CREATE SCHEMA ${database.schema}; CREATE TABLE ${database.schema}.users_own (mine integer)`,
    );
    try {
      const before = await database.pool.query('SHOW search_path');
      await run();
      expect((await database.pool.query('SHOW search_path')).rows).toEqual(before.rows);
      expect((await database.pool.query(`SELECT * FROM ${other}.image`)).rows).toEqual([{ mine: 7 }]);
      expect(await tables()).toContain('users_own');
    } finally {
      await database.pool.query(`DROP SCHEMA ${other} CASCADE`);
    }
  });

  test('the space stands as a partition with its own HNSW index, and its rows need no foreign sequence', async () => {
    const { schemas } = await run();
    const space = await ensureSpace(database.pool, schemas, testSpace);
    const { rows } = await database.pool.query<{ definition: string }>(
      `SELECT indexdef AS definition FROM pg_indexes WHERE schemaname = $1 AND tablename = $2 AND indexdef LIKE '%hnsw%'`,
      [database.schema, `embedding_${space.id}`],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.definition).toContain('vector_cosine_ops');
    const partitions = await database.pool.query<{ bound: string }>(
      `SELECT pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
       WHERE inhparent = '${database.schema}.embedding'::regclass`,
    );
    expect(partitions.rows).toEqual([{ bound: `FOR VALUES IN (${space.id})` }]);
  });

  test('what must be shardable by image id is: no unique index of those tables lacks it', async () => {
    await run();
    const { rows } = await database.pool.query<{ table: string; columns: string[] }>(
      `SELECT c.relname AS table, array_agg(a.attname::text ORDER BY a.attname) AS columns
       FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
       WHERE i.indisunique AND c.relnamespace = $1::regnamespace AND c.relname IN ('image', 'image_content', 'embedding', 'region')
       GROUP BY i.indexrelid, c.relname`,
      [database.schema],
    );
    expect(rows).toHaveLength(4);
    for (const { table, columns } of rows) expect(columns).toContain(table === 'image' ? 'id' : 'image_id');
  });
});
