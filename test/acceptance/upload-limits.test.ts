import { readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerOf, codeOf, multipartBody, preflight, type Part } from '../support/client.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

afterAll(cleanUp);

/** Attacks that were seen to work on the parser alone: how much memory the whole program takes for them. */
describe.runIf(existsSync('/proc/self/clear_refs'))('memory under a hostile multipart request', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ env: { DATABASE_URL: 'memory:' } });
  });
  afterAll(() => server.stop());

  const residentBytes = async (name: 'VmHWM' | 'VmRSS'): Promise<number> => {
    const status = await readFile(`/proc/${server.child.pid}/status`, 'utf8');
    return 1024 * Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]);
  };

  /** How far the resident memory rises above its level before. */
  const growthBytes = async (work: () => Promise<unknown>): Promise<number> => {
    // The highest level is forgotten: from now on it is that of now.
    await writeFile(`/proc/${server.child.pid}/clear_refs`, '5');
    const before = await residentBytes('VmRSS');
    await work();
    return (await residentBytes('VmHWM')) - before;
  };

  const query = 'mutation ($file: Upload!) { uploadImage(file: $file) { created } }';
  const file: Part = { name: '0', body: 'x', filename: 'a.jpg' };
  const levels = 12_000;
  const deep: readonly Part[] = [
    { name: 'operations', body: JSON.stringify({ query, variables: { file: null } }) },
    { name: 'map', body: `{"0":["variables${'.a'.repeat(levels)}"]}` },
    file,
  ];
  const deepBoth: readonly Part[] = [
    { name: 'operations', body: `{"query":"{ a }","variables":${'{"a":'.repeat(levels)}null${'}'.repeat(levels)}}` },
    { name: 'map', body: `{"0":["variables${'.a'.repeat(levels)}"]}` },
    { name: '0', body: 'x'.repeat(156_000 - levels * 8), filename: 'a.jpg' },
  ];

  it.each([
    ['a path of 12,000 levels into a flat operation', deep],
    ['a path of 12,000 levels into as deep an operation, of 156 KB', deepBoth],
    [
      'thousands of parts',
      [
        { name: 'operations', body: JSON.stringify({ query, variables: { file: null } }) },
        { name: 'map', body: '{"0":["variables.file"]}' },
        ...Array.from({ length: 2_000 }, (_, index): Part => ({ name: `p${index}`, body: 'x' })),
        file,
      ],
    ],
  ])('%s grows it by less than 20 MB', async (_name, parts) => {
    const body = multipartBody(parts);
    // What is compiled and allocated once is no growth.
    for (let round = 0; round < 3; round++) await server.client.raw(body, preflight);
    let answer: Awaited<ReturnType<typeof server.client.raw>> | undefined;
    const grown = await growthBytes(async () => {
      answer = await server.client.raw(body, preflight);
    });
    expect(grown).toBeLessThan(20_000_000);
    if (answer === undefined) throw new Error('No answer');
    expect(['BAD_USER_INPUT', 'UNSUPPORTED_MEDIA_TYPE']).toContain(codeOf(answerOf(answer)));
    expect(await server.client.totalCount()).toBe(0);
  });
});
