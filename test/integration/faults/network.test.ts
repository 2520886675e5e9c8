import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { createServerPool } from '../../../src/database/connections/pool.js';
import { transaction } from '../../../src/database/transaction.js';
import { FaultTraffic, halfImagesSql } from '../../support/fault-traffic.js';
import { makeJpeg } from '../../support/make-image.js';
import { createServerDatabase, type ServerDatabase } from '../../support/server-database.js';
import { cleanUp, serverStores, spawnServer, waitFor, type TestServer } from '../../support/server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

afterAll(cleanUp);

const connections = 4;

describe.each(serverStores)('a network between server and database ($name)', () => {
  let database: ServerDatabase;
  let proxy: TcpProxy;
  let server: TestServer;
  let traffic: FaultTraffic;

  const proxied = (parameters = ''): string => {
    const url = new URL(database.url);
    url.port = String(proxy.port);
    return `${url.href}${parameters}`;
  };

  beforeAll(async () => {
    database = await createServerDatabase();
    const url = new URL(database.url);
    proxy = await new TcpProxy(url.hostname, Number(url.port)).open();
    server = await spawnServer({
      env: { DATABASE_URL: proxied('?query_timeout=1500'), SEMBLANCE_DATABASE_CONNECTIONS: String(connections) },
    });
    await server.ready();
    traffic = new FaultTraffic(server.client);
  });
  afterAll(async () => {
    await server.kill();
    await proxy.cut();
    await database.close();
  });

  it('that resets every connection, costs no more than what was under way', async () => {
    for (let round = 0; round < 3; round++) {
      await traffic.goesOn();
      proxy.reset();
    }
    await traffic.goesOn();
    await server.ready();
    expect([...traffic.refused.keys()].filter((code) => code !== 'DATABASE_UNAVAILABLE')).toEqual([]);
  });

  it('that is slow, is waited for', async () => {
    await traffic.goesOn();
    const before = traffic.refusals;
    proxy.slow(20);
    await traffic.goesOn();
    proxy.slow(0);
    await traffic.goesOn();
    expect(traffic.refusals).toBe(before);
  });

  it('that swallows everything: each request is answered, and all goes on once it is mended', async () => {
    await traffic.goesOn();
    proxy.swallow();
    // Of three uploads and a search at a time each has had its answer.
    await traffic.isRefused(5);
    await server.answers('/readyz', 503);
    await server.answers('/livez', 200);
    proxy.restore();
    await traffic.goesOn();
    await server.ready();
    await traffic.stop();
    const typed = ['DATABASE_UNAVAILABLE', 'OVERLOADED'];
    expect([...traffic.refused.keys()].filter((code) => !typed.includes(String(code)))).toEqual([]);
    expect((await database.query(halfImagesSql('semblance'))).rows).toEqual([{ half: 0 }]);
  });

  it('that swallows an upload before its COMMIT, locks nobody out', async () => {
    const bytes = await makeJpeg(50_000);
    proxy.onSent = (sent) => {
      if (sent.includes('image_content')) proxy.swallow();
    };
    const answer = await server.client.uploadAnswer(bytes);
    expect(answer.errors?.[0]?.extensions?.['code']).toBe('OVERLOADED');
    proxy.onSent = undefined;
    proxy.restore();
    // The lost session holds the image's key; Postgres hears of no end, and ends it for having been idle too long.
    await waitFor('the same upload', async () => (await server.client.uploadAnswer(bytes)).errors === undefined);
    const { rows } = await database.query(
      `SELECT count(*)::integer AS idle FROM pg_stat_activity
       WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
    );
    expect(rows).toEqual([{ idle: 0 }]);
  });

  it('that swallows a transaction, is waited for once and not for the ROLLBACK as well', async () => {
    const pool = createServerPool(proxied('?query_timeout=400'), { connections: 2, onIdleError: () => undefined });
    const clock = await pool.connect();
    const order: string[] = [];
    const work = transaction(pool, async (client) => {
      proxy.swallow();
      await client.query('SELECT 1');
    });
    const given = work.catch((error: unknown) => order.push(String(error)));
    // Begun later, and it waits longer than one statement and less than two.
    await waitFor('the network to be gone', () => Promise.resolve(proxy.swallows));
    const later = clock
      .query({ text: 'SELECT 1', query_timeout: 700 } as { text: string })
      .catch(() => order.push('a statement of 700 ms'));
    await Promise.all([given, later]);
    expect(order).toEqual(['Error: Query read timeout', 'a statement of 700 ms']);
    clock.release(true);
    proxy.restore();
    expect((await pool.query('SELECT 1')).rowCount).toBe(1);
    await pool.end();
  });

  it('leaves no connection behind', async () => {
    await server.ready();
    const pictures = await Promise.all(Array.from({ length: 3 * connections }, (_, index) => makeJpeg(60_000 + index)));
    await Promise.all(pictures.map((bytes) => server.client.upload(bytes)));
    expect(proxy.openConnections).toBeLessThanOrEqual(connections);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    await waitFor('connections to end', () => Promise.resolve(proxy.openConnections === 0));
  });
});

if (serverStores.length === 0) {
  test('a network to Postgres takes one: TEST_DATABASE_URL is not set, see scripts/test-postgres.sh', () => {
    expect(process.env['TEST_DATABASE_URL'] ?? '').toBe('');
  });
}
