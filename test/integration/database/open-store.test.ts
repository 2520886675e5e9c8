import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore, type StoreOptions } from '../../../src/database/open-store.js';
import type { Store } from '../../../src/database/store.js';
import { testDatabaseUrl, testStoreKinds } from '../../support/database.js';
import { embeddedStores } from '../../support/server.js';
import { createServerDatabase } from '../../support/server-database.js';
import { newImage, testSpace } from '../../support/store.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

const base = {
  schema: 'semblance',
  dataDir: '/nonexistent',
  databaseConnections: 4,
  autoMigrate: true,
  onLog: () => undefined,
} as const;

async function until(store: Store, kind: Store['state']['kind']): Promise<void> {
  while (store.state.kind !== kind) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe.each(embeddedStores)('without a server', () => {
  test('a store opens, refuses while it does, serves, and ends', async () => {
    const store = await openStore({ ...base, database: { kind: 'memory' } });
    expect(store.state).toEqual({ kind: 'opening' });
    await expect(store.countImages()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await until(store, 'ready');
    expect(await store.activeSpace()).toBeUndefined();
    await expect(store.searchByVector(Float32Array.of(1), { k: 1 })).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
    });
    await expect(store.insertImage(newImage(1, 'early'))).rejects.toMatchObject({ code: 'CONFLICT' });
    const space = await store.ensureSpace(testSpace);
    expect(await store.ensureSpace({ ...testSpace, name: 'another' })).toEqual(space);
    expect(await store.activeSpace()).toEqual(space);
    await Promise.all([store.close(), store.close()]);
    expect(store.state).toEqual({ kind: 'closed' });
    await expect(store.countImages()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  test('without autoMigrate an empty database is not touched, and the reason names the command', async () => {
    const store = await openStore({ ...base, autoMigrate: false, database: { kind: 'memory' } });
    await until(store, 'unavailable');
    expect(store.state).toMatchObject({ reason: expect.stringContaining('run `semblance migrate`') as string });
    await store.close();
  });

  test('an embedded store keeps its images, and a second one on its folder is refused', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'semblance-store-'));
    const options: StoreOptions = { ...base, dataDir, database: { kind: 'embedded' } };
    try {
      const first = await openStore(options);
      await until(first, 'ready');
      const space = await first.ensureSpace(testSpace);
      const { image } = await first.insertImage(newImage(space.id, 'kept'));
      await expect(openStore(options)).rejects.toMatchObject({ name: 'ConfigurationError' });
      await first.close();
      const second = await openStore(options);
      await until(second, 'ready');
      expect(await second.findImage(image.id)).toEqual(image);
      await second.close();
    } finally {
      await rm(dataDir, { recursive: true });
    }
  });
});

describe.each(testStoreKinds().filter((kind) => kind === 'server'))('a %s that goes away', () => {
  test('calls fail while it is away and work again after, also where it was away at the start', async () => {
    const database = await createServerDatabase();
    const target = new URL(database.url);
    const proxy = new TcpProxy(target.hostname, Number(target.port === '' ? 5432 : target.port));
    await proxy.open();
    await proxy.cut();
    const url = new URL(database.url);
    url.port = String(proxy.port);
    url.hostname = '127.0.0.1';
    const store = await openStore({ ...base, database: { kind: 'server', url: url.href } });
    try {
      await until(store, 'unavailable');
      await proxy.open();
      await until(store, 'ready');
      const space = await store.ensureSpace(testSpace);
      const { image } = await store.insertImage(newImage(space.id, 'before'));

      const during = Array.from({ length: 8 }, async () => store.countImages());
      await proxy.cut();
      const outcomes = await Promise.allSettled(during);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
      }
      await expect(store.findImage(image.id)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
      await expect(store.insertImage(newImage(space.id, 'during'))).rejects.toMatchObject({
        code: 'DATABASE_UNAVAILABLE',
      });
      await until(store, 'unavailable');

      await proxy.open();
      await until(store, 'ready');
      expect(await store.findImage(image.id)).toEqual(image);
      expect((await store.insertImage(newImage(space.id, 'after'))).created).toBe(true);
      expect(await store.countImages()).toBe(2);
    } finally {
      await store.close();
      await proxy.cut();
      await database.close();
    }
  });

  test('connections that the server ends cost one failed call at most', async () => {
    const database = await createServerDatabase();
    const store = await openStore({ ...base, database: { kind: 'server', url: database.url } });
    try {
      await until(store, 'ready');
      await store.ensureSpace(testSpace);
      await database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      await store.countImages().catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
      });
      await until(store, 'ready');
      expect(await store.countImages()).toBe(0);
    } finally {
      await store.close();
      await database.close();
    }
  });

  test('a wrong password or host is no end: the store waits and says why', async () => {
    const url = new URL(testDatabaseUrl ?? '');
    url.pathname = '/no_such_database';
    const store = await openStore({ ...base, database: { kind: 'server', url: url.href } });
    await until(store, 'unavailable');
    expect(store.state).toMatchObject({ reason: expect.stringContaining('no_such_database') as string });
    await store.close();
  });
});
