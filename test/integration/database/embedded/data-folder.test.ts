import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ConfigurationError } from '../../../../src/base/errors.js';
import { migrationsFolder } from '../../../../src/base/paths.js';
import { openDatabase, type Database } from '../../../../src/database/database.js';
import { postgresMajor } from '../../../../src/database/embedded/data-folder.js';
import { diagnoseDataFolder } from '../../../../src/database/diagnosis/folder.js';
import { DataFolderInUseError, readServerUrl } from '../../../../src/database/embedded/lock.js';
import { migrate } from '../../../../src/database/setup/migrate.js';
import { openStore } from '../../../../src/database/open-store.js';
import { makeJpeg } from '../../../support/make-image.js';
import { cleanUp, makeFolder, runProgram, startServer } from '../../../support/server.js';

const writer = fileURLToPath(new URL('../../../support/embedded-writer.mjs', import.meta.url));
const children: ChildProcess[] = [];

let root: string;
/** An initialised folder to copy: that takes a tenth of the time of making one. */
let template: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'semblance-test-'));
  template = join(root, 'template');
  await (await open(template)).close();
});

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
});

afterAll(() => rm(root, { recursive: true, force: true }));

function open(dataDir: string, onLog?: (message: string) => void): Promise<Database> {
  return openDatabase({
    database: { kind: 'embedded' },
    schema: 'semblance',
    dataDir,
    databaseConnections: 4,
    ...(onLog === undefined ? {} : { onLog }),
  });
}

async function copyOfTemplate(name: string): Promise<string> {
  const dataDir = join(root, name);
  await cp(template, dataDir, { recursive: true });
  return dataDir;
}

