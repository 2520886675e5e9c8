import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { connectStore } from '../../../src/database/connected-store.js';
import { openDatabase } from '../../../src/database/database.js';
import { diagnoseDatabase } from '../../../src/database/diagnosis/database.js';
import { migrate } from '../../../src/database/setup/migrate.js';
import { migrateStore, openStore } from '../../../src/database/open-store.js';
import { DatabaseSetupError } from '../../../src/database/setup/setup-error.js';
import type { Store } from '../../../src/database/store.js';
import { testStoreKinds } from '../../support/database.js';
import { createServerDatabase, type ServerDatabase } from '../../support/server-database.js';
import { embeddingOf, newImage, testSpace } from '../../support/store.js';

const run = promisify(execFile);
const schema = 'semblance';

function optionsFor(url: string) {
  return {
    database: { kind: 'server', url } as const,
    schema,
    dataDir: '/nonexistent',
    databaseConnections: 4,
    autoMigrate: true,
    onLog: () => undefined,
  };
}

async function until(store: Store, kind: Store['state']['kind']): Promise<void> {
  while (store.state.kind !== kind) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function refusalOf(url: string): Promise<DatabaseSetupError> {
  const error: unknown = await migrateStore(optionsFor(url)).catch((reason: unknown) => reason);
  if (!(error instanceof DatabaseSetupError)) throw new Error('A DatabaseSetupError was expected', { cause: error });
  return error;
}

describe.each(testStoreKinds().filter((kind) => kind === 'server'))('setting up on a %s', () => {
  let database: ServerDatabase;
  beforeEach(async () => {
    database = await createServerDatabase();
    return async () => database.close();
  });

  test('without rights, the exact SQL that is missing is told, and with it run everything works', async () => {
    const role = await database.createRole();
    const refusal = await refusalOf(role.url);
    expect(refusal.statements).toEqual([
      'CREATE EXTENSION vector;',
      `CREATE SCHEMA ${schema} AUTHORIZATION ${role.name};`,
    ]);
    for (const statement of refusal.statements) {
      expect(refusal.message).toContain(statement);
      await database.query(statement);
    }
    const report = await migrateStore(optionsFor(role.url));
    expect(report.applied).not.toEqual([]);

    const store = await openStore(optionsFor(role.url));
    await until(store, 'ready');
    const space = await store.ensureSpace(testSpace);
    const { image } = await store.insertImage(newImage(space.id, 'by a plain role'));
    expect((await store.searchByImage(image.id, { k: 1 })).hits).toEqual([]);
    await store.close();
  });

  test('why the extension cannot be made is told in the words of Postgres', async () => {
    const role = await database.createRole();
    expect((await refusalOf(role.url)).problem).toBe(
      'The database has no extension "vector", and this role may not create it: permission denied to create extension "vector".',
    );
    await database.query(`GRANT CREATE ON DATABASE ${new URL(database.url).pathname.slice(1)} TO ${role.name}`);
    await database.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    const { problem, statements } = await refusalOf(role.url);
    expect(problem).toMatch(/this role may not create it: permission denied .*\.$/);
    expect(statements).toEqual(['CREATE EXTENSION vector;']);
  });

  test.each([
    ['no schema', `''`],
    ['a schema that is not there', 'nowhere'],
    ['the system alone', 'pg_catalog'],
  ])('where search_path names %s, the statements for the extension name one that works', async (_, path) => {
    await database.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET search_path = ${path}`);
    const role = await database.createRole();
    const [statement = ''] = (await refusalOf(role.url)).statements;
    expect(statement).toBe('CREATE EXTENSION vector SCHEMA public;');
    await database.query('DROP SCHEMA public');
    const statements = (await refusalOf(role.url)).statements.slice(0, 2);
    expect(statements).toEqual([
      'CREATE SCHEMA IF NOT EXISTS extensions;',
      'CREATE EXTENSION vector SCHEMA extensions;',
    ]);
    for (const each of statements) await database.query(each);
    expect((await migrateStore(optionsFor(database.url))).schemas.vector).toBe('extensions');
  });

  test('an owner of the database makes the extension where search_path names no schema', async () => {
    await database.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET search_path = ''`);
    expect((await migrateStore(optionsFor(database.url))).schemas.vector).toBe('public');
  });

  test.each(['LATIN1', 'SQL_ASCII'])(
    'a database in %s is refused by one sentence, however it is met',
    async (encoding) => {
      const other = await createServerDatabase(`ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
      onTestFinished(async () => other.close());
      const sentence = `The encoding of the database is ${encoding}, which does not hold every filename and all metadata: Semblance takes UTF8 alone.`;
      const refusal = await refusalOf(other.url);
      expect(refusal.message).toMatch(sentence);
      expect(refusal.statements).toEqual([]);
      const store = await openStore(optionsFor(other.url));
      await until(store, 'unavailable');
      expect(store.state.kind === 'unavailable' && store.state.reason).toBe(refusal.message);
      await store.close();
      const findings = await diagnoseDatabase(optionsFor(other.url), () => Promise.resolve([]));
      expect(findings.map(({ level, check, message }) => ({ level, check, message }))).toEqual([
        { level: 'problem', check: 'encoding', message: sentence },
      ]);
    },
  );

  test('doctor advises on a database in which a filename with Ä is not found by ä, and on no other', async () => {
    const ofSettings = async (url: string) =>
      (await diagnoseDatabase(optionsFor(url), () => Promise.resolve([]))).filter(({ check }) => check === 'settings');
    expect(await ofSettings(database.url)).toEqual([]);
    const other = await createServerDatabase("ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    onTestFinished(async () => other.close());
    expect(await ofSettings(other.url)).toEqual([
      expect.objectContaining({
        level: 'advice',
        message: expect.stringMatching(/^Under the database's LC_CTYPE "C", filenameContains ignores/) as string,
      }),
    ]);
  });

  test('rights that are missing on existing schemas are told too', async () => {
    const role = await database.createRole();
    await database.query(
      `CREATE SCHEMA ${schema}; CREATE SCHEMA "Odd ""name"; CREATE EXTENSION vector SCHEMA "Odd ""name"`,
    );
    const refusal = await refusalOf(role.url);
    expect(refusal.statements).toEqual([
      `GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role.name};`,
      `GRANT USAGE ON SCHEMA "Odd ""name" TO ${role.name};`,
    ]);
    for (const statement of refusal.statements) await database.query(statement);
    expect((await migrateStore(optionsFor(role.url))).schemas.vector).toBe('Odd "name');
  });

  test('a store waits for the administrator, says what for, and is ready after', async () => {
    const role = await database.createRole();
    const store = await openStore(optionsFor(role.url));
    await until(store, 'unavailable');
    const reason = store.state.kind === 'unavailable' ? store.state.reason : '';
    expect(reason).toContain('CREATE EXTENSION vector;');
    await expect(store.countImages()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await database.query(`CREATE EXTENSION vector; CREATE SCHEMA ${schema} AUTHORIZATION ${role.name}`);
    await until(store, 'ready');
    expect(await store.countImages()).toBe(0);
    await store.close();
  });

  test('with the extension in another schema, and after pg_dump and pg_restore, everything works', async () => {
    await database.query('CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions');
    const connection = await openDatabase(optionsFor(database.url));
    const { schemas } = await migrate({ pool: connection.pool, schema, apply: true });
    const store = connectStore(connection.pool, schemas);
    const space = await store.ensureSpace(testSpace);
    const ids: string[] = [];
    for (const text of ['a', 'b', 'c']) ids.push((await store.insertImage(newImage(space.id, text))).image.id);
    const made = await store.createSpace({ ...testSpace, name: 'made', fitted: { centres: [[1.5]] } });
    await store.insertEmbeddings(
      made.id,
      ids.map((imageId) => ({ imageId, embedding: embeddingOf(imageId) })),
    );
    await store.completeSpace(made.id);
    await store.saveScorer(made.id, 'labels', { weights: [1] });
    const region = { x: 0.5, y: 0, width: 0.5, height: 1 };
    await store.insertRegions(space.id, ids[1] ?? '', [{ region, embedding: embeddingOf('part') }]);
    const similarSql = `SELECT id, similarity, rank FROM ${schema}.similar_images('${ids[0] ?? ''}', 2)`;
    const namedSql = `SELECT * FROM ${schema}.similar_images('${ids[0] ?? ''}', 2, 'made')`;
    const regionsSql = `SELECT * FROM ${schema}.search_regions('${ids[0] ?? ''}', NULL, 3)`;
    const answersOf = async (query: (sql: string) => Promise<{ readonly rows: readonly object[] }>) => [
      (await query(similarSql)).rows,
      (await query(namedSql)).rows,
      (await query(regionsSql)).rows,
    ];
    const before = await answersOf(async (sql) => connection.pool.query(sql));
    expect(before.map((rows) => rows.length)).toEqual([2, 2, 2]);
    const greys = await store.readGreys(ids);
    expect((await store.searchByVector(Float32Array.of(1, 2), { k: 3 })).hits).toHaveLength(3);
    await store.close();
    await connection.close();

    const copy = await createServerDatabase();
    try {
      const file = join(await mkdtemp(join(tmpdir(), 'semblance-dump-')), 'dump');
      await run('pg_dump', ['--format=custom', `--file=${file}`, database.url]);
      await run('pg_restore', ['--exit-on-error', `--dbname=${copy.url}`, file]);
      await rm(dirname(file), { recursive: true });
      expect(await answersOf(async (sql) => copy.query(sql))).toEqual(before);
      expect((await migrateStore(optionsFor(copy.url))).applied).toEqual([]);
      const restored = await openStore(optionsFor(copy.url));
      await until(restored, 'ready');
      const restoredSpace = await restored.activeSpace();
      expect(restoredSpace).toEqual(space);
      expect(await restored.readFitted(made.id)).toEqual({ centres: [[1.5]] });
      expect(await restored.readScorer(made.id, 'labels')).toEqual({ weights: [1] });
      expect(await restored.readGreys(ids)).toEqual(greys);
      expect((await restored.searchRegions(embeddingOf('part'), { k: 1 })).hits[0]).toMatchObject({
        image: { id: ids[1] },
        region,
      });
      const embeddings = [space, made].map(({ id }) => ({ spaceId: id, embedding: embeddingOf('d') }));
      const { created } = await restored.insertImage(newImage(0, 'd', { embeddings }));
      expect(created).toBe(true);
      expect(await restored.removeSpace(made.id)).toBe(true);
      expect((await restored.searchByImage(ids[0] ?? '', { k: 10 })).hits).toHaveLength(3);
      await restored.close();
    } finally {
      await copy.close();
    }
  });

  test('a pgvector below 0.8.0 is refused, one below 0.8.4 warned about', async () => {
    await database.query('CREATE EXTENSION vector');
    // Stands in for an older library: what is installed decides, and no second one can be.
    const pretend = async (version: string) =>
      database.query(
        `SET allow_system_table_mods = on; UPDATE pg_extension SET extversion = '${version}' WHERE extname = 'vector'`,
      );
    await pretend('0.7.4');
    expect((await refusalOf(database.url)).statements).toEqual(['ALTER EXTENSION vector UPDATE;']);
    for (const [version, warnings] of [
      ['0.8.0', 1],
      ['0.8.3', 1],
      ['0.8.4', 0],
      ['0.10.0', 0],
    ] as const) {
      await pretend(version);
      expect((await migrateStore(optionsFor(database.url))).warnings).toHaveLength(warnings);
    }
  });

  test('searches change no setting of the transaction that calls them', async () => {
    const connection = await openDatabase(optionsFor(database.url));
    const { schemas } = await migrate({ pool: connection.pool, schema, apply: true });
    const store = connectStore(connection.pool, schemas);
    const space = await store.ensureSpace(testSpace);
    const { image } = await store.insertImage(newImage(space.id, 'one'));
    await store.insertImage(newImage(space.id, 'two'));
    const client = await connection.pool.connect();
    const settings = async () =>
      (
        await client.query<{ name: string; setting: string }>(
          `SELECT name, setting FROM pg_settings WHERE name IN ('hnsw.ef_search', 'hnsw.iterative_scan', 'enable_sort', 'search_path') ORDER BY 1`,
        )
      ).rows;
    await client.query('BEGIN; SET LOCAL hnsw.ef_search = 77; SET LOCAL enable_sort = on');
    await client.query(`SELECT '[1]'::vector`);
    const before = await settings();
    for (const search of ['search_images', 'search_regions']) {
      const { rows } = await client.query(`SELECT mode FROM ${schema}.${search}($1, NULL, 1, exact_max_images => 0)`, [
        image.id,
      ]);
      expect(rows).toEqual([{ mode: 'hnsw' }]);
      expect(await settings()).toEqual(before);
    }
    await client.query('ROLLBACK');
    client.release();
    await store.close();
    await connection.close();
  });
});

if (!testStoreKinds().includes('server')) {
  test('setting up on a server needs one', () => {
    expect(testStoreKinds()).toEqual(['memory']);
  });
}
