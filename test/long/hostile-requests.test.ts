import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { getIntrospectionQuery, stripIgnoredCharacters } from 'graphql';
import { afterAll, expect, it } from 'vitest';
import { dataOf, multipartBody, multipartType } from '../support/client.js';
import { makeJpeg } from '../support/make-image.js';
import { makeMemoryGroup, type MemoryGroup } from '../support/memory-group.js';
import { residentBytes } from '../support/overload.js';
import { cleanUp, program, startServer, testStores, type TestServer } from '../support/server.js';

/** TEST_HOSTILE_REQUESTS=20 for a try. */
const requests = Number(process.env['TEST_HOSTILE_REQUESTS'] ?? 200);
/** The size of a container that docs/operations.md tells people to give. */
const memoryBytes = 2_000_000_000;
const maxGrowthBytes = 400_000_000;
const maxSilenceMs = 1_000;
const maxRequestBytes = 2_000;
const images = 100;
const pollMs = 50;
/** A client that asks for much and reads nothing. */
const unreadMs = 2_000;

const groups: MemoryGroup[] = [];

afterAll(async () => {
  await cleanUp();
  await Promise.all(groups.map((group) => group.remove()));
});

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `a${index}`);
const aliases = (count: number, field: string): string =>
  names(count)
    .map((name) => `${name}:${field}`)
    .join(' ');
const page = (fields: string): string => `{images(first:100){edges{node{${fields}}}}}`;

/** As much as 8 KiB of JSON hold, in forms of which each takes another multiple of it in memory. */
const heavyMetadata: readonly unknown[] = [
  { text: 'x'.repeat(8_150) },
  { text: '猫'.repeat(2_700) },
  { list: Array.from({ length: 2_700 }, () => ({})) },
  { quotes: '"'.repeat(4_070) },
];

/** Operations of under 2 KB that cost a server much. What is permitted of them is the most that is. */
const operations: readonly (readonly [name: string, query: string])[] = [
  ['metadata of neighbours under aliases', page(`similarImages(k:5){image{${aliases(115, 'metadata')}}}`)],
  [
    'metadata behind fragments',
    `${page('similarImages(k:5){image{...f ...g}}')} fragment f on Image{${aliases(60, 'metadata')}} fragment g on Image{...f b:metadata}`,
  ],
  ['metadata under as many aliases as are let through', page(aliases(28, 'metadata'))],
  ['metadata of neighbours', page('metadata similarImages(k:25){image{metadata}}')],
  ['pages under aliases', `{${aliases(25, 'images(first:100){edges{node{metadata}}}')}}`],
  ['small fields of neighbours', page(`similarImages(k:99){${aliases(20, 'rank')}}`)],
  ['paths of neighbours', page(`similarImages(k:60){image{${aliases(12, 'thumbnailUrl')}}}`)],
  ['deep neighbours', page('similarImages(k:9){image{similarImages(k:9){image{similarImages(k:1){rank}}}}}')],
  [
    'neighbours of neighbours',
    page(`similarImages(k:9){image{similarImages(k:90){image{${aliases(40, 'metadata')}}}}}`),
  ],
  ['hits under aliases', page(aliases(9, 'similarImages(k:99){rank similarity image{id}}'))],
  ['introspection', stripIgnoredCharacters(getIntrospectionQuery())],
  ['introspection under aliases', `{__schema{${aliases(30, 'types{description fields{description type{name}}}')}}}`],
  ['many schemas', `{${aliases(20, '__schema{types{name description fields{name description}}}')}}`],
  ['types within types', `{__schema{types{fields{type{fields{type{fields{type{fields{name}}}}}}}}}}`],
  ['labels', `subscription{attacker_${'x'.repeat(100)}}`],
];

type Request = readonly [name: string, send: (server: TestServer) => Promise<unknown>];

/** Its status and code; 'unread' where it is left before its answer is read. */
function post(server: TestServer, query: string, { reads = true } = {}): Promise<unknown> {
  const body = JSON.stringify({ query });
  return new Promise((resolve) => {
    const request = httpRequest(`${server.url}/graphql`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    });
    request.once('error', (error) => {
      resolve(`broken: ${error.message}`);
    });
    request.once('response', (response) => {
      if (!reads) {
        response.pause();
        void delay(unreadMs).then(() => {
          request.destroy();
          resolve('unread');
        });
        return;
      }
      let bytes = 0;
      let start = '';
      response.on('data', (chunk: Buffer) => {
        if (bytes === 0) start = chunk.toString('latin1', 0, 1_000);
        bytes += chunk.byteLength;
      });
      response.once('end', () => {
        resolve(`${response.statusCode ?? 0} ${/"code":"(\w+)"/.exec(start)?.[1] ?? `${Math.ceil(bytes / 1e6)} MB`}`);
      });
    });
    request.end(body);
  });
}

/** As many requests as one write of under 2 KB holds, and nothing of their answers is read for a while. */
function pipeline(server: TestServer, path: string): Promise<unknown> {
  const one = `GET ${path} HTTP/1.1\r\nHost: localhost\r\napollo-require-preflight: 1\r\n\r\n`;
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(one.repeat(Math.floor(maxRequestBytes / one.length)));
  return delay(unreadMs).then(() => {
    socket.destroy();
    return 'unread';
  });
}

