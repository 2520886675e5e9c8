import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { loadConfig } from '../../../src/base/config.js';
import { examine } from '../../../src/cli/doctor/examine.js';
import { codeOf, onlyError, type TestClient } from '../../support/client.js';
import { halfImagesSql } from '../../support/fault-traffic.js';
import { makeJpeg } from '../../support/make-image.js';
import { OwnPostgres } from '../../support/own-postgres.js';
import { isMountAllowed } from '../../support/small-disk.js';
import { cleanUp, serverStores, spawnServer, waitFor, type TestServer } from '../../support/server.js';

const run = promisify(execFile);

afterAll(cleanUp);

const maxConnections = 16;
const mayMount = serverStores.length > 0 && (await isMountAllowed());

describe.each(serverStores)('a Postgres that refuses ($name)', () => {
  let postgres: OwnPostgres;
  let disk: string;
  let server: TestServer;
  let client: TestClient;
  let url: string;
  let seed = 0;

  const resize = (size: string, ...options: readonly string[]) =>
    run('mount', ['-t', 'tmpfs', '-o', [...options, `size=${size}`].join(','), 'tmpfs', disk]);
  const inGallery = async (sql: string) => (await postgres.query(sql, 'gallery')).rows;
  /** So that what was set for the database holds for every connection. */
  const endSessions = () =>
    postgres.query(
      `SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'semblance'`,
    );
  /** What `semblance doctor` calls a problem, this machine's own disk aside. */
  const diagnosed = async (database: string) =>
    (await examine(loadConfig({ DATABASE_URL: database, SEMBLANCE_DATA_DIR: server.folder })))
      .filter(({ level, check, message }) => level === 'problem' && (check !== 'disk' || message.includes('database')))
      .map(({ check, message }) => `${check}: ${message}`);
  const uploads = async () => {
    expect((await client.upload(await makeJpeg(seed++))).created).toBe(true);
  };
  const searches = async () => {
    expect((await client.search(await makeJpeg(0), { k: 3 })).length).toBe(3);
    const [{ id } = { id: '' }] = await client.allImages();
    expect((await client.similar(id, { k: 3 })).length).toBe(3);
    // Its grey rendition is computed, and kept where that may be.
    const reranked = await client.graphql<{ similarImages: readonly unknown[] }>(
      'query ($id: ID!) { similarImages(imageId: $id, k: 3, rerank: PIXEL_SSIM) { rank } }',
      { id },
    );
    expect(reranked).toMatchObject({ data: { similarImages: [{ rank: 1 }, { rank: 2 }, { rank: 3 }] } });
  };

  beforeAll(async () => {
    postgres = await OwnPostgres.start({
      max_connections: String(maxConnections),
      superuser_reserved_connections: '3',
    });
    disk = join(postgres.folder, 'disk');
    await mkdir(disk);
    if (mayMount) await resize('40m');
    await postgres.own(disk);
    await postgres.query(`CREATE TABLESPACE small LOCATION '${disk}'`);
    await postgres.query('CREATE ROLE app LOGIN');
    await postgres.query('CREATE DATABASE gallery OWNER app TABLESPACE small');
    await inGallery('CREATE EXTENSION vector');
    url = postgres.urlOf('gallery').replace('postgres@', 'app@');
    server = await spawnServer({ env: { DATABASE_URL: url } });
    await server.ready();
    client = server.client;
    for (let count = 0; count < 4; count++) await uploads();
  });
  afterAll(async () => {
    await server.kill();
    await postgres.stop('immediate').catch(() => undefined);
    if (mayMount) await run('umount', [disk]);
    await postgres.remove();
  });

  /** Of uploads at once, those that succeed and the codes of the others. */
  const uploadMany = async (count: number) => {
    const pictures = await Promise.all(Array.from({ length: count }, () => makeJpeg(seed++)));
    const answers = await Promise.all(pictures.map((bytes) => client.uploadAnswer(bytes)));
    const failed = answers.filter(({ errors }) => errors !== undefined);
    return { succeeded: count - failed.length, codes: new Set(failed.map(codeOf)) };
  };

  it('connections, where others hold all of them: says so, and takes the first that is free', async () => {
    await endSessions();
    const others: pg.Client[] = [];
    for (;;) {
      const other = new pg.Client(url);
      other.on('error', () => undefined);
      const refusal: unknown = await other.connect().then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refusal !== undefined) {
        expect(refusal).toMatchObject({ code: '53300' });
        break;
      }
      others.push(other);
    }
    await waitFor('a refusal', async () => {
      const answer = await client.uploadAnswer(await makeJpeg(seed++));
      if (answer.errors === undefined) {
        // The server was first to take a connection that its own end had freed.
        await endSessions();
        return false;
      }
      expect(codeOf(answer)).toBe('DATABASE_UNAVAILABLE');
      return true;
    });
    await server.answers('/readyz', 503);
    expect(await diagnosed(url)).toEqual([expect.stringMatching(/^database-connections: .* has no connection left/)]);
    await others.pop()?.end();
    await server.ready();
    await uploads();
    await searches();
    await Promise.all(others.map((other) => other.end()));
  });

  it('connections, where the server itself asks for too many: those that it has do the work', async () => {
    await postgres.query('ALTER ROLE app CONNECTION LIMIT 2');
    await endSessions();
    await server.ready();
    const { succeeded, codes } = await uploadMany(20);
    expect({ succeeded, codes }).toEqual({ succeeded: 20, codes: new Set() });
    await postgres.query('ALTER ROLE app CONNECTION LIMIT -1');
    expect((await uploadMany(20)).succeeded).toBe(20);
  });

  it('writes: searches are answered, uploads are told why, and nothing has to be restarted', async () => {
    await inGallery('UPDATE semblance.image_content SET grey = NULL');
    await postgres.query('ALTER DATABASE gallery SET default_transaction_read_only = on');
    await endSessions();
    await server.ready();
    await searches();
    const { message, extensions } = onlyError(await client.uploadAnswer(await makeJpeg(seed++)));
    expect({ message, code: extensions?.['code'] }).toEqual({
      message: 'The database takes no writes at the moment',
      code: 'DATABASE_UNAVAILABLE',
    });
    await server.answers('/readyz', 200);
    await postgres.query('ALTER DATABASE gallery RESET default_transaction_read_only');
    await endSessions();
    await server.ready();
    await uploads();
  });

  const itOnSmallDisk = mayMount ? it : () => undefined;
  itOnSmallDisk('room: uploads fail whole, searches are answered, and room alone mends it', async () => {
    await inGallery('UPDATE semblance.image_content SET grey = NULL');
    await inGallery(`CREATE TABLE ballast (bytes text) WITH (autovacuum_enabled = false)`);
    await expect(
      inGallery(`INSERT INTO ballast SELECT repeat('x', 1900) FROM generate_series(1, 40000)`),
    ).rejects.toMatchObject({ code: '53100' });
    let refusal: unknown;
    // There is room left in pages that are begun.
    while (refusal === undefined) {
      const answer = await client.uploadAnswer(await makeJpeg(seed++, { width: 640, height: 480 }));
      if (answer.errors !== undefined) refusal = { message: onlyError(answer).message, code: codeOf(answer) };
    }
    expect(refusal).toEqual({ code: 'STORAGE_FULL', message: 'The database has no room left' });
    expect(await inGallery(halfImagesSql('semblance'))).toEqual([{ half: 0 }]);
    await searches();
    await server.answers('/readyz', 200);
    expect(await diagnosed(url)).toEqual([expect.stringMatching(/^disk: The disk of the database server is full/)]);
    expect(server.output).not.toContain(disk);
    await resize('80m', 'remount');
    expect(await diagnosed(url)).toEqual([]);
    for (let count = 0; count < 5; count++) await uploads();
    await searches();
    await inGallery('DROP TABLE ballast');
  });

  it('writes, as a standby does: it serves searches, and uploads once it is promoted', async () => {
    const [{ id } = { id: '' }] = await client.allImages();
    const found = await client.similar(id, { k: 4 });
    const standby = await OwnPostgres.startStandby(postgres, { from: disk });
    try {
      const reader = await spawnServer({
        env: { DATABASE_URL: standby.urlOf('gallery').replace('postgres@', 'app@') },
      });
      await reader.ready();
      expect(await diagnosed(standby.urlOf('gallery'))).toEqual([expect.stringMatching(/^read-only: .* is a standby/)]);
      expect(await reader.client.similar(id, { k: 4 })).toEqual(found);
      expect(await reader.client.search(await makeJpeg(0), { k: 4 })).toHaveLength(4);
      const bytes = await makeJpeg(seed++);
      expect(onlyError(await reader.client.uploadAnswer(bytes)).message).toBe(
        'The database takes no writes at the moment',
      );
      await standby.promote();
      expect((await reader.client.upload(bytes)).created).toBe(true);
      expect(await reader.stop()).toEqual({ code: 0, signal: null });
    } finally {
      await standby.remove();
    }
  });
});

if (serverStores.length === 0) {
  test('a Postgres that refuses takes one: see scripts/test-postgres.sh', () => {
    expect(process.env['TEST_DATABASE_URL']).toBeUndefined();
  });
}
