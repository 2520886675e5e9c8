import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, link, mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claimPath } from '../../../../src/database/embedded/lock-file.js';
import {
  DataFolderInUseError,
  findCopiedFromPid,
  findHolder,
  lockDataFolder,
  readServerUrl,
  type DataFolderLock,
} from '../../../../src/database/embedded/lock.js';
import { livenessOf, ownIdentity } from '../../../../src/database/embedded/process-identity.js';

/** So that "no sign of life" is told after a quarter of a second. */
const fast = { heartbeatMs: 50 };

const support = resolve(import.meta.dirname, '../../../support');

let dataDir: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'semblance-test-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(dataDir, { recursive: true, force: true });
});

const lockFile = () => join(dataDir, 'semblance.lock');

/** As another process leaves it. */
async function writeLock(holder: object): Promise<void> {
  await writeFile(lockFile(), JSON.stringify({ nonce: 'other', socketFolder: null, url: null, ...holder }));
}

/** A process that lives until it is killed. */
async function startSleeper(): Promise<number> {
  const child = spawn('sleep', ['600']);
  children.push(child);
  await once(child, 'spawn');
  return child.pid ?? 0;
}

/** Another process takes the lock over and is killed right after its first such operation. */
async function takeAndDie(operation: string): Promise<void> {
  const point = { armed: lockFile(), file: `^${operation}`, when: 'after', nth: 1 };
  const preload = ['tsx', pathToFileURL(join(support, 'kill-point.mjs')).href].flatMap((each) => ['--import', each]);
  const child = spawn(process.execPath, [...preload, join(support, 'lock-taker.ts'), dataDir], {
    env: { ...process.env, KILL_POINT: JSON.stringify(point) },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  children.push(child);
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  expect(signal).toBe('SIGKILL');
}

async function startTicksOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

describe('the data folder', () => {
  test('has one user, and is free after', async () => {
    const lock = await lockDataFolder(dataDir, fast);
    await expect(lockDataFolder(dataDir, fast)).rejects.toThrow(DataFolderInUseError);
    await lock.release();
    await (await lockDataFolder(dataDir, fast)).release();
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('names its user, and the server as soon as it listens', async () => {
    const lock = await lockDataFolder(dataDir, fast);
    const before: unknown = await lockDataFolder(dataDir, fast).catch((error: unknown) => error);
    expect(before).toMatchObject({ pid: process.pid, url: undefined });
    expect(await readServerUrl(dataDir)).toBeUndefined();

    await lock.recordSocketFolder('/tmp/somewhere');
    await lock.recordUrl('http://127.0.0.1:4000');
    const after: unknown = await lockDataFolder(dataDir, fast).catch((error: unknown) => error);
    expect(after).toMatchObject({ pid: process.pid, url: 'http://127.0.0.1:4000' });
    expect((after as Error).message).toContain('--server http://127.0.0.1:4000');
    expect(await readServerUrl(dataDir)).toBe('http://127.0.0.1:4000');
    await lock.release();
    expect(await readServerUrl(dataDir)).toBeUndefined();
  });

  test('goes to exactly one of many that want it at once', async () => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataFolder(dataDir, fast)));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });

  test('goes to exactly one of many where the last user was killed', async () => {
    await writeLock({ ...(await ownIdentity()), startTicks: '1', socketFolder: '/tmp/left-behind' });
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataFolder(dataDir, fast)));
    const winners = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
    expect(winners.map((lock) => lock.abandonedSocketFolder)).toEqual(['/tmp/left-behind']);
    await winners[0]?.release();
    expect(await readdir(dataDir)).toEqual([]);
  });

  test.each(['link .*takeover', 'rename', 'rm'])(
    'goes to exactly one of many where whoever took it over was killed too, after its %s, and leaves no file',
    async (operation) => {
      await writeLock({ ...(await ownIdentity()), startTicks: '1', socketFolder: '/tmp/left-behind' });
      await takeAndDie(operation);
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataFolder(dataDir, fast)));
      const winners = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
      expect(winners.map((lock) => lock.abandonedSocketFolder)).toEqual(['/tmp/left-behind']);
      await winners[0]?.release();
      expect(await readdir(dataDir)).toEqual([]);
    },
  );

  test('goes to exactly one of many where the last user was killed while it gave the folder back, and leaves no file', async () => {
    await writeLock({ ...(await ownIdentity()), startTicks: '1' });
    await link(lockFile(), claimPath(lockFile(), 'other'));
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataFolder(dataDir, fast)));
    const winners = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
    expect(winners).toHaveLength(1);
    await winners[0]?.release();
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('names what the killed user left until it is removed, lest another kill makes it forgotten', async () => {
    await writeLock({ ...(await ownIdentity()), startTicks: '1', socketFolder: '/tmp/left-behind' });
    const lock = await lockDataFolder(dataDir, fast);
    const recorded = async () =>
      (JSON.parse(await readFile(lockFile(), 'utf8')) as { socketFolder: unknown }).socketFolder;
    expect(await recorded()).toBe('/tmp/left-behind');
    await lock.recordSocketFolder('/tmp/own');
    expect(await recorded()).toBe('/tmp/own');
    await lock.release();
  });

  test('stays with a live process', async () => {
    const pid = await startSleeper();
    await writeLock({ ...(await ownIdentity()), pid, startTicks: await startTicksOf(pid) });
    await expect(lockDataFolder(dataDir, fast)).rejects.toMatchObject({ pid });
  });

  test('is taken from a process that ended, though its number lives on', async () => {
    const pid = await startSleeper();
    await writeLock({ ...(await ownIdentity()), pid, startTicks: '1' });
    await (await lockDataFolder(dataDir, fast)).release();
  });

  test.each([
    ['another boot', { bootId: 'another' }],
    ['another container', { pidNamespace: 'pid:[1]' }],
    ['a system that does not tell', { startTicks: null }],
  ])('is taken from %s once there is no sign of life', async (_, difference) => {
    await writeLock({ ...(await ownIdentity()), ...difference });
    await (await lockDataFolder(dataDir, fast)).release();
  });

  test('stays with a process of another container that shows signs of life', async () => {
    const lock = await lockDataFolder(dataDir, fast);
    const record = JSON.parse(await readFile(lockFile(), 'utf8')) as object;
    await writeFile(lockFile(), JSON.stringify({ ...record, pidNamespace: 'pid:[1]' }));
    await expect(lockDataFolder(dataDir, { heartbeatMs: 500 })).rejects.toThrow(DataFolderInUseError);
    await lock.release();
  });

  test('stays with its user when it is moved', async () => {
    const lock = await lockDataFolder(dataDir, fast);
    await lock.recordUrl('http://127.0.0.1:4000');
    const before = dataDir;
    dataDir = `${before}-moved`;
    await rename(before, dataDir);
    await expect(lockDataFolder(dataDir, fast)).rejects.toMatchObject({ url: 'http://127.0.0.1:4000' });
    await lock.release();
  });

  describe('that was copied while it was held', () => {
    let original: DataFolderLock;
    let copy: string;

    beforeEach(async () => {
      original = await lockDataFolder(dataDir, fast);
      await original.recordSocketFolder('/tmp/in-use');
      await original.recordUrl('http://127.0.0.1:4000');
      copy = join(dataDir, 'copy');
      await mkdir(copy);
      await copyFile(lockFile(), join(copy, 'semblance.lock'));
    });
    afterEach(() => original.release());

    test('is nobody’s, says so, and knows nothing of the original’s socket', async () => {
      expect(await findCopiedFromPid(copy)).toBe(process.pid);
      const lock = await lockDataFolder(copy, fast);
      expect(lock).toMatchObject({ abandonedSocketFolder: undefined, copiedFromPid: process.pid });
      expect(await findCopiedFromPid(copy)).toBeUndefined();
      expect(await findHolder(copy)).toMatchObject({ pid: process.pid, url: undefined });
      await expect(lockDataFolder(dataDir, fast)).rejects.toMatchObject({ url: 'http://127.0.0.1:4000' });
      await lock.release();
    });

    test('is held where its lock shows signs of life, for file systems may number a folder anew; nobody is sent to the other', async () => {
      const beating = setInterval(() => void utimes(join(copy, 'semblance.lock'), new Date(), new Date()), 20);
      try {
        await expect(lockDataFolder(copy, fast)).rejects.toMatchObject({ pid: process.pid, url: undefined });
      } finally {
        clearInterval(beating);
      }
    });

    test('is told by its inode alone after another boot, when devices may have other numbers', async () => {
      await original.release();
      const { folder, ...record } = JSON.parse(await readFile(join(copy, 'semblance.lock'), 'utf8')) as {
        readonly folder: { readonly device: string; readonly inode: string };
      };
      const write = (device: string, difference: object) =>
        writeFile(lockFile(), JSON.stringify({ ...record, folder: { ...folder, device }, ...difference }));
      await write('1', { bootId: 'another' });
      expect(await findCopiedFromPid(dataDir)).toBeUndefined();
      await write('1', {});
      expect(await findCopiedFromPid(dataDir)).toBe(process.pid);
      await write(folder.device, {});
      expect(await findCopiedFromPid(dataDir)).toBeUndefined();
    });
  });

  test('is not given away by a process that has lost it', async () => {
    const lock = await lockDataFolder(dataDir, fast);
    await writeLock({ ...(await ownIdentity()) });
    expect(await lock.lost).toBe(process.pid);
    await expect(lock.recordUrl('http://127.0.0.1:4000')).rejects.toThrow(DataFolderInUseError);
    await lock.release();
    expect(await readdir(dataDir)).toEqual(['semblance.lock']);
    expect(JSON.parse(await readFile(lockFile(), 'utf8'))).toMatchObject({ nonce: 'other', url: null });
  });

  test('loses what others left beside its lock, but for what may still be in use', async () => {
    const write = async (name: string, difference: object): Promise<void> => {
      await writeFile(
        `${lockFile()}.${name}`,
        JSON.stringify({ ...(await ownIdentity()), nonce: name, ...difference }),
      );
    };
    await write('takeover-killed', { startTicks: '1' });
    await write('alive', {});
    await write('takeover-elsewhere', { bootId: 'another' });
    await write('elsewhere-long-ago', { bootId: 'another' });
    await utimes(`${lockFile()}.elsewhere-long-ago`, 1, 1);
    const lock = await lockDataFolder(dataDir, fast);
    const left = ['alive', 'takeover-elsewhere'].map((name) => `semblance.lock.${name}`);
    expect((await readdir(dataDir)).sort()).toEqual(['semblance.lock', ...left]);
    await lock.release();
  });

  test('is taken where the lock holds no sense', async () => {
    await writeFile(lockFile(), '');
    await (await lockDataFolder(dataDir, fast)).release();
  });
});

test('a process is alive until it is killed', async () => {
  const pid = await startSleeper();
  const identity = { ...(await ownIdentity()), pid, startTicks: await startTicksOf(pid) };
  expect(await livenessOf(identity, await ownIdentity())).toBe('alive');
  const exited = once(children[0] as ChildProcess, 'exit');
  children[0]?.kill('SIGKILL');
  await exited;
  expect(await livenessOf(identity, await ownIdentity())).toBe('dead');
});