/** A file that says that it is much larger than it is. */
async function bomb(server: TestServer): Promise<unknown> {
  const gif = Buffer.from(
    'GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;',
    'latin1',
  );
  const body = multipartBody([
    {
      name: 'operations',
      body: '{"query":"mutation($file:Upload!){uploadImage(file:$file){created}}","variables":{"file":null}}',
    },
    { name: 'map', body: '{"0":["variables.file"]}' },
    { name: '0', body: gif, filename: 'a.gif' },
  ]);
  const headers = { 'content-type': multipartType, 'apollo-require-preflight': '1' };
  const answer = await server.client.ask('POST', '/graphql', headers, body);
  return `${answer.status} ${/"code":"(\w+)"/.exec(answer.body.toString())?.[1] ?? ''}`;
}

const hostile: readonly Request[] = [
  ...operations.map(([name, query]): Request => [name, (server) => post(server, query)]),
  ['the largest answer, not read', (server) => post(server, page(aliases(28, 'metadata')), { reads: false })],
  ['pipelined pages', (server) => pipeline(server, '/')],
  [
    'pipelined operations',
    (server) => pipeline(server, `/graphql?query=${encodeURIComponent(page('a:metadata b:metadata c:metadata'))}`),
  ],
  ['a file of 4 gigapixels', bomb],
];

it('sends no request that is larger than it says', () => {
  for (const [name, query] of operations) {
    expect(Buffer.byteLength(JSON.stringify({ query })), name).toBeLessThan(maxRequestBytes);
  }
});

/** Asks for /livez without end; answers the longest time that it took, and the most memory. */
function watch(server: TestServer) {
  const ended = new AbortController();
  let slowestMs = 0;
  let peakBytes = 0;
  const lives = (async () => {
    while (!ended.signal.aborted) {
      const beganMs = performance.now();
      const { status } = await server.client.get('/livez');
      if (status !== 200) throw new Error(`/livez answered ${status}`);
      slowestMs = Math.max(slowestMs, performance.now() - beganMs);
      await delay(pollMs);
    }
  })();
  const memory = (async () => {
    while (!ended.signal.aborted) {
      peakBytes = Math.max(peakBytes, await residentBytes(server.child.pid ?? 0));
      await delay(pollMs);
    }
  })();
  return async () => {
    ended.abort();
    await Promise.all([lives, memory]);
    return { slowestMs: Math.round(slowestMs), peakBytes };
  };
}

it.each(testStores)(
  'small hostile requests neither silence a server of 2 GB nor fill it ($name)',
  async (store) => {
    const group = await makeMemoryGroup(memoryBytes, program);
    if (group !== undefined) groups.push(group);
    else console.log('No control group may be made here: memory is measured, and not bounded');
    const server = await startServer({
      store,
      env: { SEMBLANCE_LOG_LEVEL: 'error' },
      ...(group === undefined ? {} : { launcher: group.launcher }),
    });
    for (let seed = 0; seed < images; seed++) {
      await server.client.upload(await makeJpeg(seed), `${seed}.jpg`, heavyMetadata[seed % heavyMetadata.length]);
    }
    const usual = page(
      'id filename metadata thumbnailUrl similarImages(k:20){rank similarity image{id filename metadata thumbnailUrl}}',
    );
    const ask = async (): Promise<void> => {
      dataOf(await server.client.graphql(usual));
    };
    const beforeBytes = await residentBytes(server.child.pid ?? 0);

    const answers = new Map<string, Set<unknown>>();
    const send = async (index: number): Promise<void> => {
      for (const [name, ask] of hostile.slice(index % hostile.length).slice(0, 1)) {
        const answer = await ask(server);
        answers.set(name, (answers.get(name) ?? new Set()).add(answer));
      }
    };
    const figures = [];
    for (const atOnce of [1, 4]) {
      const end = watch(server);
      let next = 0;
      const work = async (): Promise<void> => {
        while (next < requests) await send(next++);
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      const { slowestMs, peakBytes } = await end();
      const lag = /^nodejs_eventloop_lag_max_seconds (\S+)/m.exec(
        (await server.client.get('/metrics')).body.toString(),
      )?.[1];
      figures.push({
        atOnce,
        slowestMs,
        lagMs: Math.round(Number(lag) * 1000),
        grownMb: Math.round((peakBytes - beforeBytes) / 1e6),
      });
    }
    console.log(JSON.stringify({ store: store.name, beforeMb: Math.round(beforeBytes / 1e6), figures }));
    console.log([...answers].map(([name, found]) => `${name}: ${[...found].join(', ')}`).join('\n'));

    for (const { slowestMs, grownMb } of figures) {
      expect(slowestMs).toBeLessThan(maxSilenceMs);
      expect(grownMb * 1e6).toBeLessThan(maxGrowthBytes);
    }
    // Nothing breaks, and what one client asks for is answered as before.
    for (const [name, found] of answers) {
      for (const answer of found) expect(answer, name).toMatch(/^(unread|200 |400 |413 |415 |422 |429 |503 )/);
    }
    await ask();
    const metrics = (await server.client.get('/metrics')).body.toString();
    expect(metrics).not.toContain('attacker');
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  },
  3_600_000,
);
