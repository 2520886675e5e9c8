import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { codeOf } from '../support/client.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, freePort, serverStores, spawnServer, waitFor } from '../support/server.js';
import { TcpProxy } from '../support/tcp-proxy.js';

afterAll(cleanUp);

it('starts, and says what is missing, where no database answers', async () => {
  const url = `postgres://user:hunter2@127.0.0.1:${await freePort()}/nothing`;
  const server = await spawnServer({ env: { DATABASE_URL: url } });
  await server.answers('/livez', 200);
  const { client } = server;
  const readiness = await client.get('/readyz');
  expect(readiness.status).toBe(503);
  expect(readiness.body.toString()).toContain('database');
  for (const answer of [
    await client.graphql('{ status { imageCount } }'),
    await client.graphql('{ images { totalCount } }'),
    await client.uploadAnswer(await makeJpeg(1)),
    await client.searchAnswer(await makeJpeg(1)),
    await client.similarAnswer('00000000-0000-8000-8000-000000000000'),
  ]) {
    expect(answer.errors?.[0]?.extensions?.['code']).toBe('DATABASE_UNAVAILABLE');
    expect(JSON.stringify(answer)).not.toMatch(/hunter2|ECONNREFUSED|127\.0\.0\.1/);
  }
  expect((await client.get('/images/00000000-0000-8000-8000-000000000000/thumbnail')).status).toBe(503);
  expect(server.output).not.toContain('hunter2');
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

describe.each(serverStores)('a database that goes and comes back ($name)', (store) => {
  it('costs the uploads of that time, and no restart', async () => {
    const environment = store.environment();
    const url = new URL(environment['DATABASE_URL'] ?? '');
    const proxy = await new TcpProxy(url.hostname, Number(url.port)).open();
    url.port = String(proxy.port);
    const server = await spawnServer({ env: { ...environment, DATABASE_URL: url.href } });
    await server.ready();
    const { client } = server;

    const acknowledged = new Set<string>();
    let refused = 0;
    let seed = 0;
    let stop = false;
    const uploader = async (): Promise<void> => {
      while (!stop) {
        const answer = await client.uploadAnswer(await makeJpeg(seed++));
        if (answer.errors === undefined) acknowledged.add(answer.data?.uploadImage.image.id ?? '');
        else {
          expect(codeOf(answer)).toBe('DATABASE_UNAVAILABLE');
          refused++;
        }
      }
    };
    const uploads = Promise.all([uploader(), uploader(), uploader()]);
    for (let round = 1; round <= 2; round++) {
      const before = acknowledged.size;
      await waitFor('uploads before the cut', () => Promise.resolve(acknowledged.size > before + 5));
      const refusedBefore = refused;
      await proxy.cut();
      await waitFor('refused uploads', () => Promise.resolve(refused > refusedBefore + 3));
      await server.answers('/readyz', 503);
      await server.answers('/livez', 200);
      const during = acknowledged.size;
      await proxy.open();
      await waitFor('uploads after the cut', () => Promise.resolve(acknowledged.size > during + 5));
      await server.ready();
    }
    stop = true;
    await uploads;

    const stored = await client.allImages();
    expect(stored.map(({ id }) => id)).toEqual(expect.arrayContaining([...acknowledged]));
    for (const { id, url: path, thumbnailUrl } of stored) {
      expect((await client.get(path)).status).toBe(200);
      expect((await client.get(thumbnailUrl)).status).toBe(200);
      expect((await client.similar(id, { k: 1 })).length).toBe(1);
    }
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    await proxy.cut();
  });

  it('is waited for by a server that started without it', async () => {
    const environment = store.environment();
    const url = new URL(environment['DATABASE_URL'] ?? '');
    const proxy = await new TcpProxy(url.hostname, Number(url.port)).open();
    await proxy.cut();
    url.port = String(proxy.port);
    const server = await spawnServer({ env: { ...environment, DATABASE_URL: url.href } });
    await server.answers('/readyz', 503);
    expect(codeOf(await server.client.uploadAnswer(await makeJpeg(1)))).toBe('DATABASE_UNAVAILABLE');
    await proxy.open();
    await server.ready();
    expect((await server.client.upload(await makeJpeg(1))).created).toBe(true);
    await server.stop();
    await proxy.cut();
  });
});

describe.each(serverStores)('a schema that is dropped under a running server ($name)', (store) => {
  it('is made anew, without a restart', async () => {
    const environment = store.environment();
    const server = await spawnServer({ env: environment });
    await server.ready();
    const { client } = server;
    expect((await client.uploadAnswer(await makeJpeg(1))).errors).toBeUndefined();

    const administrator = new pg.Client(environment['DATABASE_URL']);
    await administrator.connect();
    await administrator.query(`DROP SCHEMA ${environment['SEMBLANCE_SCHEMA'] ?? ''} CASCADE`);
    await administrator.end();
    expect(codeOf(await client.graphql('{ images { totalCount } }'))).toBe('DATABASE_UNAVAILABLE');

    await server.ready();
    expect((await client.uploadAnswer(await makeJpeg(1))).data?.uploadImage.created).toBe(true);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });
});
