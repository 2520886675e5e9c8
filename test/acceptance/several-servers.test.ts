import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleSize } from '../../src/images/import/load-sample.js';
import { codeOf, type TestClient } from '../support/client.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, runProgram, serverStores, startServer, waitFor, type TestServer } from '../support/server.js';

afterAll(cleanUp);

/** Ids of the jobs that a server says it began. */
function begun(server: TestServer): readonly string[] {
  return [...server.output.matchAll(/ job begun job=(\S+)/g)].map(([, id = '']) => id);
}

describe.each(serverStores)('two servers on one database ($name)', (store) => {
  let servers: readonly [TestServer, TestServer];
  let clients: readonly [TestClient, TestClient];
  let environment: Record<string, string>;

  beforeAll(async () => {
    environment = store.environment();
    // Both at once: one of them migrates.
    servers = await Promise.all([startServer({ env: environment }), startServer({ env: environment })]);
    clients = [servers[0].client, servers[1].client];
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });

  const begin = async (client: TestClient, mutation: string): Promise<string> => {
    const { job } = await client.data<{ job: { id: string } }>(`mutation { job: ${mutation} { id } }`);
    return job.id;
  };
  const stateOf = async (client: TestClient, id: string) =>
    (await client.data<{ job: { state: string; done: number } }>(`{ job(id: "${id}") { state done } }`)).job;
  const done = (client: TestClient, id: string) =>
    waitFor(`job ${id} to be done`, async () => {
      const { state } = await stateOf(client, id);
      if (state === 'FAILED' || state === 'CANCELLED') throw new Error(`Job ${id} is ${state}`);
      return state === 'DONE';
    });
  const attemptsOf = async (ids: readonly string[]): Promise<readonly unknown[]> => {
    const administrator = new pg.Client(environment['DATABASE_URL']);
    await administrator.connect();
    const { rows } = await administrator.query<{ attempts: number }>(
      `SELECT attempts FROM ${environment['SEMBLANCE_SCHEMA'] ?? ''}.job WHERE id = ANY ($1)`,
      [ids],
    );
    await administrator.end();
    return rows.map(({ attempts }) => attempts);
  };

  it('store the same bytes once, and find at once what the other stored', async () => {
    const bytes = await makeJpeg(1);
    const payloads = await Promise.all(
      Array.from({ length: 12 }, (_, index) => (clients[index % 2] ?? clients[0]).upload(bytes)),
    );
    expect(payloads.filter(({ created }) => created)).toHaveLength(1);
    const { image } = await clients[0].upload(await makeJpeg(2));
    expect((await clients[1].search(await makeJpeg(2), { k: 1 }))[0]?.image.id).toBe(image.id);
    expect(await clients[1].similar(image.id)).toHaveLength(1);
  });

  it('take a key as soon as it is made beside them, and refuse it soon after it is revoked', async () => {
    const keys = async (...args: readonly string[]) => {
      const { code, stdout } = await runProgram(['keys', ...args], { env: environment });
      expect(code).toBe(0);
      return stdout.trim();
    };
    const key = await keys('create', 'web');
    const id = key.slice(4, 20);
    // Wrong credentials are refused where none are needed, too.
    const ask = (client: TestClient) => client.graphql('{ __typename }', {}, { authorization: `Bearer ${key}` });
    for (const client of clients) expect((await ask(client)).errors).toBeUndefined();
    expect(await keys('revoke', id)).toBe(`Revoked the key ${id} (web).`);
    for (const client of clients) {
      // Each remembers for some seconds that it was good.
      await waitFor('the key to be refused', async () => (await ask(client)).errors !== undefined);
      expect(codeOf(await ask(client))).toBe('UNAUTHENTICATED');
    }
  });

  it('run each job once, whoever was given it', async () => {
    const names = Array.from({ length: 16 }, (_, index) => `space-${index}`);
    const ids = await Promise.all(
      names.map((name, index) =>
        begin(clients[index % 2] ?? clients[0], `createSpace(name: "${name}", method: "grey", backfill: true)`),
      ),
    );
    for (const id of ids) await done(clients[0], id);
    expect(servers.flatMap(begun).toSorted()).toEqual(ids.toSorted());
    expect(await attemptsOf(ids)).toEqual(ids.map(() => 1));
    const { spaces } = await clients[1].data<{
      spaces: readonly { name: string; state: string; missingCount: number }[];
    }>('{ spaces { name state missingCount } }');
    for (const name of names) {
      expect(spaces.filter((space) => space.name === name)).toEqual([{ name, state: 'READY', missingCount: 0 }]);
    }
    for (const name of names) await clients[0].data(`mutation { removeSpace(name: "${name}") { removedName } }`);
  });

  it('hand a job on where one is stopped in the midst of it', async () => {
    const before = await clients[1].totalCount();
    const id = await begin(clients[0], 'loadSample');
    await waitFor('images of the job', async () => (await stateOf(clients[0], id)).done > 0);
    const [first, second] = servers;
    const [leaving, staying] = begun(first).includes(id) ? [first, second] : [second, first];
    expect(await leaving.stop()).toEqual({ code: 0, signal: null });
    await done(staying.client, id);
    expect(servers.map((server) => begun(server).filter((job) => job === id).length)).toEqual([1, 1]);
    // Given back, not lost: the attempt of the server that left does not count.
    expect(await attemptsOf([id])).toEqual([1]);
    expect(await staying.client.totalCount()).toBe(before + sampleSize);
  });
});

if (serverStores.length === 0) {
  it('two servers take a Postgres: TEST_DATABASE_URL is not set, see scripts/test-postgres.sh', () => {
    expect(process.env['TEST_DATABASE_URL'] ?? '').toBe('');
  });
}
