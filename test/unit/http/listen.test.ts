import { once } from 'node:events';
import { Server } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ConfigurationError } from '../../../src/base/errors.js';
import { listen, type Listening } from '../../../src/http/listen.js';
import { headersTimeoutMs, idleTimeoutMs, requestTimeoutMs } from '../../../src/base/limits.js';
import { sendHead, sendRaw } from '../../support/serve-http.js';

const open: Listening[] = [];

async function start(app: Parameters<typeof listen>[0]['app'], port = 0): Promise<Listening> {
  const listening = await listen({ app, host: '127.0.0.1', port });
  open.push(listening);
  return listening;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((listening) => listening.close(0)));
});

describe('listen', () => {
  test('a taken port is one sentence that names the variables', async () => {
    const { port } = await start((_request, response) => response.end());
    const second = listen({ app: () => undefined, host: '127.0.0.1', port });
    await expect(second).rejects.toThrow(ConfigurationError);
    await expect(second).rejects.toThrow(`PORT=${port} of HOST=127.0.0.1 is taken`);
  });

  test('an address of another machine is refused', async () => {
    await expect(listen({ app: () => undefined, host: '192.0.2.1', port: 0 })).rejects.toThrow('HOST=192.0.2.1');
  });
});

test('clients have the time of limits.ts unless told otherwise', async () => {
  const listens = vi.spyOn(Server.prototype, 'listen');
  await start(() => undefined);
  const { headersTimeout, requestTimeout, timeout } = listens.mock.contexts[0] as Server;
  expect([headersTimeout, requestTimeout, timeout]).toEqual([headersTimeoutMs, requestTimeoutMs, idleTimeoutMs]);
  listens.mockRestore();
});

describe('a client that waits with its body until it is asked for it', () => {
  const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n';

  test('is asked once the body is read, and its connection serves on', async () => {
    const events: string[] = [];
    const listening = await start((request, response) => {
      if (request.method === 'GET') {
        response.end('next');
        return;
      }
      setImmediate(() => {
        events.push('read');
        request.on('data', (chunk: Buffer) => {
          response.end(`got ${chunk.toString()}`);
        });
      });
    });
    const socket = connect(listening.port, '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (events.length === 1) {
        events.push(heard);
        socket.write('body');
      } else if (heard.endsWith('got body')) {
        socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      }
    });
    const closed = once(socket, 'close');
    socket.write(`${head}\r\n`);
    await closed;
    expect(events).toEqual(['read', 'HTTP/1.1 100 Continue\r\n\r\n']);
    expect(heard).toMatch(/got body[^]*next/);
  });

  test('is not asked where it is refused, and its connection is closed: what comes next may be the body', async () => {
    const urls: (string | undefined)[] = [];
    const listening = await start((request, response) => {
      urls.push(request.url);
      response.writeHead(403, { 'Content-Length': 2 }).end('no');
      request.resume();
    });
    expect(await sendHead(listening.port, `${head}\r\n`)).toMatch(/^HTTP\/1\.1 403 [^]*\r\nConnection: close\r\n/);
    const answers = await sendRaw(listening.port, `${head}\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 403']);
    expect(urls).toEqual(['/', '/']);
  });
});

describe('close', () => {
  test('answers what was asked, takes nothing new, then ends', async () => {
    const events: string[] = [];
    let answer: (() => void) | undefined;
    const listening = await start((_request, response) => {
      events.push('asked');
      answer = () => {
        events.push('answered');
        response.end('done');
      };
    });
    const asked = fetch(listening.url).then((response) => response.text());
    await expect.poll(() => events).toEqual(['asked']);
    const closed = listening.close().then(() => events.push('closed'));
    await expect(fetch(listening.url)).rejects.toThrow();
    answer?.();
    expect(await asked).toBe('done');
    await closed;
    expect(events).toEqual(['asked', 'answered', 'closed']);
  });

  test('cuts off a request that does not end in time', async () => {
    const listening = await start(() => undefined);
    const socket = connect(listening.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const cut = once(socket, 'close');
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'ready');
    await listening.close(50);
    await cut;
  });
});
