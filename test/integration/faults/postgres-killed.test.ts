import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { FaultTraffic, halfImagesSql } from '../../support/fault-traffic.js';
import { makeJpeg } from '../../support/make-image.js';
import { OwnPostgres } from '../../support/own-postgres.js';
import { cleanUp, serverStores, spawnServer, type TestServer } from '../../support/server.js';

afterAll(cleanUp);

const connections = 6;

describe.each(serverStores)('a Postgres that ends in the midst of uploads and searches ($name)', () => {
  let postgres: OwnPostgres;
  let server: TestServer;
  let traffic: FaultTraffic;

  beforeAll(async () => {
    postgres = await OwnPostgres.start();
    const env = { DATABASE_URL: postgres.url, SEMBLANCE_DATABASE_CONNECTIONS: String(connections) };
    server = await spawnServer({ env });
    await server.ready();
    traffic = new FaultTraffic(server.client);
  });
  afterAll(async () => {
    await server.kill();
    await postgres.remove();
  });

  it.each<[string, () => Promise<void>]>([
    ['killed', () => postgres.kill()],
    ['stopped', () => postgres.stop('fast')],
    ['stopped at once', () => postgres.stop('immediate')],
  ])('%s: refuses what it cannot do, and goes on when it is back', async (_, end) => {
    await traffic.goesOn();
    await end();
    await traffic.isRefused();
    await server.answers('/readyz', 503);
    await server.answers('/livez', 200);
    await postgres.start();
    await traffic.goesOn();
    await server.ready();
  });

  it.each(['fast', 'immediate'] as const)('restarted (%s): goes on', async (mode) => {
    await traffic.goesOn();
    await postgres.restart(mode);
    await traffic.goesOn();
    await server.ready();
  });

  it('one backend killed, upon which Postgres ends all: goes on', async () => {
    await traffic.goesOn();
    const { rows } = await postgres.query(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'semblance' LIMIT 1`,
    );
    process.kill(Number(rows[0]?.['pid']), 'SIGKILL');
    await traffic.goesOn();
    await server.ready();
  });

  it('lost nothing acknowledged, left no half image and no connection, and said no more than it should', async () => {
    await traffic.stop();
    expect([...traffic.refused.keys()]).toEqual(['DATABASE_UNAVAILABLE']);
    const { rows: stored } = await postgres.query('SELECT id FROM semblance.image');
    expect(stored.map(({ id }) => id)).toEqual(expect.arrayContaining([...traffic.acknowledged]));
    expect((await postgres.query(halfImagesSql('semblance'))).rows).toEqual([{ half: 0 }]);

    // More at once than there are connections: each of them is free.
    const pictures = await Promise.all(Array.from({ length: 3 * connections }, (_, index) => makeJpeg(10_000 + index)));
    for (const { created } of await Promise.all(pictures.map((bytes) => server.client.upload(bytes)))) {
      expect(created).toBe(true);
    }
    const { rows } = await postgres.query(
      `SELECT count(*)::integer AS open, count(*) FILTER (WHERE state <> 'idle')::integer AS busy
       FROM pg_stat_activity WHERE application_name = 'semblance'`,
    );
    expect(rows[0]?.['open']).toBeLessThanOrEqual(connections);
    expect(rows[0]?.['busy']).toBe(0);
    expect(server.output).not.toContain('UnhandledPromise');
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });
});

if (serverStores.length === 0) {
  test('a Postgres that ends takes one: TEST_DATABASE_URL is not set, see scripts/test-postgres.sh', () => {
    expect(process.env['TEST_DATABASE_URL'] ?? '').toBe('');
  });
}
