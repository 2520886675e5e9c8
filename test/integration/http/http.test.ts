import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../../src/app.js';
import { maxDrainedBytes, maxJsonBodyBytes } from '../../../src/base/limits.js';
import { answerOf, codeOf, dataOf, preflight, type ImageNode, type RawAnswer } from '../../support/client.js';
import { buildMemoryApp, openHttpDoor, type HttpDoor } from '../../support/http-app.js';
import { makeJpeg } from '../../support/make-image.js';
import { sendRaw } from '../../support/serve-http.js';

let app: App;
let door: HttpDoor;
let original: Buffer;
let image: ImageNode;

beforeAll(async () => {
  app = await buildMemoryApp();
  door = await openHttpDoor(app.operations);
  original = await makeJpeg(1, { width: 640, height: 400 });
  ({ image } = await door.client.upload(original, 'Käse; 1.jpg'));
});

afterAll(async () => {
  await door.close();
  await app.close();
});

const code = (answer: RawAnswer): unknown => codeOf(answerOf(answer));
const query = JSON.stringify({ query: '{ images { totalCount } }' });
const json = { 'content-type': 'application/json' };

describe('image bytes', () => {
  test('the original comes back exactly, as what it is and as nothing else', async () => {
    const { status, headers, body } = await door.client.get(image.url);
    expect(status).toBe(200);
    expect(body.equals(original)).toBe(true);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'content-length': String(original.byteLength),
      'content-disposition': `inline; filename="K?se; 1.jpg"; filename*=UTF-8''K%C3%A4se%3B%201.jpg`,
      'content-security-policy': "default-src 'none'; sandbox",
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'cache-control': 'public, max-age=31536000, immutable',
      'accept-ranges': 'bytes',
      etag: `"${image.sha256}"`,
    });
  });

  test.each(['renditionUrl', 'thumbnailUrl'] as const)('%s is WebP', async (name) => {
    const { status, headers, body } = await door.client.get(image[name]);
    expect([status, headers.get('content-type')]).toEqual([200, 'image/webp']);
    expect(body.subarray(8, 12).toString()).toBe('WEBP');
    expect(headers.get('etag')).not.toBe(`"${image.sha256}"`);
  });

  test.each(['url', 'renditionUrl', 'thumbnailUrl'] as const)('%s is not sent again to who has it', async (name) => {
    const etag = (await door.client.get(image[name])).headers.get('etag') ?? '';
    const { status, body } = await door.client.get(image[name], { headers: { 'if-none-match': etag } });
    expect([status, body.byteLength]).toEqual([304, 0]);
  });

  test('HEAD tells the size and sends nothing', async () => {
    const { status, headers, body } = await door.client.get(image.url, { method: 'HEAD' });
    expect([status, headers.get('content-length'), body.byteLength]).toEqual([200, String(original.byteLength), 0]);
  });

  test.each([
    ['bytes=0-99', 0, 100],
    ['bytes=100-', 100, undefined],
    ['bytes=-50', -50, undefined],
    ['bytes=-99999999', 0, undefined],
  ])('a part: %s', async (range, start, end) => {
    const { status, headers, body } = await door.client.get(image.url, { headers: { range } });
    expect(status).toBe(206);
    expect(body.equals(original.subarray(start, end))).toBe(true);
    expect(headers.get('content-range')).toMatch(new RegExp(`^bytes \\d+-\\d+/${original.byteLength}$`));
  });

  test('no part past the end, nor of another version', async () => {
    const past = await door.client.get(image.url, { headers: { range: 'bytes=9999999-' } });
    expect([past.status, past.headers.get('content-range')]).toEqual([416, `bytes */${original.byteLength}`]);
    const other = await door.client.get(image.url, { headers: { range: 'bytes=0-1', 'if-range': '"other"' } });
    expect([other.status, other.body.byteLength]).toEqual([200, original.byteLength]);
  });

  test.each([
    ['/images/00000000-0000-8000-8000-000000000000/original', 404, 'NOT_FOUND'],
    ['/images/nonsense/thumbnail', 400, 'BAD_USER_INPUT'],
    ['/images/%E0%A4%A/thumbnail', 400, 'BAD_USER_INPUT'],
    ['/images', 404, 'NOT_FOUND'],
    ['/nothing', 404, 'NOT_FOUND'],
  ])('%s', async (path, status, expected) => {
    const answer = await door.client.ask('GET', path);
    expect([answer.status, code(answer), answer.headers['cache-control']]).toEqual([status, expected, 'no-store']);
    expect(answer.headers.etag).toBeUndefined();
  });
});

