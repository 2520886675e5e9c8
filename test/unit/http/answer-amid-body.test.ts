import { connect, type Socket } from 'node:net';
import express from 'express';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SemblanceError } from '../../../src/base/errors.js';
import { isAnswered } from '../../../src/http/answer-amid-body.js';
import { errorResponder } from '../../../src/http/error-responder.js';
import { drainStallMs, maxDrainedBytes } from '../../../src/base/limits.js';
import { serveHttp, type ServedHttp } from '../../support/serve-http.js';

let served: ServedHttp;
/** What the log is told. */
let closedAs: 'answered' | 'broken off' | undefined;

beforeEach(async () => {
  closedAs = undefined;
  const app = express();
  app.use((_request, response, next) => {
    response.once('close', () => (closedAs = isAnswered(response) ? 'answered' : 'broken off'));
    next();
  });
  app.post('/refused', () => {
    throw new SemblanceError('OVERLOADED', 'Full');
  });
  app.use(errorResponder(() => undefined));
  served = await serveHttp(app);
});

afterEach(async () => {
  vi.useRealTimers();
  await served.close();
});

interface Client {
  readonly socket: Socket;
  /** What has come back so far. */
  readonly heard: () => string;
  readonly closed: Promise<void>;
  /** Undefined unless the connection broke. */
  readonly broken: () => Error | undefined;
}

function open(contentLength: number, headers = ''): Client {
  const socket = connect(served.port, '127.0.0.1');
  let text = '';
  let error: Error | undefined;
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', (thrown) => (error = thrown));
  socket.write(`POST /refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${contentLength}\r\n${headers}\r\n`);
  return {
    socket,
    heard: () => text,
    closed: new Promise<void>((resolve) =>
      socket.once('close', () => {
        resolve();
      }),
    ),
    broken: () => error,
  };
}

/** Sends so many bytes, or fewer where the connection is closed before; answers how many. */
async function send({ socket, closed }: Pick<Client, 'socket' | 'closed'>, sizeBytes: number): Promise<number> {
  const chunk = Buffer.alloc(1_000_000);
  let sentBytes = 0;
  while (!socket.destroyed && sentBytes < sizeBytes) {
    sentBytes += chunk.byteLength;
    await new Promise<void>((resolve) => {
      void closed.then(resolve);
      socket.write(chunk, () => {
        resolve();
      });
    });
  }
  return sentBytes;
}

const whole = /^HTTP\/1\.1 503 [^]*\r\nRetry-After: 1\r\n[^]*\r\n\r\n\{"errors":.*"OVERLOADED".*\}$/;

test('who is refused hears so before it has sent its body', async () => {
  const { socket, heard } = open(1_000_000);
  await expect.poll(heard).toMatch(whole);
  socket.destroy();
});

test('and may send all of it: the connection is closed after that, and not reset', async () => {
  const { socket, heard, closed, broken } = open(10_000_000, 'Connection: close\r\n');
  await expect.poll(heard).toMatch(whole);
  expect(await send({ socket, closed }, 10_000_000)).toBe(10_000_000);
  await closed;
  expect(broken()).toBeUndefined();
});

test('who leaves on hearing it counts as answered', async () => {
  const { socket, heard } = open(1_000_000, 'Connection: close\r\n');
  await expect.poll(heard).toMatch(whole);
  expect(closedAs).toBeUndefined();
  socket.destroy();
  await expect.poll(() => closedAs).toBe('answered');
});

test('the connection serves on where it is kept', async () => {
  const { socket, heard } = open(1_000);
  await expect.poll(heard).toMatch(whole);
  socket.write(Buffer.alloc(1_000));
  socket.write('GET /elsewhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  await expect.poll(heard).toContain('HTTP/1.1 404');
});

test('who sends without end is broken off', async () => {
  const { socket, closed } = open(10 * maxDrainedBytes);
  expect(await send({ socket, closed }, 10 * maxDrainedBytes)).toBeLessThan(2 * maxDrainedBytes);
  await closed;
});

test('who sends nothing more is broken off', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const { heard, closed } = open(1_000);
  await expect.poll(heard).toMatch(whole);
  vi.advanceTimersByTime(drainStallMs);
  await closed;
});
