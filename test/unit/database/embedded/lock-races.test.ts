import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { claimPath } from '../../../../src/database/embedded/lock-file.js';
import { lockDataFolder, type DataFolderLock } from '../../../../src/database/embedded/lock.js';
import { ownIdentity } from '../../../../src/database/embedded/process-identity.js';

/** The next file operation that matches waits at `reached` until `released`. */
interface Hold {
  readonly operation: RegExp;
  readonly reach: () => void;
  readonly released: Promise<void>;
}
const holds = vi.hoisted((): Hold[] => []);

vi.mock('node:fs/promises', async (importOriginal) => {
  const actual = await importOriginal<typeof import('node:fs/promises')>();
  const held =
    <Args extends readonly unknown[], T>(name: string, call: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      const text = `${name} ${args.map(String).join(' ')}`;
      const index = holds.findIndex(({ operation }) => operation.test(text));
      const [hold] = index < 0 ? [] : holds.splice(index, 1);
      hold?.reach();
      await hold?.released;
      return call(...args);
    };
  return {
    ...actual,
    link: held('link', actual.link),
    rename: held('rename', actual.rename),
    rm: held('rm', actual.rm),
  };
});

let dataDir: string;
const lockFile = (): string => join(dataDir, 'semblance.lock');

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'semblance-test-'));
  await writeFile(lockFile(), JSON.stringify(await killed('first')));
});
afterEach(async () => {
  holds.length = 0;
  await rm(dataDir, { recursive: true, force: true });
});

const killed = async (nonce: string): Promise<object> => ({
  ...(await ownIdentity()),
  startTicks: '1',
  nonce,
  socketFolder: null,
  url: null,
});

/** Somebody who wants the folder, stopped at an operation if there is one; `goOn` tells whether they got it. */
async function contender(operation: RegExp): Promise<{ goOn(): Promise<DataFolderLock | undefined> }> {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    holds.push({ operation, reach: resolve, released });
  });
  const lock = lockDataFolder(dataDir, { heartbeatMs: 50 }).catch(() => undefined);
  await Promise.race([reached, lock]);
  return {
    goOn: () => {
      release();
      return lock;
    },
  };
}

async function expectOneHolder(locks: readonly (DataFolderLock | undefined)[]): Promise<void> {
  const holders = locks.filter((lock) => lock !== undefined);
  expect(holders).toHaveLength(1);
  await holders[0]?.release();
  expect(await readdir(dataDir)).toEqual([]);
}

test('two that find a killed successor of a killed holder do not both get the folder', async () => {
  await writeFile(claimPath(lockFile(), 'first'), JSON.stringify(await killed('second')));
  const removing = await contender(/^rm .*takeover/);
  const taking = await contender(/^rename /);
  await expectOneHolder([await removing.goOn(), await taking.goOn()]);
});

test('one that is slow to claim a killed holder’s lock does not get it from the next holder', async () => {
  const slow = await contender(/^link .*takeover/);
  const quick = await lockDataFolder(dataDir, { heartbeatMs: 50 });
  await expectOneHolder([quick, await slow.goOn()]);
});

test('a lock that cannot be removed is told, and fails nothing', async () => {
  const log: string[] = [];
  const lock = await lockDataFolder(dataDir, { heartbeatMs: 50, onLog: (message) => log.push(message) });
  const fail = (): never => {
    throw new Error('no space left');
  };
  holds.push({ operation: /^link .*takeover/, reach: fail, released: Promise.resolve() });
  await lock.release();
  expect(log).toEqual([expect.stringContaining('cannot be removed (no space left)')]);
  expect(await readdir(dataDir)).toEqual(['semblance.lock']);
});
