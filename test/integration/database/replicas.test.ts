import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp, type App } from '../../../src/app.js';
import { loadConfig } from '../../../src/base/config.js';
import { ConfigurationError, SemblanceError } from '../../../src/base/errors.js';
import type { UploadInput } from '../../../src/images/upload-image.js';
import { makeJpeg } from '../../support/make-image.js';
import { OwnPostgres } from '../../support/own-postgres.js';
import { serverStores, waitFor } from '../../support/server.js';
import { testConfig } from '../../support/small-model.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

it('replicas of an embedded database are refused', () => {
  const env = { SEMBLANCE_READ_DATABASE_URLS: 'postgres://reader@one/x' };
  expect(() => loadConfig(env)).toThrow(ConfigurationError);
  expect(loadConfig({ ...env, DATABASE_URL: 'postgres://app@db/x' }).database).toEqual({
    kind: 'server',
    url: 'postgres://app@db/x',
    readUrls: ['postgres://reader@one/x'],
  });
});

const upload = async (seed: number): Promise<UploadInput> => ({
  bytes: await makeJpeg(seed),
  filename: `${seed}.jpg`,
  priority: 'query',
});

/** A primary and a standby made of it by pg_basebackup, which streams from it. */
describe.each(serverStores)('read replicas of a $name', () => {
  let primary: OwnPostgres;
  let standby: OwnPostgres;
  let proxy: TcpProxy;
  let logged: string[];
  let app: App;

  const open = async (readUrls: readonly string[]): Promise<App> => {
    const opened = await buildApp(
      testConfig({ DATABASE_URL: primary.url, SEMBLANCE_READ_DATABASE_URLS: readUrls.join(',') }),
      { onLog: (message) => logged.push(message) },
    );
    await opened.ready;
    return opened;
  };
  const throughProxy = (): string => {
    const url = new URL(standby.url);
    url.port = String(proxy.port);
    return url.href;
  };
  const used = ({ store }: App) =>
    waitFor('the replica to be used', () => Promise.resolve(store.replicas[0]?.up === true));
  const leftOut = ({ store }: App) =>
    waitFor('the replica to be left out', () => Promise.resolve(store.replicas[0]?.up === false));
  /** Waits for the replica to have all that was written. */
  const caughtUp = () =>
    waitFor('the replica to have replayed everything', async () => {
      const { rows } = await primary.query('SELECT pg_current_wal_insert_lsn()::text AS lsn');
      const standing = await standby.query(
        `SELECT pg_last_wal_replay_lsn() >= '${String(rows[0]?.['lsn'])}'::pg_lsn AS done`,
      );
      return standing.rows[0]?.['done'] === true;
    });
  const readAll = async ({ operations }: App, id: string) => ({
    found: (await operations.findImage(id))?.id,
    original: (await operations.readOriginal(id))?.bytes.byteLength,
    thumbnail: (await operations.readThumbnail(id))?.byteLength,
    listed: (await operations.listImages({ first: 100 })).edges.map(({ node }) => node.id),
    count: await operations.countImages(),
    similar: (await operations.similarImages({ imageId: id, k: 100 })).hits.map(({ image }) => image.id),
    reranked: (await operations.similarImages({ imageId: id, k: 100, rerank: 'SSIM' })).hits.length,
  });
  let ids: string[];

  beforeAll(async () => {
    primary = await OwnPostgres.start();
    logged = [];
    standby = await OwnPostgres.startStandby(primary);
    proxy = await new TcpProxy('127.0.0.1', standby.port).open();
    // Extension and schema come to the replica as all else does.
    app = await open([throughProxy()]);
    ids = [];
    for (const seed of [1, 2, 3]) ids.push((await app.operations.uploadImage(await upload(seed))).image.id);
    await used(app);
    await caughtUp();
  });

  afterAll(async () => {
    await app.close();
    await proxy.cut();
    await standby.remove();
    await primary.remove();
  });

  it('serve lists, searches and bytes, and nothing of a write', async () => {
    const [id = ''] = ids;
    const before = { ...app.store.replicaReads };
    expect(await readAll(app, id)).toMatchObject({ found: id, count: 3, reranked: 2 });
    const after = app.store.replicaReads;
    expect(after.primary).toBe(before.primary);
    expect(after.replica - before.replica).toBeGreaterThan(7);
    expect(logged.filter((line) => line.includes('replica')).at(-1)).toBe(
      `read replica 1 (127.0.0.1:${proxy.port}) is used`,
    );
    // The replica would refuse it: "cannot execute INSERT in a read-only transaction".
    expect((await app.operations.uploadImage(await upload(1))).created).toBe(false);
    expect((await app.operations.createApiKey({ name: 'x', scope: 'read' })).key).toMatch(/^smb_/);
  });

  it('are left alone by who has just written, until they have it', async () => {
    await standby.query('SELECT pg_wal_replay_pause()');
    const { image } = await app.operations.uploadImage(await upload(4));
    const seen = await readAll(app, image.id);
    expect(seen).toMatchObject({ found: image.id, count: 4, reranked: 3 });
    expect(seen.listed).toContain(image.id);
    expect((await app.operations.similarImages({ imageId: ids[0] ?? '', k: 10 })).hits).toHaveLength(3);
    const byUpload = await app.operations.searchByUpload({ bytes: await makeJpeg(4), k: 1 });
    expect(byUpload.hits[0]?.image.id).toBe(image.id);
    await app.operations.updateImage({ id: image.id, metadata: { seen: true } });
    expect((await app.operations.findImage(image.id))?.metadata).toEqual({ seen: true });
    await app.operations.deleteImage(image.id);
    expect(await app.operations.findImage(image.id)).toBeUndefined();
    expect(await app.operations.countImages()).toBe(3);

    await standby.query('SELECT pg_wal_replay_resume()');
    await caughtUp();
    await waitFor('reads from the replica', async () => {
      const before = app.store.replicaReads.replica;
      expect(await app.operations.countImages()).toBe(3);
      return app.store.replicaReads.replica > before;
    });
  });

  it('are passed over by another server for an image that they do not have yet', async () => {
    const other = await open([standby.url]);
    await used(other);
    await standby.query('SELECT pg_wal_replay_pause()');
    const { image } = await app.operations.uploadImage(await upload(5));
    expect(await readAll(other, image.id)).toMatchObject({
      found: image.id,
      similar: expect.arrayContaining(ids) as unknown,
      reranked: 3,
      // What it did not ask for by its id: the other server lags as its replica does, and this shows that it was asked.
      listed: ids.toReversed(),
      count: 3,
    });
    expect((await other.operations.readRendition(image.id))?.byteLength).toBeGreaterThan(0);
    await standby.query('SELECT pg_wal_replay_resume()');
    await caughtUp();
    expect(await other.operations.countImages()).toBe(4);
    await app.operations.deleteImage(image.id);
    await other.close();
  });

  it('are left out while they are down, and used again', async () => {
    const [id = ''] = ids;
    await caughtUp();
    await standby.stop('immediate');
    // Before and after it is found out.
    expect(await readAll(app, id)).toMatchObject({ found: id, count: 3, reranked: 2 });
    await leftOut(app);
    expect(await readAll(app, id)).toMatchObject({ found: id, count: 3, reranked: 2 });
    expect(app.store.state.kind).toBe('ready');
    expect((await app.operations.health()).ready).toBe(true);
    expect(logged.some((line) => /read replica 1 .* is left out: /.test(line))).toBe(true);
    await standby.start();
    await used(app);
    const before = app.store.replicaReads.replica;
    await app.operations.countImages();
    expect(app.store.replicaReads.replica).toBe(before + 1);
  });

  it('that are cut off hold nobody up', async () => {
    proxy.swallow();
    const before = app.store.replicaReads.primary;
    // Sent to the replica, which never answers: long before the statement's own time is over, it is left out.
    expect(await app.operations.countImages()).toBe(3);
    expect(app.store.replicaReads.primary).toBe(before + 1);
    expect(app.store.replicas[0]?.up).toBe(false);
    proxy.restore();
    await used(app);
  });

  it('are none that is no standby of this very database', async () => {
    logged.length = 0;
    await primary.query('CREATE DATABASE another');
    await caughtUp();
    const odd = await open([primary.url, standby.urlOf('another')]);
    await waitFor('both to be refused', () =>
      Promise.resolve(logged.filter((line) => line.includes('left out')).length >= 2),
    );
    expect(odd.store.replicas).toEqual([{ up: false }, { up: false }]);
    expect(logged.find((line) => line.includes('replica 1'))).toContain('it is no standby');
    expect(await odd.operations.countImages()).toBe(3);
    await odd.close();
  });

  it('go on serving where the primary is gone, and come to life as they are where it comes back', async () => {
    const [id = ''] = ids;
    await caughtUp();
    await app.operations.countImages();
    await primary.stop('immediate');
    expect(await readAll(app, id)).toMatchObject({ found: id, count: 3, reranked: 2 });
    await expect(upload(6).then((input) => app.operations.uploadImage(input))).rejects.toSatisfy(
      (error) => error instanceof SemblanceError && error.code === 'DATABASE_UNAVAILABLE',
    );
    expect((await app.operations.health()).ready).toBe(false);
    await primary.start();
    await waitFor('the primary to be found again', async () => (await app.operations.health()).ready);
    const { image } = await app.operations.uploadImage(await upload(6));
    expect((await readAll(app, image.id)).listed).toContain(image.id);
  });
});
