import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { download, withRetries, type DownloadOptions } from '../../../../src/models/hub/download.js';
import { Hub } from '../../../../src/models/hub/hub.js';
import { HubError } from '../../../../src/models/hub/hub-error.js';
import { maxHubAttempts } from '../../../../src/base/limits.js';
import { sha256, TestHub } from '../../../support/hub.js';
import { temporaryFolder } from '../../../support/tiny-models.js';

const content = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) % 251));
const file = { repo: 'maker/model', revision: 'main', path: 'onnx/model.onnx' };
const key = 'maker/model/onnx/model.onnx';
const noProxy = { http: '', https: '', no: '' };

let server: TestHub;
let hub: Hub;
beforeEach(async () => {
  server = await new TestHub(new Map([[key, { bytes: content }]])).listen();
  hub = client();
});
afterEach(async () => {
  await hub.close();
  await server.close();
});

function client(token?: string): Hub {
  // Long enough for two busy cores, short enough for a test that waits for it.
  return new Hub({ endpoint: server.url, token, proxy: noProxy }, { stallTimeoutMs: 1_000 });
}

interface Run {
  readonly path: string;
  readonly retries: string[];
  readonly progress: number[];
  readonly done: Promise<void>;
}

async function start(options: Partial<DownloadOptions> = {}): Promise<Run> {
  const path = options.path ?? join(await temporaryFolder(), 'model.part');
  const retries: string[] = [];
  const progress: number[] = [];
  const done = download({
    hub,
    file,
    expected: { bytes: content.length, sha256: sha256(content) },
    onRetry: (reason) => retries.push(reason),
    onBytes: (bytes) => progress.push(bytes),
    retryDelayMs: 1,
    ...options,
    path,
  });
  return { path, retries, progress, done };
}

describe('describe', () => {
  it('reads size, SHA-256 and commit off the redirect, and asks the other host nothing', async () => {
    expect(await hub.describe(file)).toEqual({
      bytes: content.length,
      sha256: sha256(content),
      commit: 'c0ffee'.padEnd(40, '0'),
    });
    expect(server.requests.map(({ server: name, method }) => `${name} ${method}`)).toEqual(['hub HEAD']);
  });

  it('follows a repository to its new name', async () => {
    server.renamed.set('maker/old', 'maker/model');
    expect((await hub.describe({ ...file, repo: 'maker/old' })).sha256).toBe(sha256(content));
  });

  it.each([
    [401, undefined, 'The hub wants a token for maker/model, or has no such repository: set HF_TOKEN'],
    [401, 'wrong', 'The hub does not accept the token in HF_TOKEN for maker/model'],
    [403, 'right', 'The hub does not give maker/model to this account: ask for access at'],
    [404, undefined, 'The hub has no onnx/model.onnx in maker/model at main'],
  ])('says what a %d with the token %s means, and does not try again', async (status, token, message) => {
    const other = client(token);
    server.misbehaviours.hub.push({ kind: 'status', status, headers: { 'x-error-message': 'so it is' } });
    const failure = withRetries(() => other.describe(file), { retryDelayMs: 1 });
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toThrow('(it says: so it is)');
    expect(server.requests).toHaveLength(1);
    await other.close();
  });

  it('waits as long as Retry-After says, in seconds or until a date, before it asks again', async () => {
    const waits: number[] = [];
    server.misbehaviours.hub.push(
      { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
      { kind: 'status', status: 503, headers: { 'retry-after': new Date(Date.now() - 5_000).toUTCString() } },
    );
    const stated = await withRetries(() => hub.describe(file), { retryDelayMs: 60_000, onRetry: (_, ms) => waits.push(ms) });
    expect(stated.bytes).toBe(content.length);
    expect(waits).toEqual([1_000, 0]);
  });

  it('gives up at once where the hub asks for more patience than anybody has', async () => {
    server.misbehaviours.hub.push({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } });
    await expect(withRetries(() => hub.describe(file), {})).rejects.toThrow('asks to wait for 3600 s');
    expect(server.requests).toHaveLength(1);
  });

  it('asks again after a stall, and gives up after the last attempt', async () => {
    for (let i = 0; i < maxHubAttempts; i += 1) server.misbehaviours.hub.push({ kind: 'stall', afterBytes: 0 });
    await expect(withRetries(() => hub.describe(file), { retryDelayMs: 1 })).rejects.toThrow('sends no answer');
    expect(server.requests).toHaveLength(maxHubAttempts);
  });

  it('does not leave encryption for a redirect, nor follow circles', async () => {
    server.renamed.set('maker/model', 'maker/model');
    await expect(hub.describe(file)).rejects.toThrow('in circles');
    server.misbehaviours.hub.push({ kind: 'status', status: 302, headers: { location: 'ftp://elsewhere/file' } });
    await expect(hub.describe(file)).rejects.toThrow('which is not encrypted');
  });
});

