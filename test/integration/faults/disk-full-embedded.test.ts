import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { minFreeDatabaseBytes } from '../../../src/base/limits.js';
import { openDatabase, type Database } from '../../../src/database/database.js';
import { codeOf, onlyError, type TestClient } from '../../support/client.js';
import { halfImagesSql } from '../../support/fault-traffic.js';
import { drawPixels, makeJpeg } from '../../support/make-image.js';
import { cleanUp, embeddedStores, makeFolder, runProgram, startServer, type TestServer } from '../../support/server.js';
import { isMountAllowed, SmallDisk } from '../../support/small-disk.js';

afterAll(cleanUp);

let seed = 100;
/** Of 3 bytes per pixel. */
const picture = (side: number) =>
  sharp(drawPixels(seed++, side, side), { raw: { width: side, height: side, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer();
const largePicture = () => picture(560);

const stopped = { code: 0, signal: null };

const mayMount = await isMountAllowed();

describe.each(mayMount ? embeddedStores : [])('a full disk', () => {
  let folder: string;
  let disk: SmallDisk;
  let temporaryDisk: SmallDisk;
  let server: TestServer;
  let client: TestClient;
  let stored = 0;

  beforeAll(async () => {
    folder = await makeFolder();
    disk = await SmallDisk.mount(join(folder, 'data'), 300);
    temporaryDisk = await SmallDisk.mount(join(folder, 'tmp'), 32);
    await cp(process.env['TEST_DATA_TEMPLATE'] ?? '', disk.folder, { recursive: true });
    await start();
    for (; stored < 4; stored++) await client.upload(await makeJpeg(stored));
  });
  afterAll(async () => {
    await disk.unmount();
    await temporaryDisk.unmount();
    await server.kill();
  });

  const start = async () => {
    server = await startServer({ folder });
    client = server.client;
  };
  const open = (onLog: (message: string) => void = () => undefined): Promise<Database> =>
    openDatabase({
      database: { kind: 'embedded' },
      schema: 'semblance',
      dataDir: disk.folder,
      databaseConnections: 2,
      onLog,
    });
  const searches = async () => {
    expect(await client.search(await makeJpeg(0), { k: 3 })).toHaveLength(3);
    const [{ id } = { id: '' }] = await client.allImages();
    expect(await client.similar(id, { k: 3 })).toHaveLength(3);
    await server.answers('/readyz', 200);
  };

  it('of the temporary files refuses what does not fit, leaves nothing, and takes it once there is room', async () => {
    const bytes = await largePicture();
    const inOneWrite = await picture(60);
    for (const [freeBytes, refused] of [
      [bytes.length / 2, bytes],
      [4096, inOneWrite],
      [0, inOneWrite],
    ] as const) {
      await temporaryDisk.fill(freeBytes);
      const answers = [
        await client.uploadAnswer(refused),
        await client.searchAnswer(refused),
        await client.uploadAnswer(refused),
      ];
      for (const answer of answers) {
        expect([codeOf(answer), onlyError(answer).message]).toEqual([
          'STORAGE_FULL',
          'The server has no room for temporary files',
        ]);
      }
      await expect.poll(() => server.temporaryFiles()).toEqual(['filler']);
    }
    // What fits is served.
    await temporaryDisk.fill(20_000);
    await searches();
    await temporaryDisk.empty();
    expect(await client.totalCount()).toBe(stored);
    expect((await client.upload(bytes)).created).toBe(true);
    stored += 1;
    await expect.poll(() => server.temporaryFiles()).toEqual([]);
  });

  it('of the data folder refuses uploads before the database ends for want of room, answers searches, and room alone mends it', async () => {
    await disk.fill(minFreeDatabaseBytes + 8_000_000);
    const refused = await Promise.all(
      Array.from({ length: 12 }, async () => client.uploadAnswer(await largePicture())),
    ).then((answers) => answers.filter(({ errors }) => errors !== undefined));
    expect(refused.length).toBeGreaterThan(0);
    stored += 12 - refused.length;
    for (const answer of refused) {
      expect([codeOf(answer), onlyError(answer).message]).toEqual(['STORAGE_FULL', 'The database has no room left']);
    }
    expect(await disk.freeBytes()).toBeGreaterThan(minFreeDatabaseBytes / 2);
    expect(await client.totalCount()).toBe(stored);
    await searches();
    // Deleting makes room in the files, and is possible.
    const [{ id } = { id: '' }] = await client.allImages();
    expect(await client.data('mutation ($id: ID!) { deleteImage(id: $id) { deletedId } }', { id })).toEqual({
      deleteImage: { deletedId: id },
    });
    stored -= 1;
    await disk.empty();
    expect((await client.upload(await largePicture())).created).toBe(true);
    stored += 1;
    expect(server.output).not.toMatch(/No space left|started again/);
  });

  it('of the data folder, filled by others to the last byte, ends no server; it says why it does not start, and starts once there is room', async () => {
    await disk.fill();
    expect(codeOf(await client.uploadAnswer(await makeJpeg(50)))).toBe('STORAGE_FULL');
    await searches();
    expect(await server.stop()).toEqual(stopped);

    const entries = await readdir(disk.folder);
    const failed = await runProgram(['serve'], { folder });
    expect(failed.code).toBe(1);
    expect(failed.output.trim()).toMatch(
      /^The disk of the data folder \S+ or .* is full, .*: free some of it, and start again\.$/,
    );
    const doctor = await runProgram(['doctor'], { folder });
    expect(doctor.stdout).toMatch(/^problem {2}disk: .* has 0 MB left\./m);
    expect(doctor.stdout).not.toContain('Restore');
    expect(await readdir(disk.folder)).toEqual(entries);

    await disk.empty();
    await start();
    expect(await client.totalCount()).toBe(stored);
    expect((await client.upload(await makeJpeg(51))).created).toBe(true);
    await searches();
    expect(await server.stop()).toEqual(stopped);
    const database = await open();
    expect((await database.pool.query(halfImagesSql('semblance'))).rows).toEqual([{ half: 0 }]);
    await database.close();
  });

  it('ends Postgres where its log cannot be written, and it starts again with what was committed once there is room', async () => {
    const log: string[] = [];
    const database = await open((message) => log.push(message));
    const { pool } = database;
    await pool.query('CREATE TABLE kept (id int)');
    await pool.query('INSERT INTO kept VALUES (0)');
    await disk.fill();
    await expect(database.recordServerUrl('http://127.0.0.1:4000')).rejects.toThrow(
      /^The disk of the data folder .* is full/,
    );
    let written = 1;
    const fillsLog = async () => {
      for (;;) {
        await pool.query('INSERT INTO kept VALUES ($1)', [written]);
        written++;
        // The rest of this file of the log is left out.
        await pool.query('SELECT pg_switch_wal()');
      }
    };
    await expect(fillsLog()).rejects.toMatchObject({ code: '53100' });
    await expect.poll(() => log.join('\n')).toContain('the embedded database does not start: could not write');
    await expect(pool.query('SELECT 1')).rejects.toThrow();
    await disk.empty();
    const read = () =>
      pool.query<{ readonly id: number }>('SELECT id FROM kept ORDER BY id').then(
        ({ rows }) => rows.map(({ id }) => id),
        () => 'away',
      );
    await expect.poll(read).toEqual(Array.from({ length: written }, (_, id) => id));
    await database.close();
  });
});

if (!mayMount) {
  test('a full disk is left out where none can be mounted', () => {
    // A file without a test fails; what is left out was told.
  });
}
