import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { buildApp, type App } from '../../../src/app.js';
import type { Config } from '../../../src/base/config.js';
import { migrationsFolder } from '../../../src/base/paths.js';
import { openDatabase } from '../../../src/database/database.js';
import { migrate } from '../../../src/database/setup/migrate.js';
import { migrateStore, openStore } from '../../../src/database/open-store.js';
import { servedFunctions, servedTables } from '../../../src/database/setup/rights.js';
import type { Store } from '../../../src/database/store.js';
import { testStoreKinds } from '../../support/database.js';
import { makeJpeg } from '../../support/make-image.js';
import { cleanUp, runProgram } from '../../support/server.js';
import { createServerDatabase, type ServerDatabase } from '../../support/server-database.js';
import { testConfig } from '../../support/small-model.js';
import { openTestStore } from '../../support/store.js';
import { tinyModelFolder } from '../../support/tiny-models.js';

const otherModel = tinyModelFolder('nchw-float32-convolutional');
const refused =
  'for the database role may not make or drop tables: set SEMBLANCE_ADMIN_DATABASE_URL to the role that owns';

afterAll(cleanUp);

async function until(store: Store, kind: Store['state']['kind']): Promise<string> {
  while (store.state.kind !== kind) await new Promise((resolve) => setTimeout(resolve, 20));
  return store.state.kind === 'unavailable' ? store.state.reason : '';
}

async function reasonOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}