describe('a rendition', () => {
  test('is not made for a client that has gone, and nothing is logged', async () => {
    let started!: () => void;
    const asked = new Promise<void>((resolve) => (started = resolve));
    let stopped!: (reason: unknown) => void;
    const stop = new Promise<unknown>((resolve) => (stopped = resolve));
    const readRendition = (_id: string, signal?: AbortSignal) =>
      new Promise<Buffer>((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          reject(signal.reason as Error);
          stopped(signal.reason);
        });
        started();
      });
    const other = await openHttpDoor({ ...app.operations, readRendition });
    const client = new AbortController();
    const answer = fetch(other.client.url + image.renditionUrl, { signal: client.signal });
    await asked;
    client.abort();
    await expect(answer).rejects.toThrow();
    expect(String(await stop)).toContain('The client has gone');
    // A whole request later, whatever was to be logged is.
    expect((await other.client.get('/livez')).status).toBe(200);
    expect(other.logged).toEqual([]);
    await other.close();
  });
});

describe('health', () => {
  test('both ends answer', async () => {
    expect(JSON.parse((await door.client.get('/livez')).body.toString())).toEqual({ live: true });
    expect(JSON.parse((await door.client.get('/readyz')).body.toString())).toEqual({ ready: true, reasons: [] });
  });

  test('a part that is missing is named', async () => {
    const health = () => Promise.resolve({ ready: false, reasons: ['model: gone'] });
    const broken = await openHttpDoor({ ...app.operations, health });
    const { status, body } = await broken.client.get('/readyz');
    expect([status, body.toString()]).toEqual([503, '{"ready":false,"reasons":["model: gone"]}']);
    expect((await broken.client.get('/livez')).status).toBe(200);
    // Not to a web page under a name of its own.
    const elsewhere = await broken.client.ask('GET', '/readyz', { host: 'evil.example' });
    expect([elsewhere.status, elsewhere.body.toString()]).toEqual([503, '{"ready":false}']);
    await broken.close();
  });

  test.each([
    ['/livez', '{"live":true}'],
    ['/readyz', '{"ready":true}'],
  ])('%s answers under any host name, and without one', async (path, expected) => {
    const named = await door.client.ask('GET', path, { host: '10.1.2.3:4000' });
    expect([named.status, named.body.toString()]).toEqual([200, expected]);
    const nameless = await sendRaw(Number(new URL(door.client.url).port), `GET ${path} HTTP/1.0\r\n\r\n`);
    expect(nameless).toMatch(/^HTTP\/1\.1 200 /);
    expect(nameless.endsWith(`\r\n\r\n${expected}`)).toBe(true);
  });
});

