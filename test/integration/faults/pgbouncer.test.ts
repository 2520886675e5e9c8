import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { halfImagesSql } from '../../support/fault-traffic.js';
import { makeJpeg } from '../../support/make-image.js';
import { startPgBouncer, type PgBouncer } from '../../support/pgbouncer.js';
import { cleanUp, runProgram, serverStores, startServer, waitFor, type TestServer } from '../../support/server.js';
import { createServerDatabase, type ServerDatabase } from '../../support/server-database.js';

afterAll(cleanUp);

describe.each(serverStores)('PgBouncer in transaction mode before the database ($name)', () => {
  let database: ServerDatabase;
  let bouncer: PgBouncer;
  let env: Readonly<Record<string, string>>;
  let servers: readonly TestServer[];

  beforeAll(async () => {
    database = await createServerDatabase();
    bouncer = await startPgBouncer(database.url, 3);
    env = { DATABASE_URL: bouncer.url };
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await bouncer.close();
    await database.close();
  });

  it('the schema is made', async () => {
    const { code, output } = await runProgram(['migrate'], { env });
    expect(output).toContain('The schema is up to date.');
    expect(code).toBe(0);
  });

  it('two servers with ten connections each store and search over three of the database', async () => {
    servers = await Promise.all([startServer({ env }), startServer({ env })]);
    const pictures = await Promise.all(Array.from({ length: 24 }, (_, seed) => makeJpeg(seed)));
    const clientOf = (index: number) => {
      const server = servers[index % 2];
      if (server === undefined) throw new Error('There are two servers');
      return server.client;
    };
    const uploaded = await Promise.all(pictures.map((bytes, index) => clientOf(index).upload(bytes)));
    await Promise.all(
      pictures.map(async (bytes, index) => {
        const id = uploaded[index]?.image.id ?? '';
        const [[hit], similar] = await Promise.all([
          clientOf(index + 1).search(bytes, { k: 1 }),
          clientOf(index + 1).similar(id, { k: 5 }),
        ]);
        expect(hit?.image.id).toBe(id);
        expect(similar).toHaveLength(5);
      }),
    );
    const { rows } = await database.query(
      `SELECT count(*)::integer AS backends FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    expect(rows[0]?.['backends']).toBeLessThanOrEqual(3);
  });

  it('a job makes, fills and compares a space, and it is activated and another removed', async () => {
    const { client } = servers[0] as TestServer;
    const ended = async (order: string): Promise<unknown> => {
      const { job } = await client.data<{ readonly job: { readonly id: string } }>(`mutation { job: ${order} { id } }`);
      let state = '';
      await waitFor('the job', async () => {
        const answer = await client.data<{ readonly job: { readonly state: string } }>(
          'query ($id: ID!) { job(id: $id) { state } }',
          { id: job.id },
        );
        ({ state } = answer.job);
        return !['QUEUED', 'RUNNING'].includes(state);
      });
      return state;
    };
    expect(await ended('createSpace(name: "colours", method: "color")')).toBe('DONE');
    expect(await ended('compareSpaces(a: "semblance-compact", b: "colours", sample: 10)')).toBe('DONE');
    expect(await ended('createSpace(name: "later", method: "color", backfill: false)')).toBe('DONE');
    expect(await ended('backfillSpace(name: "later")')).toBe('DONE');
    await client.data('mutation { activateSpace(name: "later") { __typename } }');
    await client.data('mutation { removeSpace(name: "colours") { __typename } }');
    expect((await client.upload(await makeJpeg(100))).created).toBe(true);
    expect((await database.query(halfImagesSql('semblance'))).rows).toEqual([{ half: 0 }]);
  });

  it('indexes are built anew, and no session keeps a setting', async () => {
    const { code, stdout } = await runProgram(['reindex', '--all'], { env });
    expect(stdout).toMatch(/embedding_1_hnsw +valid +built/);
    expect(code).toBe(0);
    const { client } = servers[1] as TestServer;
    expect((await client.search(await makeJpeg(3), { k: 2 })).length).toBe(2);
    // Several times, for each may be another of its connections.
    const settings = new Set<unknown>();
    for (let look = 0; look < 9; look++) settings.add(await settingsThrough(bouncer.url));
    expect([...settings]).toEqual(['0 0 off']);
  });
});

async function settingsThrough(url: string): Promise<unknown> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<{ readonly settings: string }>(
      `SELECT '[1]'::vector, concat_ws(' ', current_setting('statement_timeout'),
         current_setting('idle_in_transaction_session_timeout'), current_setting('hnsw.iterative_scan')) AS settings`,
    );
    return rows[0]?.settings;
  } finally {
    await client.end();
  }
}

if (serverStores.length === 0) {
  test('PgBouncer takes a Postgres behind it: TEST_DATABASE_URL is not set, see scripts/test-postgres.sh', () => {
    expect(process.env['TEST_DATABASE_URL'] ?? '').toBe('');
  });
}
