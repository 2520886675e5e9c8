import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Finding } from '../../../src/database/diagnosis/finding.js';
import { checks, fillForDoctor, findingsOf } from '../../support/doctor.js';
import { createServerDatabase, type ServerDatabase } from '../../support/server-database.js';
import { cleanUp, makeFolder, serverStores } from '../../support/server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

afterAll(cleanUp);

describe.each(serverStores)('semblance doctor tells of a Postgres $name', () => {
  let folder: string;
  let database: ServerDatabase;
  beforeAll(async () => {
    folder = await makeFolder();
    database = await createServerDatabase();
    await fillForDoctor({ DATABASE_URL: database.url, SEMBLANCE_DATA_DIR: folder });
  });
  afterAll(() => database.close());

  const look = async (url: string, env: Readonly<Record<string, string>> = {}) =>
    findingsOf({ DATABASE_URL: url, SEMBLANCE_DATA_DIR: join(folder, 'nothing'), ...env });
  const problems = (findings: readonly Finding[]) =>
    findings.filter(({ level }) => level === 'problem').map(({ check, message }) => `${check}: ${message}`);
  const changed = (parts: Partial<Pick<URL, 'port' | 'pathname' | 'username'>>): string =>
    Object.assign(new URL(database.url), parts).href;

  test('that it cannot be reached, refuses the role, or lacks the database', async () => {
    expect(checks(await look(changed({ port: '1' })))).toEqual(['problem database']);
    expect(checks(await look(changed({ username: 'nobody' })))).toEqual(['problem database-login']);
    const replica = await look(database.url, { SEMBLANCE_READ_DATABASE_URLS: changed({ port: '1' }) });
    expect(replica.find(({ level }) => level === 'problem')?.message).toContain('SEMBLANCE_READ_DATABASE_URLS');
    const [finding] = await look(changed({ pathname: '/missing' }));
    expect(finding?.message).toContain('does not exist');
  });

  test.each([
    [
      'a newer version has migrated it',
      `INSERT INTO semblance._prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('x', 'x', '29990101000000_later', now())`,
      `DELETE FROM semblance._prisma_migrations WHERE id = 'x'`,
      /newer version \(29990101000000_later\)/,
    ],
    [
      'a migration failed',
      'UPDATE semblance._prisma_migrations SET finished_at = NULL',
      'UPDATE semblance._prisma_migrations SET finished_at = now()',
      /begun by another tool and never finished/,
    ],
    [
      'a migration was changed',
      `UPDATE semblance._prisma_migrations SET checksum = reverse(checksum)`,
      `UPDATE semblance._prisma_migrations SET checksum = reverse(checksum)`,
      /was changed after/,
    ],
    [
      'it is of an older version',
      `UPDATE semblance._prisma_migrations SET rolled_back_at = now()
       WHERE migration_name = (SELECT max(m.migration_name) FROM semblance._prisma_migrations m)`,
      'UPDATE semblance._prisma_migrations SET rolled_back_at = NULL',
      /older version: it lacks 2026/,
    ],
  ])('that %s', async (_, spoil, mend, message) => {
    await database.query(spoil);
    const findings = await look(database.url);
    expect(findings.find(({ check }) => check === 'migrations')?.message).toMatch(message);
    await database.query(mend);
    expect(checks(await look(database.url))).not.toContain('problem migrations');
  });

  test('that no space is active, and that a model is missing', async () => {
    await database.query(`UPDATE semblance.embedding_space SET state = 'ready', model = 'gone' WHERE id = 1`);
    const findings = (await look(database.url, { SEMBLANCE_MODEL: '' })).filter(({ level }) => level === 'problem');
    expect(checks(findings)).toEqual(['problem active-space', 'problem model']);
    expect(findings[1]?.message).toMatch(/gone.* is missing/);
    await database.query(
      `UPDATE semblance.embedding_space SET state = 'active', model = 'semblance-compact' WHERE id = 1`,
    );
  });

  test('rights that the role lacks, with the statements', async () => {
    const role = await database.createRole();
    const findings = await look(role.url);
    expect(checks(findings)).toContain('problem rights');
    const remedy = findings.find(({ check }) => check === 'rights')?.remedy ?? '';
    for (const statement of remedy.replace('Run as an administrator: ', '').split(/(?<=;) /)) {
      await database.query(statement);
    }
    expect(checks(await look(role.url))).not.toContain('problem rights');
  });

  test('that the role has no connection left', async () => {
    const role = await database.createRole();
    await database.query(`ALTER ROLE ${role.name} CONNECTION LIMIT 0`);
    expect(problems(await look(role.url))).toEqual([
      expect.stringMatching(/^database-connections: .* no connection left: too many connections for role/),
    ]);
  });

  test('that nothing comes back from it', async () => {
    const { hostname, port } = new URL(database.url);
    const proxy = await new TcpProxy(hostname, Number(port)).open();
    proxy.swallow();
    expect(problems(await look(changed({ port: String(proxy.port) })))).toEqual([
      expect.stringMatching(/^database: The database of DATABASE_URL cannot be reached: .*timeout/),
    ]);
    await proxy.cut();
  });

  test("an administrator's address that leads nowhere, elsewhere, or to who owns nothing", async () => {
    const role = await database.createRole();
    const elsewhere = await createServerDatabase();
    const found = async (admin: string) =>
      problems(await look(database.url, { SEMBLANCE_ADMIN_DATABASE_URL: admin })).join();
    const variable = 'SEMBLANCE_ADMIN_DATABASE_URL';
    expect(await found(changed({ port: '1' }))).toContain(`database: The database of ${variable} cannot be reached`);
    expect(await found(changed({ username: 'nobody' }))).toContain(`refuses the role of ${variable}`);
    expect(await found(elsewhere.url)).toBe(`rights: DATABASE_URL and ${variable} lead to different databases.`);
    expect(await found(role.url)).toMatch(/^rights: The role of SEMBLANCE_ADMIN_DATABASE_URL does not own/);
    expect(await found(database.url)).toBe('');
    await elsewhere.close();
  });

  test('that it takes no images, though it lets the role write, and keeps none', async () => {
    const kept = 'SELECT count(*)::int AS kept FROM semblance.image';
    const { rows } = await database.query(kept);
    await database.query(
      'ALTER TABLE semblance.image_content ADD CONSTRAINT refused CHECK (length(original) < 100) NOT VALID',
    );
    expect(problems(await look(database.url))).toEqual([
      expect.stringMatching(/^writes: The database takes no images: .*violates check constraint "refused"/),
    ]);
    await database.query('ALTER TABLE semblance.image_content DROP CONSTRAINT refused');
    expect(problems(await look(database.url))).toEqual([]);
    expect((await database.query(kept)).rows).toEqual(rows);
  });

  test('that it takes no writes', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await database.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    expect(checks(await look(database.url))).toContain('problem read-only');
    await database.query(`SET transaction_read_only = off; ALTER DATABASE ${name} RESET default_transaction_read_only`);
    expect(checks(await look(database.url))).not.toContain('problem read-only');
  });

  test('an extension that is too old, one to be renewed, where it lies, and that it is missing', async () => {
    const pretend = (version: string) =>
      database.query(
        `SET allow_system_table_mods = on; UPDATE pg_extension SET extversion = '${version}' WHERE extname = 'vector'`,
      );
    await pretend('0.7.4');
    const [old] = await look(database.url);
    expect([old?.check, old?.remedy]).toEqual(['extension', expect.stringContaining('ALTER EXTENSION vector UPDATE;')]);
    await pretend('0.8.0');
    const [advised] = await look(database.url);
    expect([advised?.level, advised?.check]).toEqual(['advice', 'extension']);
    expect(advised?.message).toMatch(/VACUUM.*schema public/);
    await pretend('0.8.4');
    expect(await look(database.url)).toEqual([]);
    const empty = await createServerDatabase();
    const findings = await look(empty.url);
    expect(checks(findings)).toEqual(['problem extension', 'advice migrations']);
    expect(findings[0]?.remedy).toContain('CREATE EXTENSION vector;');
    await empty.close();
  });

  test('an index that a cut-off REINDEX left invalid', async () => {
    await database.query(
      `SET allow_system_table_mods = on;
       UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'semblance.embedding_1_hnsw'::regclass`,
    );
    const findings = await look(database.url);
    expect(findings.find(({ check }) => check === 'index')?.message).toMatch(/embedding_1_hnsw .* is invalid/);
    await database.query(
      `SET allow_system_table_mods = on;
       UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'semblance.embedding_1_hnsw'::regclass`,
    );
  });

  test('an index that a build that was cut off has left', async () => {
    await database.query(
      `CREATE INDEX embedding_2_hnsw_ccnew ON semblance.embedding_2 USING hnsw (embedding vector_cosine_ops);
       SET allow_system_table_mods = on;
       UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'semblance.embedding_2_hnsw_ccnew'::regclass`,
    );
    expect(problems(await look(database.url))).toEqual([
      expect.stringMatching(/^index: The index embedding_2_hnsw_ccnew of the space "greys" is unfinished/),
    ]);
    await database.query('DROP INDEX semblance.embedding_2_hnsw_ccnew');
  });

  test('partitions that are detached or gone, and the removal of a space that was cut off', async () => {
    const partitions = async () => (await look(database.url)).filter(({ check }) => check === 'partition');
    await database.query('ALTER TABLE semblance.region DETACH PARTITION semblance.region_2');
    const lost = /^The space "greys" has lost its partition region_2: it takes no images\.$/;
    expect((await partitions()).map(({ message }) => message)).toEqual([expect.stringMatching(lost)]);
    await database.query('DROP TABLE semblance.region_2');
    expect((await partitions()).map(({ message }) => message)).toEqual([expect.stringMatching(lost)]);
    await database.query(
      `UPDATE semblance.embedding_space SET state = 'retired' WHERE id = 2;
       ALTER TABLE semblance.embedding DETACH PARTITION semblance.embedding_2`,
    );
    const removal = await partitions();
    expect(removal.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'advice The removal of the space "greys" was cut off: its partition embedding_2 is detached.',
      'advice The removal of the space "greys" was cut off: its partition region_2 is gone.',
    ]);
    expect(removal[0]?.remedy).toBe('Run `semblance spaces remove greys`, which finishes it.');
  });
});

if (serverStores.length === 0) {
  test('what doctor tells of a Postgres takes one: see scripts/test-postgres.sh', () => {
    expect(process.env['TEST_DATABASE_URL']).toBeUndefined();
  });
}