describe('download', () => {
  it('brings the file, and tells how far it is', async () => {
    const run = await start();
    await run.done;
    expect((await readFile(run.path)).equals(content)).toBe(true);
    expect([run.progress[0], run.progress.at(-1)]).toEqual([0, content.length]);
    expect(server.ranges()).toEqual([undefined]);
  });

  it('gives its token to the hub, and to no other host', async () => {
    server.token = 'hf_secret';
    await hub.close();
    hub = client('hf_secret');
    await (await start()).done;
    expect(server.requests.map(({ server: name, authorization }) => [name, authorization])).toEqual([
      ['hub', 'Bearer hf_secret'],
      ['cdn', undefined],
    ]);
  });

  it('goes on where a connection was cut, as often as it brings something', async () => {
    const cuts = maxHubAttempts + 2;
    for (let i = 0; i < cuts; i += 1) server.misbehaviours.cdn.push({ kind: 'cut', afterBytes: 20_000 });
    const run = await start();
    await run.done;
    expect((await readFile(run.path)).equals(content)).toBe(true);
    expect(run.retries).toHaveLength(cuts);
    const starts = server.ranges().map((range) => Number(/\d+/.exec(range ?? '0')?.[0]));
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(starts.at(-1)).toBeGreaterThan(0);
    // A cut may lose what was on its way, never more than what was sent once.
    expect(server.sentBytes).toBeLessThanOrEqual(content.length + cuts * 20_000);
  });

  it('goes on where it stalled', async () => {
    server.misbehaviours.cdn.push({ kind: 'stall', afterBytes: 50_000 });
    const run = await start();
    await run.done;
    expect((await readFile(run.path)).equals(content)).toBe(true);
    expect(run.retries).toEqual([expect.stringContaining('it has stopped sending')]);
    expect(server.ranges()).toEqual([undefined, 'bytes=50000-']);
  });

  it('goes on where an earlier run left off', async () => {
    const path = join(await temporaryFolder(), 'model.part');
    await writeFile(path, content.subarray(0, 150_000));
    const run = await start({ path });
    await run.done;
    expect((await readFile(path)).equals(content)).toBe(true);
    expect(server.ranges()).toEqual(['bytes=150000-']);
    expect(server.sentBytes).toBe(50_000);
  });

  it('begins anew where the hub does not resume', async () => {
    const path = join(await temporaryFolder(), 'model.part');
    await writeFile(path, content.subarray(0, 150_000));
    server.misbehaviours.cdn.push({ kind: 'ignoreRange' });
    await (await start({ path })).done;
    expect((await readFile(path)).equals(content)).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  it('begins anew, once, where what was left belongs to another file', async () => {
    const path = join(await temporaryFolder(), 'model.part');
    await writeFile(path, Buffer.alloc(150_000));
    const run = await start({ path });
    await run.done;
    expect((await readFile(path)).equals(content)).toBe(true);
    expect(server.ranges()).toEqual(['bytes=150000-', undefined]);
    expect(run.retries).toEqual(['What an earlier download left does not belong to this file']);
  });

  it('throws away what is longer than the file', async () => {
    const path = join(await temporaryFolder(), 'model.part');
    await writeFile(path, Buffer.alloc(content.length + 1));
    await (await start({ path })).done;
    expect((await readFile(path)).equals(content)).toBe(true);
  });

  it('asks nothing of the hub where the file is there already', async () => {
    const path = join(await temporaryFolder(), 'model.part');
    await writeFile(path, content);
    await (await start({ path })).done;
    expect(server.requests).toHaveLength(0);
  });

  it('throws away a file that is not what was stated', async () => {
    const run = await start({ expected: { bytes: content.length, sha256: 'f'.repeat(64) } });
    await expect(run.done).rejects.toThrow(`SHA-256 ${sha256(content)}, and ${'f'.repeat(64)} is expected`);
    expect(existsSync(run.path)).toBe(false);
    expect(server.requests.filter(({ server: name }) => name === 'cdn')).toHaveLength(1);
  });

  it.each([
    ['shorter', { kind: 'truncate', afterBytes: 100_000 } as const, content.length],
    ['longer', undefined, content.length - 1],
  ])('refuses a file that is %s than stated', async (_, misbehaviour, bytes) => {
    if (misbehaviour !== undefined) server.misbehaviours.cdn.push(misbehaviour);
    const run = await start({ expected: { bytes, sha256: sha256(content) } });
    await expect(run.done).rejects.toThrow(`The hub states ${bytes} bytes`);
    expect(server.requests.filter(({ server: name }) => name === 'cdn')).toHaveLength(1);
  });

  it('refuses a file that ends before the size that the hub states', async () => {
    const path = join(await temporaryFolder(), 'model.part');
    await writeFile(path, content);
    const run = await start({ path, expected: { bytes: content.length + 10, sha256: sha256(content) } });
    await expect(run.done).rejects.toThrow('ends before the size that it states');
  });

  it('asks the hub for another address where the signature of one has run out', async () => {
    server.misbehaviours.cdn.push({ kind: 'status', status: 403 });
    await (await start()).done;
    expect(server.requests.map(({ server: name }) => name)).toEqual(['hub', 'cdn', 'hub', 'cdn']);
  });

  it('gives up where nothing comes any more, and keeps what came', async () => {
    server.misbehaviours.cdn.push({ kind: 'cut', afterBytes: 60_000 });
    for (let i = 0; i < 20; i += 1) server.misbehaviours.cdn.push({ kind: 'status', status: 500 });
    const run = await start();
    await expect(run.done).rejects.toBeInstanceOf(HubError);
    const { size } = await stat(run.path);
    expect(run.retries).toHaveLength(maxHubAttempts - 1);
    server.misbehaviours.cdn.length = 0;
    await (await start({ path: run.path })).done;
    expect(server.ranges().at(-1)).toBe(size === 0 ? undefined : `bytes=${size}-`);
  });

  it('stops when it is told to, and keeps what came', async () => {
    server.misbehaviours.cdn.push({ kind: 'stall', afterBytes: 50_000 });
    const stop = new AbortController();
    const run = await start({
      signal: stop.signal,
      onBytes: (bytes) => {
        if (bytes === 50_000) stop.abort();
      },
    });
    await expect(run.done).rejects.toThrow('aborted');
    expect((await stat(run.path)).size).toBe(50_000);
  });

  it.runIf(process.platform === 'linux')('passes on what the disk says', async () => {
    const path = join(await temporaryFolder(), 'model.part');
    await symlink('/dev/full', path);
    await expect((await start({ path })).done).rejects.toMatchObject({ code: 'ENOSPC' });
  });
});

describe('proxies', () => {
  /** Counts what it is asked to connect to, and connects nothing. */
  async function deafProxy() {
    const asked: string[] = [];
    const proxy = createServer((socket) => {
      socket.once('data', (data: Buffer) => {
        asked.push(data.toString().split('\r\n')[0] ?? '');
        socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      });
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = proxy.address();
    const port = typeof address === 'object' ? address?.port : 0;
    return { asked, url: `http://127.0.0.1:${port}`, close: () => proxy.close() };
  }

  it('goes through the proxy, unless NO_PROXY names the host', async () => {
    const proxy = await deafProxy();
    const through = new Hub({ endpoint: 'https://hub.example.org', token: undefined, proxy: { http: '', https: proxy.url, no: '' } });
    await expect(through.describe(file)).rejects.toThrow('hub.example.org cannot be reached');
    expect(proxy.asked).toEqual(['CONNECT hub.example.org:443 HTTP/1.1']);
    await through.close();

    const around = new Hub({ endpoint: server.url, token: undefined, proxy: { http: proxy.url, https: '', no: '127.0.0.1' } });
    expect((await around.describe(file)).bytes).toBe(content.length);
    expect(proxy.asked).toHaveLength(1);
    await around.close();
    proxy.close();
  });

  it('says which address is none, and repeats no password', () => {
    const proxy = { http: '', https: 'socks5://ada:secret@proxy:1080', no: '' };
    expect(() => new Hub({ endpoint: server.url, token: undefined, proxy })).toThrow(/^(?!.*secret).*for HTTPS_PROXY/);
  });
});
