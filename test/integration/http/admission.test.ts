import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { App } from '../../../src/app.js';
import type { Scope } from '../../../src/base/config.js';
import { openAdmission, type Admission } from '../../../src/access/http/admission.js';
import { imagePaths } from '../../../src/access/image-paths.js';
import { Places } from '../../../src/access/places.js';
import { ByteBudget } from '../../../src/base/concurrency/byte-budget.js';
import type { Operations } from '../../../src/api/operations.js';
import { answerOf, codeOf, multipartType, preflight, type RawAnswer } from '../../support/client.js';
import { buildMemoryApp, openHttpDoor, type HttpDoor } from '../../support/http-app.js';
import { makeJpeg } from '../../support/make-image.js';

/** More than the largest request may have. */
const bytesPerMinute = 1_000_000_000;

let app: App;
let keys: Record<Scope, string>;
let admission: Admission;
let door: HttpDoor;
/** Operations that were begun, and wait to be let go. */
let held: (() => void)[];

const hold = (): Promise<void> => new Promise((resolve) => held.push(resolve));

beforeAll(async () => {
  app = await buildMemoryApp();
  const keyOf = async (scope: Scope) => (await app.operations.createApiKey({ name: scope, scope })).key;
  keys = { read: await keyOf('read'), write: await keyOf('write'), admin: await keyOf('admin') };
});

afterAll(() => app.close());

beforeEach(async () => {
  held = [];
  admission = {
    ...openAdmission({ anonymousAccess: 'none' }),
    uploads: new Places({ all: 3, ofOne: 2, what: 'uploads' }),
    operations: new Places({ all: 3, ofOne: 2, what: 'operations' }),
  };
  const operations: Operations = {
    ...app.operations,
    status: () => hold().then(() => app.operations.status()),
    uploadImage: (input) => hold().then(() => app.operations.uploadImage(input)),
  };
  door = await openHttpDoor(operations, { anonymousAccess: 'none', bytesPerMinute }, undefined, { admission });
});

afterEach(() => door.close());

const letGo = (): void => {
  for (const resolve of held.splice(0)) resolve();
};
const begun = (count: number): Promise<void> => expect.poll(() => held.length).toBe(count);
const freed = (places: Places): Promise<void> => expect.poll(() => places.taken).toBe(0);

const statusBody = '{"query":"{ status { imageCount } }"}';
const headersOf = (key: string) => ({ 'content-type': 'application/json', authorization: `Bearer ${key}` });
const askStatus = (key: string) => door.client.ask('POST', '/graphql', headersOf(key), statusBody);
const mutation = 'mutation ($file: Upload!) { uploadImage(file: $file) { created } }';
const upload = async (seed: number, key: string) =>
  door.client.multipart<{ readonly uploadImage: { readonly created: boolean } }>(
    mutation,
    { file: null },
    { 'variables.file': { bytes: await makeJpeg(seed), filename: 'a.jpg' } },
    { ...preflight, authorization: `Bearer ${key}` },
  );

const rawHead = (type: string, length: number, more = ''): string =>
  `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${keys.write}\r\nApollo-Require-Preflight: 1\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n${more}\r\n`;
const rawOperation = (body: string): string => rawHead('application/json', body.length) + body;

function send(text: string): Socket {
  const socket = connect(Number(new URL(door.client.url).port), '127.0.0.1');
  socket.write(text);
  return socket;
}

const refusalOf = (answer: RawAnswer) => [answer.status, codeOf(answerOf(answer)), answer.headers['retry-after']];

