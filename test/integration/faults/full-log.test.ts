import { execFile } from 'node:child_process';
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { FaultTraffic, halfImagesSql } from '../../support/fault-traffic.js';
import { OwnPostgres } from '../../support/own-postgres.js';
import { cleanUp, serverStores, spawnServer, waitFor, type TestServer } from '../../support/server.js';
import { isMountAllowed, SmallDisk } from '../../support/small-disk.js';

const run = promisify(execFile);

afterAll(cleanUp);

const mayMount = serverStores.length > 0 && (await isMountAllowed());

describe.each(mayMount ? serverStores : [])('a Postgres whose write-ahead log finds the disk full ($name)', () => {
  let postgres: OwnPostgres;
  let disk: SmallDisk;
  let server: TestServer;

  beforeAll(async () => {
    postgres = await OwnPostgres.start({ checkpoint_timeout: `'1h'`, max_wal_size: `'4GB'` });
    await postgres.stop('fast');
    disk = await SmallDisk.mount(join(postgres.folder, 'disk'), 128);
    await postgres.own(disk.folder);
    const log = join(postgres.dataFolder, 'pg_wal');
    await run('mv', [log, disk.folder]);
    await symlink(join(disk.folder, 'pg_wal'), log);
    await postgres.start();
    server = await spawnServer({ env: { DATABASE_URL: postgres.url } });
    await server.ready();
  });
  afterAll(async () => {
    await server.kill();
    await postgres.stop('immediate').catch(() => undefined);
    await disk.unmount();
    await postgres.remove();
  });

  it('ends; nothing acknowledged is lost, and all goes on once there is room', async () => {
    const traffic = new FaultTraffic(server.client);
    await traffic.goesOn();
    await disk.fill();
    const fillsLog = async (): Promise<never> => {
      await postgres.query('CREATE TABLE ballast (text text)');
      for (;;) await postgres.query(`INSERT INTO ballast SELECT repeat('x', 1900) FROM generate_series(1, 500)`);
    };
    await expect(fillsLog()).rejects.toThrow();
    expect(await readFile(join(postgres.folder, 'log'), 'utf8')).toMatch(
      /PANIC: +could not write .*pg_wal.*No space left/,
    );
    await traffic.isRefused();
    await server.answers('/livez', 200);
    await disk.empty();
    // Where it could not even recover, it has ended for good.
    await waitFor('Postgres', () =>
      postgres.query('SELECT 1').then(
        () => true,
        () =>
          postgres.start().then(
            () => false,
            () => false,
          ),
      ),
    );
    await traffic.goesOn();
    await server.ready();
    await traffic.stop();
    expect(
      [...traffic.refused.keys()].filter((code) => code !== 'DATABASE_UNAVAILABLE' && code !== 'STORAGE_FULL'),
    ).toEqual([]);
    const { rows: stored } = await postgres.query('SELECT id FROM semblance.image');
    expect(stored.map(({ id }) => id)).toEqual(expect.arrayContaining([...traffic.acknowledged]));
    expect((await postgres.query(halfImagesSql('semblance'))).rows).toEqual([{ half: 0 }]);
  });
});

if (!mayMount) {
  test('a full disk of a Postgres takes one, and the right to mount: see scripts/test-postgres.sh', () => {
    expect(mayMount).toBe(false);
  });
}