describe('who may ask', () => {
  test.each(['evil.example', 'evil.example:4000', '127.0.0.1.evil.example', 'localhost.evil', ':4000'])(
    'a loopback server is not addressed as "%s"',
    async (host) => {
      const answer = await door.client.ask('POST', '/graphql', { host, ...json }, query);
      expect([answer.status, code(answer)]).toEqual([403, 'FORBIDDEN']);
    },
  );

  test('nor without a name', async () => {
    const answer = await sendRaw(Number(new URL(door.client.url).port), 'GET / HTTP/1.0\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });

  test.each(['/livez', '/'])('nor by two Host headers, of whatever name (%s)', async (path) => {
    for (const hosts of ['Host: localhost\r\nHost: localhost', 'Host: localhost\r\nhost: evil.example']) {
      const text = `GET ${path} HTTP/1.1\r\n${hosts}\r\nConnection: close\r\n\r\n`;
      expect(await sendRaw(Number(new URL(door.client.url).port), text)).toMatch(/^HTTP\/1\.1 400 [^]*BAD_USER_INPUT/);
    }
  });

  test.each(['localhost', 'LOCALHOST:4000', '127.0.0.1:1', '127.8.9.1', '[::1]:4000'])('but as "%s"', async (host) => {
    expect((await door.client.ask('POST', '/graphql', { host, ...json }, query)).status).toBe(200);
  });

  test('and as what the operator lists, or by any name beyond loopback', async () => {
    for (const overrides of [{ allowedHosts: ['gallery.lan'] }, { host: '0.0.0.0' }]) {
      const other = await openHttpDoor(app.operations, overrides);
      expect((await other.client.ask('GET', '/livez', { host: 'gallery.lan:4000' })).status).toBe(200);
      await other.close();
    }
  });

  test('and upload, with either header that makes a browser ask first', async () => {
    for (const name of ['Apollo-Require-Preflight', 'X-Apollo-Operation-Name']) {
      const answer = await door.client.multipart(
        'mutation Upload($file: Upload!) { uploadImage(file: $file) { image { id } } }',
        { file: null },
        { 'variables.file': { bytes: original, filename: 'a.jpg' } },
        { [name]: 'Upload' },
      );
      expect(dataOf(answer)).toBeDefined();
    }
  });

  test('readers may search and look, and change nothing', async () => {
    const reading = await openHttpDoor(app.operations, { anonymousAccess: 'read' });
    expect((await reading.client.get(image.url)).status).toBe(200);
    expect(await reading.client.search(original, { k: 1 })).toHaveLength(1);
    const refused = await reading.client.ask(
      'POST',
      '/graphql',
      json,
      JSON.stringify({ query: `mutation { deleteImage(id: "${image.id}") { deletedId } }` }),
    );
    expect([refused.status, code(refused)]).toEqual([401, 'UNAUTHENTICATED']);
    expect(codeOf(await reading.client.uploadAnswer(await makeJpeg(30)))).toBe('UNAUTHENTICATED');
    expect(await reading.client.totalCount()).toBe(1);
    await reading.close();
  });

  test('nobody, where anonymous clients are not served', async () => {
    const closed = await openHttpDoor(app.operations, { anonymousAccess: 'none' });
    for (const [method, path] of [
      ['POST', '/graphql'],
      ['GET', image.url],
    ] as const) {
      const answer = await closed.client.ask(method, path, json, method === 'POST' ? query : undefined);
      expect([answer.status, code(answer)]).toEqual([401, 'UNAUTHENTICATED']);
    }
    expect((await closed.client.get('/readyz')).status).toBe(200);
    await closed.close();
  });
});

describe('CORS', () => {
  const origin = 'https://shop.example';
  const preflightRequest = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'apollo-require-preflight,content-type',
  };
  let sharing: HttpDoor;

  beforeAll(async () => {
    sharing = await openHttpDoor(app.operations, { corsOrigins: [origin] });
  });

  afterAll(() => sharing.close());

  test('a listed origin may send the preflight header and read the answer', async () => {
    const { status, headers } = await sharing.client.ask('OPTIONS', '/graphql', preflightRequest);
    expect(status).toBe(204);
    expect(headers['access-control-allow-origin']).toBe(origin);
    expect(headers['access-control-allow-headers']?.toLowerCase()).toContain('apollo-require-preflight');
    const answer = await sharing.client.ask('POST', '/graphql', { origin, ...json }, query);
    expect(answer.headers['access-control-allow-origin']).toBe(origin);
    expect(answer.headers.vary?.toLowerCase()).toContain('origin');
  });

  test('it may show the images', async () => {
    const { headers } = await sharing.client.ask('GET', image.thumbnailUrl, { origin });
    expect(headers['access-control-allow-origin']).toBe(origin);
    expect(headers['cross-origin-resource-policy']).toBe('cross-origin');
  });

  test.each(['https://shop.example.evil', 'http://shop.example', 'null'])('%s may not', async (other) => {
    const { headers } = await sharing.client.ask('OPTIONS', '/graphql', { ...preflightRequest, origin: other });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers['access-control-allow-headers']).toBeUndefined();
  });

  test('nobody may where none is listed', async () => {
    const { headers } = await door.client.ask('OPTIONS', '/graphql', preflightRequest);
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('bodies', () => {
  const charset = (name: string) => ({ 'content-type': `application/json; charset=${name}` });

  test.each([
    ['broken JSON', 400, '{', json],
    ['no JSON', 400, query, { 'content-type': 'text/plain', ...preflight }],
    ['an unknown encoding', 415, query, { ...json, 'content-encoding': 'nonsense' }],
    ['a long body', 413, JSON.stringify({ query: ' '.repeat(maxJsonBodyBytes) }), json],
    ['deep JSON', 400, `{"query":"{ a }","variables":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`, json],
    ['UTF-16', 415, Buffer.from(query, 'utf16le'), charset('utf-16le')],
    ['UTF-7', 415, query, charset('UTF-7')],
    ['Latin-1', 415, query, charset('iso-8859-1')],
    ['nothing', 400, '', json],
  ])('%s is refused, and nothing is logged', async (_name, status, body, headers) => {
    const answer = await door.client.ask('POST', '/graphql', headers, body);
    expect(answer.status).toBe(status);
    expect(code(answer)).toMatch(/^BAD_(USER_INPUT|REQUEST)$/);
    expect(door.logged).toEqual([]);
  });
});

describe('bodies without files', () => {
  const head = (length: string) =>
    `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${length}\r\n\r\n`;

  test('that are announced too long are refused before they have come', async () => {
    const socket = connect(Number(new URL(door.client.url).port), '127.0.0.1');
    socket.write(head(`Content-Length: ${maxJsonBodyBytes + 1}`));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  test('that come in chunks without end are cut off', async () => {
    const socket = connect(Number(new URL(door.client.url).port), '127.0.0.1');
    const closed = new Promise<void>((resolve) => {
      socket
        .on('error', () => undefined)
        .once('close', () => {
          resolve();
        });
    });
    socket.write(head('Transfer-Encoding: chunked'));
    const chunk = `${(1_000_000).toString(16)}\r\n${' '.repeat(1_000_000)}\r\n`;
    let sentBytes = 0;
    while (!socket.destroyed && sentBytes < 10 * maxDrainedBytes) {
      sentBytes += chunk.length;
      await Promise.race([closed, new Promise((resolve) => socket.write(chunk, resolve))]);
    }
    await closed;
    expect(sentBytes).toBeLessThan(2 * maxDrainedBytes);
  });
});

describe('methods', () => {
  const multipart = { 'content-type': 'multipart/form-data; boundary=X' };
  // More than the buffers of a connection hold: to leave it unread would reset the connection.
  const body = Buffer.alloc(3_000_000, 'x');

  test.each(['PUT', 'DELETE', 'PATCH'])('%s is not served, whatever it brings', async (method) => {
    for (const type of [json, multipart, { ...multipart, ...preflight }]) {
      const headers = { ...type, 'content-length': String(body.byteLength) };
      const answer = await door.client.ask(method, '/graphql', headers, body);
      expect([answer.status, code(answer), answer.headers.allow]).toEqual([405, 'BAD_USER_INPUT', 'GET, POST']);
    }
  });

  test.each([multipart, { ...multipart, ...preflight }])('no file comes by GET: %o', async (headers) => {
    const sized = { ...headers, 'content-length': String(body.byteLength) };
    const answer = await door.client.ask('GET', '/graphql?query=%7Bimages%7BtotalCount%7D%7D', sized, body);
    expect([answer.status, code(answer)]).toEqual([400, 'BAD_USER_INPUT']);
    expect(answer.body.toString()).toContain('must be a POST');
  });

  test('the answer to PUT arrives on a connection that goes on', async () => {
    const port = Number(new URL(door.client.url).port);
    const head = `Host: localhost\r\nContent-Type: multipart/form-data; boundary=X\r\nContent-Length: ${body.byteLength}\r\n`;
    const answers = await sendRaw(
      port,
      `PUT /graphql HTTP/1.1\r\n${head}\r\n${body.toString()}GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect(answers).toMatch(/^HTTP\/1\.1 405 [^]*HTTP\/1\.1 200 /);
  });
});

describe('the page at /graphql', () => {
  test('a browser gets the explorer, and all that it loads from here', async () => {
    const { status, headers, body } = await door.client.get('/graphql', { headers: { accept: 'text/html' } });
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
    expect(headers.get('x-frame-options')).toBe('DENY');
    const assets = [...body.toString().matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(assets).toContain('/graphql/assets/explorer.js');
    for (const path of [...assets, ...['react', 'react-dom', 'graphiql'].map((name) => `/graphql/assets/${name}.js`)]) {
      const asset = await door.client.get(path);
      expect([path, asset.status]).toEqual([path, 200]);
      expect(asset.body.byteLength).toBeGreaterThan(100);
    }
  });
});
