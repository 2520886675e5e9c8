import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { listen, type Listening } from '../../../src/http/listen.js';
import { maxPipelinedRequests } from '../../../src/base/limits.js';
import { sendRaw } from '../../support/serve-http.js';

const readBytes = 65_536;
const open: Listening[] = [];

async function start(app: RequestListener): Promise<Listening> {
  const listening = await listen({ app, host: '127.0.0.1', port: 0 });
  open.push(listening);
  return listening;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((listening) => listening.close(0)));
});

const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
const numbered = (count: number, headers = ''): string =>
  Array.from({ length: count }, (_, index) => get(`/${index}`, headers)).join('');
const last = get('/last', 'Connection: close\r\n');

/** A client that reads nothing. */
function connectDeaf({ port }: Listening): Socket {
  const socket = connect(port, '127.0.0.1').pause();
  // It is cut off while it still sends.
  return socket.on('error', () => undefined);
}

test('answers requests that a client sends at once in their order, one at a time', async () => {
  const events: string[] = [];
  const listening = await start((request, response) => {
    events.push(`begins ${request.url}`);
    void setImmediate().then(() => {
      events.push(`ends ${request.url}`);
      response.end(`<${request.url}>`);
    });
  });
  const answers = await sendRaw(listening.port, numbered(50) + last);
  const paths = [...Array.from({ length: 50 }, (_, index) => `/${index}`), '/last'];
  expect(answers.match(/(?<=<).*(?=>)/g)).toEqual(paths);
  expect(events).toEqual(paths.flatMap((path) => [`begins ${path}`, `ends ${path}`]));
});

test('reads the bodies of requests that waited', async () => {
  const body = 'x'.repeat(3 * readBytes);
  const listening = await start((request, response) => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => (bytes += chunk.byteLength));
    request.on('end', () => response.end(`<${bytes}>`));
  });
  const post = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const answers = await sendRaw(listening.port, get('/') + post + post + last);
  expect(answers.match(/(?<=<).*(?=>)/g)).toEqual(['0', String(body.length), String(body.length), '0']);
});

test('reads no more of a connection than what waits behind the request in work, and answers others meanwhile', async () => {
  const sockets: Socket[] = [];
  const listening = await start((request, response) => {
    if (request.url === '/other') response.end();
    else sockets.push(request.socket);
  });
  const client = connectDeaf(listening);
  client.write(numbered(3_000, `X: ${'x'.repeat(1_000)}\r\n`));
  await expect.poll(() => sockets.length).toBeGreaterThan(0);
  for (let asked = 0; asked < 50; asked++) await fetch(`${listening.url}/other`);
  expect(sockets).toHaveLength(1);
  expect(sockets[0]?.bytesRead).toBeLessThanOrEqual(readBytes);
  client.destroy();
});

test('begins nothing more for a client that takes no answers', async () => {
  const answer = Buffer.alloc(64_000_000);
  let begun = 0;
  const listening = await start((request, response) => {
    if (request.url === '/other') response.end();
    else {
      begun++;
      response.end(answer);
    }
  });
  const client = connectDeaf(listening);
  client.write(numbered(60));
  await expect.poll(() => begun).toBeGreaterThan(0);
  for (let asked = 0; asked < 50; asked++) await fetch(`${listening.url}/other`);
  expect(begun).toBe(1);
  client.destroy();
});

test('closes a connection on which more requests wait than may', async () => {
  let begun = 0;
  const listening = await start(() => {
    begun++;
  });
  const fits = connectDeaf(listening);
  fits.write(numbered(1 + maxPipelinedRequests));
  await expect.poll(() => begun).toBe(1);
  const tooMany = connectDeaf(listening).resume();
  const closed = once(tooMany, 'close');
  tooMany.write(numbered(2 + maxPipelinedRequests));
  await closed;
  expect(fits.closed).toBe(false);
  fits.destroy();
});

test('begins none of the requests that wait once their client has gone', async () => {
  const urls: (string | undefined)[] = [];
  let left: Promise<unknown> | undefined;
  const listening = await start((request, response) => {
    urls.push(request.url);
    left = once(response, 'close');
    request.socket.destroy();
  });
  connectDeaf(listening).write(numbered(20));
  await expect.poll(() => urls.length).toBe(1);
  await left;
  await fetch(listening.url).catch(() => undefined);
  expect(urls).toEqual(['/0', '/']);
});

test('begins nothing that comes behind an answer that ends the connection', async () => {
  const urls: (string | undefined)[] = [];
  const listening = await start((request, response) => {
    urls.push(request.url);
    response.end();
  });
  const answers = await sendRaw(listening.port, `GET /hostless HTTP/1.1\r\n\r\n${get('/behind')}`);
  expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);
  await sendRaw(listening.port, last + get('/behind'));
  expect(urls).toEqual(['/last']);
});

test('answers a request with an expectation that it does not know in its turn', async () => {
  const listening = await start((request, response) => response.end(`<${request.url}>`));
  const answers = await sendRaw(listening.port, get('/0') + get('/1', 'Expect: the-unknown\r\n') + last);
  expect(answers.match(/(?<=<).*(?=>)/g)).toEqual(['/0', '/1', '/last']);
});
