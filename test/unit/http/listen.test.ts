import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ConfigurationError } from '../../../src/errors.js';
import { listen, type Listening } from '../../../src/http/listen.js';

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