describe('operations', () => {
  test('are let in while there are places, and each caller into its share of them', async () => {
    const accepted = [askStatus(keys.read), askStatus(keys.read)];
    await begun(2);
    expect(refusalOf(await askStatus(keys.read))).toEqual([429, 'RATE_LIMITED', '1']);
    accepted.push(askStatus(keys.write));
    await begun(3);
    expect(refusalOf(await askStatus(keys.admin))).toEqual([503, 'OVERLOADED', '1']);
    letGo();
    expect((await Promise.all(accepted)).map(({ status }) => status)).toEqual([200, 200, 200]);
    await freed(admission.operations);
  });

  test('keep their place while they are worked on, though their client has gone', async () => {
    const socket = send(rawOperation(statusBody));
    await begun(1);
    socket.destroy();
    await once(socket, 'close');
    await door.client.get('/livez');
    expect(admission.operations.taken).toBe(1);
    letGo();
    await freed(admission.operations);
  });

  test('that wait behind another on one connection have no place, and take none once their client has left', async () => {
    const invalid = '{"query":"{ nothing }"}';
    const socket = send(rawOperation(statusBody) + rawOperation(invalid));
    await begun(1);
    expect(admission.operations.taken).toBe(1);
    socket.destroy();
    letGo();
    await freed(admission.operations);
  });
});

describe('images', () => {
  test('that their client does not read are bounded in bytes, of all and of one', async () => {
    const [sidePixels, channels] = [2_400, 3] as const;
    const noise = sharp(randomBytes(sidePixels ** 2 * channels), {
      raw: { width: sidePixels, height: sidePixels, channels },
    });
    // More than the buffers of a connection take.
    const bytes = await noise.png({ compressionLevel: 0 }).toBuffer();
    const { image } = await app.operations.uploadImage({ bytes, filename: 'noise.png', priority: 'bulk' });
    const sizeBytes = bytes.byteLength;
    const images = new ByteBudget({ maxBytes: 2.5 * sizeBytes, maxBytesOfOne: 1.5 * sizeBytes, what: 'images' });
    const guarded = await openHttpDoor(app.operations, { anonymousAccess: 'none' }, undefined, {
      admission: { ...admission, images },
    });
    const { port } = new URL(guarded.client.url);
    const path = imagePaths(image.id).original;
    const readSlowly = async (key: string): Promise<Socket> => {
      const socket = connect(Number(port), '127.0.0.1').pause();
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`);
      const before = images.heldBytes;
      await expect.poll(() => images.heldBytes).toBe(before + sizeBytes);
      return socket;
    };
    const get = (key: string) => guarded.client.ask('GET', path, { authorization: `Bearer ${key}` }, '');
    const greedy = await readSlowly(keys.read);
    expect(refusalOf(await get(keys.read))).toEqual([429, 'RATE_LIMITED', '1']);
    const other = await readSlowly(keys.write);
    expect(refusalOf(await get(keys.admin))).toEqual([503, 'OVERLOADED', '1']);
    greedy.destroy();
    other.destroy();
    await expect.poll(() => images.heldBytes).toBe(0);
    expect((await get(keys.read)).body.equals(bytes)).toBe(true);
    await guarded.close();
  });
});

describe('uploads', () => {
  test('beyond the places are told so before their body has come, and are charged nothing', async () => {
    const accepted = [upload(1, keys.write), upload(2, keys.write), upload(3, keys.admin)];
    await begun(3);
    for (let refused = 1; refused <= 3; refused++) {
      // Its body never comes: who read it first would wait.
      const socket = send(rawHead(multipartType, bytesPerMinute));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 503 [^]*\r\nRetry-After: 1\r\n[^]*"OVERLOADED"/);
      expect(admission.uploads.refusals).toEqual({ full: refused, share: 0 });
      socket.destroy();
    }
    letGo();
    expect((await Promise.all(accepted)).map(({ data }) => data?.uploadImage.created)).toEqual([true, true, true]);
    await freed(admission.uploads);
    const next = upload(4, keys.write);
    await begun(1);
    letGo();
    expect((await next).data?.uploadImage.created).toBe(true);
  });

  test('that are refused for themselves give their place back at once, though their body still comes', async () => {
    // Only a connection that is kept sees the end of its answer before that of its body.
    const socket = send(rawHead(multipartType, bytesPerMinute, 'Connection: close\r\n'));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /);
    expect(admission.uploads.taken).toBe(0);
    socket.destroy();
  });
});