/** What a process says, line by line. */
function start(
  dataDir: string,
  ...args: string[]
): { readonly child: ChildProcess; readonly lines: AsyncIterator<string> } {
  const child = spawn(process.execPath, [writer, dataDir, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

describe('a data folder', () => {
  test('is made whole, and left with the database alone', async () => {
    expect(await readdir(template)).toEqual(['postgres']);
    expect((await readFile(join(template, 'postgres/PG_VERSION'), 'utf8')).trim()).toBe(postgresMajor);
  });

  test('loses what a killed start left half made', async () => {
    const dataDir = await copyOfTemplate('half');
    await cp(join(dataDir, 'postgres'), join(dataDir, 'postgres.new-a1B2c3'), { recursive: true });
    await rm(join(dataDir, 'postgres'), { recursive: true });
    const database = await open(dataDir);
    expect(await readdir(dataDir)).toEqual(['postgres', 'semblance.lock']);
    // Away for a moment, as a disk that was unmounted.
    await rename(dataDir, `${dataDir}-away`);
    const recorded = database.recordServerUrl('http://127.0.0.1:4000');
    await expect(recorded).rejects.toThrow(/^The address of this server cannot be written to the data folder .*ENOENT/);
    await expect(recorded).rejects.toThrow(ConfigurationError);
    await rename(`${dataDir}-away`, dataDir);
    await database.close();
  });

  test('of another Postgres is refused and not touched', async () => {
    const dataDir = join(root, 'older');
    await mkdir(join(dataDir, 'postgres'), { recursive: true });
    await writeFile(join(dataDir, 'postgres/PG_VERSION'), '17\n');
    await expect(open(dataDir)).rejects.toThrow(/written by Postgres 17/);
    await expect(open(dataDir)).rejects.toThrow(ConfigurationError);
    expect(await readdir(join(dataDir, 'postgres'))).toEqual(['PG_VERSION']);
    expect(await readdir(dataDir)).toEqual(['postgres']);
  });

  test('that holds something else is refused and not touched', async () => {
    const dataDir = join(root, 'foreign');
    await mkdir(join(dataDir, 'postgres'), { recursive: true });
    await writeFile(join(dataDir, 'postgres/letters.txt'), 'dear');
    await expect(open(dataDir)).rejects.toThrow(/holds no Postgres database/);
    expect(await readdir(join(dataDir, 'postgres'))).toEqual(['letters.txt']);
  });

  test.each([
    [
      'a version',
      async (folder: string) => symlink('PG_VERSION', join(folder, 'PG_VERSION')),
      /PG_VERSION cannot be read: ELOOP/,
    ],
    [
      'files',
      async (folder: string) => rm(folder, { recursive: true }).then(() => writeFile(folder, '')),
      /postgres cannot be read: ENOTDIR/,
    ],
  ])('of which %s cannot be read is refused by the reason, and doctor tells the same', async (what, spoil, reason) => {
    const dataDir = join(root, `unreadable ${what}`);
    await mkdir(join(dataDir, 'postgres'), { recursive: true });
    await spoil(join(dataDir, 'postgres'));
    await expect(open(dataDir)).rejects.toThrow(reason);
    await expect(open(dataDir)).rejects.toThrow(ConfigurationError);
    const { findings, openable } = await diagnoseDataFolder(dataDir);
    expect(openable).toBe(false);
    expect(findings).toEqual([
      expect.objectContaining({ level: 'problem', message: expect.stringMatching(reason) as string }),
    ]);
  });

  test('that was copied or moved while nobody held it is a database of its own', async () => {
    const original = await copyOfTemplate('original');
    const first = await open(original);
    await first.pool.query('CREATE TABLE kept (id int)');
    await first.pool.query('INSERT INTO kept VALUES (1)');
    await first.close();
    const [copy, moved] = [join(root, 'copy'), join(root, 'moved')];
    await cp(original, copy, { recursive: true });
    await rename(original, moved);
    const both = await Promise.all([open(copy), open(moved)]);
    await both[0].pool.query('INSERT INTO kept VALUES (2)');
    const counts = await Promise.all(
      both.map(({ pool }) => pool.query<{ rows: number }>('SELECT count(*)::int AS rows FROM kept')),
    );
    expect(counts.map(({ rows }) => rows)).toEqual([[{ rows: 2 }], [{ rows: 1 }]]);
    await Promise.all(both.map((database) => database.close()));
  });

  test('of an older version is migrated when it is opened, with what it holds', async () => {
    const dataDir = await copyOfTemplate('migrated');
    const migrations = join(root, 'migrations');
    const [oldest = ''] = (await readdir(migrationsFolder)).sort();
    await cp(join(migrationsFolder, oldest), join(migrations, oldest), { recursive: true });
    const before = await open(dataDir);
    await migrate({ pool: before.pool, schema: 'semblance', apply: true, folder: migrations });
    await before.pool.query(
      `INSERT INTO semblance.image (id, sha256, filename, media_type, width, height, byte_size)
       VALUES ('00000000-0000-8000-8000-000000000000', repeat('0', 64), 'old.png', 'image/png', 1, 1, 1)`,
    );
    await before.close();
    const store = await openStore({
      database: { kind: 'embedded' },
      schema: 'semblance',
      dataDir,
      databaseConnections: 4,
      autoMigrate: true,
    });
    await expect.poll(() => store.state.kind).toBe('ready');
    expect((await store.findImage('00000000-0000-8000-8000-000000000000'))?.filename).toBe('old.png');
    expect(await store.listJobs(1)).toEqual([]);
    await store.close();
  });

  test('loses what processes that were killed on their way to the lock left, once it is old', async () => {
    const dataDir = await copyOfTemplate('drafts');
    const [old, young] = ['a', 'b'].map((digit) => `semblance.lock.${digit.repeat(8)}-0000-4000-8000-000000000000`);
    for (const name of [old, young]) await writeFile(join(dataDir, name ?? ''), '{}');
    await utimes(join(dataDir, old ?? ''), 1, 1);
    const database = await open(dataDir);
    expect((await readdir(dataDir)).sort()).toEqual(['postgres', 'semblance.lock', young]);
    await database.close();
  });

  test('that cannot be written is refused', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(open(join(root, 'file/data'))).rejects.toThrow(ConfigurationError);
    // There mkdir answers ENOENT although the parent exists; Node's recursive mkdir would never come back.
    await expect(open('/proc/semblance/data')).rejects.toThrow(ConfigurationError);
  });
});

describe('two processes', () => {
  test('that want one folder at once: one gets it, the other is told whom to ask', async () => {
    const dataDir = await copyOfTemplate('contested');
    const both = [start(dataDir, 'hold'), start(dataDir, 'hold')];
    const said = await Promise.all(both.map(async ({ lines }) => (await lines.next()).value as string));
    expect(said.toSorted()).toEqual(['DataFolderInUseError', 'open']);

    const holder = both[said.indexOf('open')]?.child;
    const url = `http://127.0.0.1:${holder?.pid ?? 0}`;
    expect(await readServerUrl(dataDir)).toBe(url);
    const refusal: unknown = await open(dataDir).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DataFolderInUseError);
    expect(refusal).toMatchObject({ pid: holder?.pid, url });
  });
});

describe('a folder that is copied while a server holds it', () => {
  afterAll(cleanUp);

  test('is no way to that server: a command works on the copy, says what it is, and the server goes on', async () => {
    const server = await startServer();
    const original = join(server.folder, 'data');
    await server.client.upload(await makeJpeg(1));
    const [folder, pictures] = [await makeFolder(), await makeFolder()];
    await cp(original, join(folder, 'data'), { recursive: true });
    await writeFile(join(pictures, '2.jpg'), await makeJpeg(2));

    const run = await runProgram(['import', pictures], { folder });
    expect(run.code).toBe(0);
    expect(run.output).toMatch(/The data folder \S+ is a copy of one that process \d+ had in use/);
    expect(run.output).not.toContain(server.url);
    expect(await server.client.totalCount()).toBe(1);
    expect((await server.client.upload(await makeJpeg(3))).created).toBe(true);

    // To a folder that was moved meanwhile the way still leads.
    const moved = await makeFolder();
    await rename(original, join(moved, 'data'));
    expect((await diagnoseDataFolder(join(moved, 'data'))).serverUrl).toBe(server.url);
    await server.kill();
    const later = join(await makeFolder(), 'data');
    await cp(join(moved, 'data'), later, { recursive: true });
    const { findings } = await diagnoseDataFolder(later);
    expect(findings.map(({ level, message }) => [level, message])).toEqual([
      ['advice', expect.stringContaining('is a copy')],
    ]);
    expect((await diagnoseDataFolder(join(moved, 'data'))).findings).toEqual([]);
  });
});

describe('kill -9', () => {
  test('loses nothing that was acknowledged, and leaves the folder to the next', async () => {
    const dataDir = await copyOfTemplate('killed');
    for (const wanted of [40, 60]) {
      const { child, lines } = start(dataDir);
      expect((await lines.next()).value).toBe('open');
      const acknowledged: number[] = [];
      while (acknowledged.length < wanted) acknowledged.push(Number((await lines.next()).value));
      await kill(child);
      // What was said before the kill and not yet read counts too.
      for (let line = await lines.next(); line.done !== true; line = await lines.next())
        acknowledged.push(Number(line.value));

      const database = await open(dataDir);
      const { rows } = await database.pool.query<{ id: number; size: number }>(
        'SELECT id, length(bytes) AS size FROM written WHERE id = ANY ($1) ORDER BY id',
        [acknowledged],
      );
      expect(rows.map((row) => row.id)).toEqual(acknowledged.toSorted((a, b) => a - b));
      expect(rows.every((row) => row.size === 50_000)).toBe(true);
      await database.close();
      expect(await readdir(dataDir)).toEqual(['postgres']);
    }
  });
});

test('a Postgres whose folder was taken over meanwhile writes no more, and says who has it', async () => {
  const log: string[] = [];
  const dataDir = await copyOfTemplate('taken-over');
  const database = await open(dataDir, (message) => log.push(message));
  await database.pool.query('SELECT 1');
  const lock = join(dataDir, 'semblance.lock');
  const record = JSON.parse(await readFile(lock, 'utf8')) as object;
  await writeFile(lock, JSON.stringify({ ...record, pid: 4711, nonce: 'successor' }));
  await expect
    .poll(() =>
      database.pool.query('SELECT 1').then(
        () => 'answers',
        () => 'away',
      ),
    )
    .toBe('away');
  expect(log).toContainEqual(expect.stringContaining('process 4711 has taken over the data folder'));
  await database.close();
  expect(JSON.parse(await readFile(lock, 'utf8'))).toMatchObject({ pid: 4711 });
});

test('a Postgres that gives up is started again, with what was committed', async () => {
  const log: string[] = [];
  const database = await open(await copyOfTemplate('lost'), (message) => log.push(message));
  await database.pool.query('CREATE TABLE kept (id int)');
  await database.pool.query('INSERT INTO kept VALUES (1)');
  // There is no client to copy from behind the embedded Postgres's protocol, and it ends on that.
  await expect(database.pool.query('COPY kept FROM STDIN')).rejects.toThrow();
  const read = () =>
    database.pool.query('SELECT id FROM kept').then(
      ({ rows }): unknown => rows,
      () => 'away',
    );
  await expect.poll(read).toEqual([{ id: 1 }]);
  expect(log).toContain('the embedded database is started again');
  await database.close();
});