describe.each(testStoreKinds())('the migrations of a %s', (kind) => {
  test('make what serving takes rights on, and nothing else', async () => {
    const opened = await openTestStore(kind);
    const { database, schemas } = opened;
    onTestFinished(async () => opened.close());
    const names = async (sql: string) =>
      (await database.pool.query<{ readonly name: string }>(sql, [schemas.own])).rows.map(({ name }) => name);
    const tables = await names(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p')
       AND NOT relispartition AND relname <> '_prisma_migrations' ORDER BY relname`,
    );
    expect(tables).toEqual(servedTables);
    const functions = await names(
      `SELECT DISTINCT proname AS name FROM pg_proc WHERE pronamespace = $1::regnamespace ORDER BY proname`,
    );
    expect(functions).toEqual(servedFunctions);
    // Tools that read a schema know a function by its name alone, and stumble on a default of ''.
    const { rows } = await database.pool.query(
      `SELECT proname AS name FROM pg_proc WHERE pronamespace = $1::regnamespace GROUP BY proname HAVING count(*) > 1
       UNION ALL SELECT column_name FROM information_schema.columns WHERE table_schema = $1::text AND column_default LIKE $2`,
      [schemas.own, `''::%`],
    );
    expect(rows).toEqual([]);
  });
});

describe.each(testStoreKinds().filter((kind) => kind === 'server'))('a role that owns the tables of a %s', (_kind) => {
  type Role = Awaited<ReturnType<ServerDatabase['createRole']>>;
  let database: ServerDatabase;
  let owner: Role;
  let server: Role;
  let dataDir: string;
  let opened: { close(): Promise<void> }[];
  beforeEach(async () => {
    opened = [];
    database = await createServerDatabase();
    owner = await database.createRole();
    server = await database.createRole();
    dataDir = await mkdtemp(join(tmpdir(), 'semblance-admin-'));
    // As docs/postgres.md says.
    await database.query(`CREATE EXTENSION vector; CREATE SCHEMA semblance AUTHORIZATION ${owner.name}`);
    return async () => {
      for (const part of opened) await part.close();
      await database.close();
      await rm(dataDir, { recursive: true });
    };
  });

  const environment = (withOwner: boolean) => ({
    DATABASE_URL: server.url,
    SEMBLANCE_ADMIN_DATABASE_URL: withOwner ? owner.url : '',
    SEMBLANCE_DATA_DIR: dataDir,
  });
  const config = (withOwner: boolean): Config => testConfig(environment(withOwner));
  const open = async (withOwner: boolean): Promise<App> => {
    const app = await buildApp(config(withOwner));
    opened.push(app);
    await app.ready;
    return app;
  };
  const openedStore = async (withOwner: boolean): Promise<Store> => {
    const store = await openStore({ ...config(withOwner), onLog: () => undefined });
    opened.push(store);
    return store;
  };
  const ownedByServer = async () =>
    (await database.query(`SELECT relname FROM pg_class WHERE relowner = '${server.name}'::regrole`)).rows;

  test('the owner migrates and makes the first space; then a role with rights on rows alone serves everything else', async () => {
    const migrated = await runProgram(['migrate'], { env: environment(true) });
    expect(migrated.output).toContain('The active embedding space is semblance-compact.');
    expect(migrated.code).toBe(0);
    expect((await runProgram(['migrate'], { env: environment(true) })).output).not.toContain('Applied');

    const { operations, store } = await open(false);
    const ids: string[] = [];
    for (let seed = 0; seed < 4; seed++) {
      const bytes = await makeJpeg(seed);
      ids.push((await operations.uploadImage({ bytes, filename: `${seed}.jpg`, priority: 'query' })).image.id);
    }
    const [first = '', , , last = ''] = ids;
    await operations.updateImage({ id: first, metadata: { label: 'a' } });
    await operations.deleteImage(last);
    await operations.indexRegions({});
    expect((await operations.similarImages({ imageId: first, k: 3, rerank: 'SSIM' })).hits).toHaveLength(2);
    expect((await operations.similarImages({ imageId: first, k: 3, searchRegions: true })).hits).toHaveLength(2);
    expect((await operations.searchByUpload({ bytes: await makeJpeg(0), k: 1 })).hits[0]?.image.id).toBe(first);
    expect((await operations.listImages({ first: 2, filter: { metadata: { label: 'a' } } })).edges).toHaveLength(1);
    expect((await operations.readOriginal(first))?.bytes).toEqual(await makeJpeg(0));
    expect(await operations.sizeBytes()).toBeGreaterThan(0);
    expect(await operations.health()).toEqual({ ready: true, reasons: [] });

    // Before the work of fitting, and before anything changed.
    const decodes: unknown[] = [];
    const creating = operations.createSpace({
      name: 'second',
      recipe: 'hog+bovw-8',
      onProgress: (step) => decodes.push(step),
    });
    expect(await reasonOf(creating)).toMatchObject({
      code: 'FORBIDDEN',
      message: `No embedding space can be made or removed, ${refused} Semblance's tables`,
    });
    expect(decodes).toEqual([]);
    const said = await runProgram(['spaces', 'create', 'second', '--method', 'color'], { env: environment(false) });
    expect(said.code).toBe(1);
    expect(said.output.trim().split('\n').at(-1)).toBe(
      `No embedding space can be made or removed, ${refused} Semblance's tables`,
    );

    const administration = await open(true);
    const created = await administration.operations.createSpace({ name: 'second', recipe: `@${otherModel}` });
    expect(created.space.state).toBe('building');
    const bytes = await makeJpeg(7);
    await operations.uploadImage({ bytes, filename: 'in both.jpg', priority: 'query' });
    expect(await operations.backfillSpace({ name: 'second' })).toMatchObject({
      state: 'ready',
      embedded: 3,
      missing: 0,
    });
    const { key, record } = await operations.createApiKey({ name: 'web', scope: 'read' });
    expect((await operations.apiKeys.verify(key)).id).toBe(record.id);
    expect(await operations.revokeApiKey(record.id)).toMatchObject({ revokedAt: expect.any(Date) as unknown });
    expect(await operations.listApiKeys()).toHaveLength(1);
    expect(await operations.linkSecret()).toEqual(await administration.operations.linkSecret());
    const job = await operations.startJob({ kind: 'backfill_space', input: { name: 'second' } });
    expect((await store.claimJob(randomUUID(), ['backfill_space']))?.id).toBe(job.id);
    expect(await operations.cancelJob(job.id)).toMatchObject({ state: 'cancelled' });
    expect(await operations.listJobs(10)).toHaveLength(1);
    // LOCK TABLE … EXCLUSIVE takes the right to UPDATE or DELETE, and no ownership.
    expect(await operations.activateSpace({ name: 'second' })).toMatchObject({ former: 'semblance-compact' });
    await operations.retireSpace('semblance-compact');
    expect((await operations.searchByUpload({ bytes, k: 1 })).hits[0]?.similarity).toBeCloseTo(1, 3);

    const formerId = (await store.listSpaces()).find(({ name }) => name === 'semblance-compact')?.id ?? 0;
    await administration.operations.createSpace({ name: 'third', recipe: 'color' });
    expect(await reasonOf(operations.removeSpace('third'))).toMatchObject({ code: 'FORBIDDEN' });
    expect((await store.listSpaces()).map(({ state }) => state)).toEqual(['retired', 'active', 'building']);
    await administration.operations.removeSpace('semblance-compact');
    const left = await database.query(`SELECT FROM pg_class WHERE relname = 'embedding_${formerId}'`);
    expect(left.rows).toEqual([]);
    await operations.deleteImage(first);
    expect(await operations.countImages()).toBe(3);
    expect(await ownedByServer()).toEqual([]);
  });

  test('a server that has both makes all by the owner at its first start', async () => {
    const { operations } = await open(true);
    await operations.uploadImage({ bytes: await makeJpeg(1), filename: 'one.jpg', priority: 'query' });
    await operations.createSpace({ name: 'second', recipe: 'color' });
    expect(await operations.backfillSpace({ name: 'second' })).toMatchObject({ state: 'ready' });
    await operations.activateSpace({ name: 'second' });
    await operations.removeSpace('semblance-compact');
    expect(await ownedByServer()).toEqual([]);
  });

  test('what serving takes is told where it is missing', async () => {
    await migrateStore(config(true));
    await database.query(
      `REVOKE ALL ON SCHEMA semblance FROM ${server.name}; REVOKE ALL ON ALL TABLES IN SCHEMA semblance FROM ${server.name};
       REVOKE EXECUTE ON FUNCTION semblance.similar_images(uuid, integer, text) FROM PUBLIC;
       GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA semblance TO ${server.name};
       GRANT DELETE ON semblance.image, semblance.embedding TO ${server.name}`,
    );
    const reason = await until(await openedStore(false), 'unavailable');
    const statements = [
      `GRANT USAGE ON SCHEMA semblance TO ${server.name};`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON semblance.api_key, semblance.embedding_space, semblance.image_content, semblance.job, semblance.region, semblance.scorer, semblance.server_secret TO ${server.name};`,
      `GRANT EXECUTE ON FUNCTION semblance.similar_images(image_id uuid, k integer, space text) TO ${server.name};`,
    ];
    expect(reason).toBe(
      `The database role lacks rights.\nAn administrator must run this in the database:\n${statements.map((sql) => `  ${sql}`).join('\n')}`,
    );
    const store = await openedStore(false);
    await database.query(statements.join('\n'));
    await until(store, 'ready');
    // With the owner at hand nobody has to run it.
    await database.query(`REVOKE ALL ON semblance.image FROM ${server.name}`);
    await until(await openedStore(true), 'ready');
    expect(await store.countImages()).toBe(0);
  });

  test('rights that are revoked while it serves are told as well', async () => {
    await migrateStore(config(true));
    const store = await openedStore(false);
    await until(store, 'ready');
    await database.query(`REVOKE SELECT ON semblance.image FROM ${server.name}`);
    expect(await reasonOf(store.countImages())).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await until(store, 'unavailable')).toContain(`ON semblance.image TO ${server.name};`);
  });

  test('a start without the owner names it where a migration or the first space is missing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'semblance-migrations-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await cp(migrationsFolder, folder, { recursive: true });
    await migrateStore(config(true));
    await mkdir(join(folder, '29990101000000_later'));
    await writeFile(join(folder, '29990101000000_later', 'migration.sql'), 'CREATE TABLE later (id integer)');
    const connection = await openDatabase({ ...config(false), onLog: () => undefined });
    opened.push(connection);
    const refusal = await reasonOf(migrate({ pool: connection.pool, schema: 'semblance', apply: true, folder }));
    expect(String(refusal)).toContain(
      `The database lacks 29990101000000_later, and the role at hand does not own its tables: set SEMBLANCE_ADMIN_DATABASE_URL to their owner, ${owner.name}, and run \`semblance migrate\`.`,
    );

    const app = await buildApp(config(false));
    opened.push(app);
    expect(await reasonOf(app.ready)).toMatchObject({
      message: `The database has no embedding space yet, and the first cannot be made, ${refused} Semblance's tables, and run \`semblance migrate\``,
    });
    expect((await app.operations.health()).reasons.join()).toContain('run `semblance migrate`');
    expect((await runProgram(['migrate'], { env: environment(true) })).code).toBe(0);
    expect(await app.operations.health()).toEqual({ ready: true, reasons: [] });
  });

  test('an owner of another database, or who may not come in, is told apart', async () => {
    await migrateStore(config(true));
    await (await open(true)).close();
    const elsewhere = new URL(owner.url);
    elsewhere.pathname = '/postgres';
    const wrong = { ...environment(true), SEMBLANCE_ADMIN_DATABASE_URL: elsewhere.href };
    const none = new URL(owner.url);
    none.username = 'nobody_of_that_name';
    const app = await buildApp(testConfig({ ...wrong, SEMBLANCE_ADMIN_DATABASE_URL: none.href }));
    opened.push(app);
    // What needs no owner goes on without.
    await app.ready;
    expect(await reasonOf(app.operations.createSpace({ name: 'second', recipe: 'color' }))).toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: 'SEMBLANCE_ADMIN_DATABASE_URL: The database cannot be reached',
    });
    const astray = await buildApp(testConfig(wrong));
    opened.push(astray);
    await astray.ready;
    expect(await reasonOf(astray.operations.createSpace({ name: 'second', recipe: 'color' }))).toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: "SEMBLANCE_ADMIN_DATABASE_URL: Semblance's tables are missing from the database",
    });
  });
});
