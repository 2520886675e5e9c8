import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../../src/app.js';
import { openAdmission, type Admission } from '../../../src/access/http/admission.js';
import type { ClientTimeouts } from '../../../src/http/listen.js';
import { multipartType } from '../../support/client.js';
import { buildMemoryApp, openHttpDoor, type HttpDoor } from '../../support/http-app.js';

// Its own folder: other test files upload at the same time.
const temporaryFolder = await mkdtemp(join(tmpdir(), 'semblance-uploads-'));
process.env['TMPDIR'] = temporaryFolder;

const dripMs = 10;
/** Who could send so many was not cut off. */
const maxDrips = 1_000;

let app: App;

beforeAll(async () => {
  app = await buildMemoryApp();
});

afterAll(async () => {
  await app.close();
  await rm(temporaryFolder, { recursive: true });
});

async function temporaryFiles(): Promise<number> {
  return (await readdir(temporaryFolder)).filter((name) => name.startsWith('capacitor-')).length;
}

const head = (type: string): string =>
  `POST /graphql HTTP/1.1\r\nHost: localhost\r\nApollo-Require-Preflight: 1\r\nContent-Type: ${type}\r\nContent-Length: 100000\r\n\r\n`;
const part = (name: string, text: string): string =>
  `--${multipartType.replace(/^.*boundary=/, '')}\r\nContent-Disposition: form-data; ${name}\r\n\r\n${text}`;
const operations = JSON.stringify({
  query: 'mutation ($file: Upload!) { uploadImage(file: $file) { created } }',
  variables: { file: null },
});

const amidHeaders = 'POST /graphql HTTP/1.1\r\nHost: localhost\r\n';
const amidJson = `${head('application/json')}{"query":"`;
const amidFields = head(multipartType) + part('name="operations"', '{"query":"');
const amidFile =
  head(multipartType) +
  [
    part('name="operations"', operations),
    part('name="map"', '{"0":["variables.file"]}'),
    part('name="0"; filename="a.png"', 'x'.repeat(50_000)),
  ].join('\r\n');

interface Slow {
  readonly door: HttpDoor;
  readonly admission: Admission;
  readonly socket: Socket;
  /** What has come back so far. */
  readonly heard: () => string;
}

/** A client that has sent the beginning of a request, to a server of its own. */
async function begin(start: string, timeouts: Partial<ClientTimeouts>): Promise<Slow> {
  const admission = openAdmission({ anonymousAccess: 'none' });
  const door = await openHttpDoor(app.operations, {}, undefined, { admission, timeouts });
  const socket = connect(Number(new URL(door.client.url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  // The server closes while it still sends.
  socket.on('error', () => undefined);
  socket.write(start);
  return { door, admission, socket, heard: () => text };
}

/** Nothing is left of a request that was cut off, and no error was one of the server's. */
async function expectNothingLeft({ door, admission }: Slow): Promise<void> {
  await expect
    .poll(async () => [admission.uploads.taken, admission.operations.taken, await temporaryFiles()])
    .toEqual([0, 0, 0]);
  expect(door.logged).toEqual([]);
}

describe('a client that goes on slowly', () => {
  test.each([
    { amid: 'its headers', start: amidHeaders, piece: 'X-Slow: 1\r\n', timeouts: { headersMs: 1_000 }, held: [0, 0] },
    { amid: 'JSON', start: amidJson, piece: 'x', timeouts: { headersMs: 1_000, requestMs: 1_000 }, held: [0, 0] },
    { amid: 'fields', start: amidFields, piece: 'x', timeouts: { headersMs: 1_000, requestMs: 1_000 }, held: [1, 0] },
    { amid: 'a file', start: amidFile, piece: 'x', timeouts: { headersMs: 1_000, requestMs: 1_000 }, held: [1, 1] },
  ])('amid $amid is cut off, and others are answered meanwhile', async ({ start, piece, timeouts, held }) => {
    const slow = await begin(start, timeouts);
    const { door, admission, socket, heard } = slow;
    const mostHeld = [0, 0];
    let answered = 0;
    for (let drips = 0; drips < maxDrips && !socket.destroyed; drips++) {
      // Not in the turn that brought another's answer: one for this client may lie unread, and a failed write would lose it.
      await delay(dripMs);
      await setImmediate();
      socket.write(piece);
      [admission.uploads.taken, await temporaryFiles()].forEach((count, index) => {
        mostHeld[index] = Math.max(mostHeld[index] ?? 0, count);
      });
      expect(await door.client.totalCount()).toBe(0);
      answered++;
    }
    expect(socket.destroyed).toBe(true);
    expect(heard()).toMatch(/^HTTP\/1\.1 408 /);
    expect(mostHeld).toEqual(held);
    expect(answered).toBeGreaterThan(0);
    await expectNothingLeft(slow);
    await door.close();
  });
});

describe('a client that stops', () => {
  test.each([
    { amid: 'JSON', start: amidJson, held: [0, 0] },
    { amid: 'a file', start: amidFile, held: [1, 1] },
  ])('amid $amid is cut off, and holds nothing any more', async ({ start, held }) => {
    const slow = await begin(start, { idleMs: 1_000 });
    const { door, admission, socket } = slow;
    await expect.poll(async () => [admission.uploads.taken, await temporaryFiles()]).toEqual(held);
    await expect.poll(() => socket.destroyed).toBe(true);
    await expectNothingLeft(slow);
    await door.close();
  });
});
