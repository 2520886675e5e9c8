import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { Hit } from '../../support/client.js';
import { makeJpeg } from '../../support/make-image.js';
import {
  cleanUp,
  runProgram,
  serverStores,
  spawnServer,
  startServer,
  waitFor,
  type TestServer,
} from '../../support/server.js';
import { createServerDatabase, type ServerDatabase } from '../../support/server-database.js';

const run = promisify(execFile);

afterAll(cleanUp);

/** What somebody may have: names and kinds that ours could be taken for, or could get in the way of. */
const foreignSql = `
  CREATE SCHEMA extensions;
  CREATE EXTENSION vector SCHEMA extensions;
  CREATE SCHEMA shop;
  CREATE TYPE shop.state AS ENUM ('active', 'retired');
  CREATE TABLE public.image (id serial PRIMARY KEY, sha256 text UNIQUE, embedding extensions.vector(3));
  CREATE INDEX embedding_1_hnsw ON public.image USING hnsw (embedding extensions.vector_cosine_ops);
  INSERT INTO public.image (sha256, embedding) SELECT md5(g::text), ARRAY[g, 1, 2]::extensions.vector FROM generate_series(1, 20) g;
  CREATE TABLE public.job (id uuid PRIMARY KEY, state shop.state NOT NULL DEFAULT 'active');
  CREATE TABLE public._prisma_migrations (id varchar(36) PRIMARY KEY, migration_name text);
  INSERT INTO public._prisma_migrations VALUES ('1', 'of another application');
  CREATE TABLE shop.embedding (space_id integer, n integer) PARTITION BY LIST (space_id);
  CREATE TABLE shop.embedding_1 PARTITION OF shop.embedding FOR VALUES IN (1);
  INSERT INTO shop.embedding SELECT 1, g FROM generate_series(1, 5) g;
  CREATE FUNCTION public.similar_images(uuid, integer) RETURNS integer LANGUAGE sql AS 'SELECT 42';
  CREATE FUNCTION public.search_plan() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER noted BEFORE INSERT ON public.job FOR EACH ROW EXECUTE FUNCTION public.search_plan();
  CREATE SEQUENCE shop.embedding_space_id_seq START 7;
  CREATE VIEW shop.pictures AS SELECT i.id, i.sha256 FROM public.image i;
  CREATE POLICY mine ON public.job USING (true);
  ALTER TABLE public.job ENABLE ROW LEVEL SECURITY;`;

describe.each(serverStores)('a database that others use as well ($name)', () => {
  let database: ServerDatabase;
  let before: { readonly foreign: string; readonly whole: string };
  let servers: readonly [TestServer, TestServer];
  const dump = async (...options: readonly string[]): Promise<string> => {
    const { stdout } = await run('pg_dump', [...options, database.url], { maxBuffer: 2 ** 28 });
    // psql's guard against injected commands is drawn at random for every dump.
    return stdout.replace(/^\\(un)?restrict .*$/gm, '');
  };

  beforeAll(async () => {
    database = await createServerDatabase();
    await database.query(foreignSql);
    before = { foreign: await dump('--exclude-schema=semblance'), whole: await dump() };
    const env = { DATABASE_URL: database.url };
    servers = await Promise.all([spawnServer({ env }), spawnServer({ env })]);
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await database.close();
  });

  it('is migrated by two servers at once, each step by one of them, and both serve', async () => {
    await Promise.all(servers.map((server) => server.ready()));
    const { rows } = await database.query(
      `SELECT count(*)::integer AS steps, count(DISTINCT migration_name)::integer AS names,
         (SELECT count(*)::integer FROM semblance.embedding_space) AS spaces FROM semblance._prisma_migrations`,
    );
    expect(rows[0]?.['steps']).toBe(rows[0]?.['names']);
    expect(rows[0]?.['spaces']).toBe(1);
    for (const [index, server] of servers.entries()) {
      expect((await server.client.upload(await makeJpeg(index))).created).toBe(true);
      expect(server.output).not.toContain('Not ready');
    }
    expect(await servers[0].client.totalCount()).toBe(2);
  });

  it('gives the same nearest in the same order after pg_dump and restore into another', async () => {
    const [{ client }] = servers;
    const ids: string[] = [];
    for (let seed = 0; seed < 40; seed++) ids.push((await client.upload(await makeJpeg(seed))).image.id);
    const answersOf = async (of: TestServer['client']): Promise<readonly (readonly Hit[])[]> => {
      const answers: (readonly Hit[])[] = [];
      for (const id of ids.slice(0, 10)) answers.push(await of.similar(id, { k: 20 }));
      for (let seed = 0; seed < 5; seed++) answers.push(await of.search(await makeJpeg(1_000 + seed), { k: 20 }));
      return answers;
    };
    const expected = await answersOf(client);
    const copy = await createServerDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'sb-dump-'));
    try {
      // Only ours, as somebody does who moves it elsewhere; docs/postgres.md says how.
      const file = join(folder, 'dump');
      await run('pg_dump', ['--format=custom', '--schema=semblance', `--file=${file}`, database.url]);
      await copy.query('CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions');
      await run('pg_restore', ['--exit-on-error', `--dbname=${copy.url}`, file]);
      const restored = await startServer({ env: { DATABASE_URL: copy.url } });
      expect(await answersOf(restored.client)).toEqual(expected);
      expect((await restored.client.upload(await makeJpeg(0))).created).toBe(false);
      expect((await restored.client.upload(await makeJpeg(2_000))).created).toBe(true);
      for (const { url } of await restored.client.allImages()) {
        expect((await restored.client.get(url)).status).toBe(200);
      }
      await restored.stop();
    } finally {
      await rm(folder, { recursive: true });
      await copy.close();
    }
  });

  it('keeps what is not ours as it was: spaces made and removed, indexes rebuilt, the schema dropped', async () => {
    const [{ client }] = servers;
    const { job } = await client.data<{ readonly job: { readonly id: string } }>(
      'mutation { job: createSpace(name: "colours", method: "color") { id } }',
    );
    await waitFor('the space', async () => {
      const answer = await client.data<{ readonly job: { readonly state: string } }>(
        'query ($id: ID!) { job(id: $id) { state } }',
        { id: job.id },
      );
      return answer.job.state === 'DONE';
    });
    await client.data('mutation { removeSpace(name: "colours") { __typename } }');
    expect((await runProgram(['reindex', '--all'], { env: { DATABASE_URL: database.url } })).code).toBe(0);
    expect(await dump('--exclude-schema=semblance')).toBe(before.foreign);
    await Promise.all(servers.map((server) => server.stop()));
    await database.query('DROP SCHEMA semblance CASCADE');
    expect(await dump()).toBe(before.whole);
  });
});

if (serverStores.length === 0) {
  test('a database of others takes a server: TEST_DATABASE_URL is not set, see scripts/test-postgres.sh', () => {
    expect(process.env['TEST_DATABASE_URL'] ?? '').toBe('');
  });
}
