import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { lockDataFolder, readServerUrl } from '../../../../src/database/embedded/lock.js';
import { livenessOf, ownIdentity } from '../../../../src/database/embedded/process-identity.js';

/** Such a call fails. */
let failure: { readonly call: RegExp; readonly code: string } | undefined;

vi.mock('node:fs/promises', async (importOriginal) => {
  const actual = await importOriginal<typeof import('node:fs/promises')>();
  const failing =
    <Args extends readonly unknown[], T>(name: string, call: (...args: Args) => Promise<T>) =>
    (...args: Args): Promise<T> =>
      failure?.call.test(`${name} ${String(args[0])}`) === true
        ? Promise.reject(Object.assign(new Error(failure.code), { code: failure.code }))
        : call(...args);
  return { ...actual, readFile: failing('readFile', actual.readFile), stat: failing('stat', actual.stat) };
});

afterEach(() => {
  failure = undefined;
});

it.each([
  ['ENOENT', 'dead'],
  ['ESRCH', 'dead'],
  ['EMFILE', 'unknown'],
  ['EPERM', 'unknown'],
] as const)('a process whose state cannot be read by %s is %s', async (code, liveness) => {
  const own = await ownIdentity();
  expect(await livenessOf(own, own)).toBe('alive');
  failure = { call: /^readFile \/proc\//, code };
  expect(await livenessOf(own, own)).toBe(liveness);
});

it('a lock whose signs of life cannot be read is not taken over', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'semblance-test-'));
  onTestFinished(() => rm(dataDir, { recursive: true }));
  const url = 'http://elsewhere.example.org:4000';
  const holder = { ...(await ownIdentity()), bootId: 'another', nonce: 'other', socketFolder: null, url };
  await writeFile(join(dataDir, 'semblance.lock'), JSON.stringify(holder));
  failure = { call: /^stat .*semblance\.lock$/, code: 'EIO' };
  const taking = lockDataFolder(dataDir, { heartbeatMs: 10 });
  await expect(taking).rejects.toMatchObject({ code: 'EIO' });
  failure = undefined;
  expect(await readServerUrl(dataDir)).toBe(url);
});
