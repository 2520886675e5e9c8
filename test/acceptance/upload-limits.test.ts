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
    server = await startServer();
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
  const operations: Part = { name: 'operations', body: JSON.stringify({ query, variables: { file: null } }) };
  const map: Part = { name: 'map', body: '{"0":["variables.file"]}' };
  const file: Part = { name: '0', body: 'x', filename: 'a.jpg' };
  const levels = 12_000;
  const deepMap: Part = { name: 'map', body: `{"0":["variables${'.a'.repeat(levels)}"]}` };

  // What is compiled and allocated once for any request is no growth of a hostile one. None of these is hostile: a parser that
  // grows under an attack, and keeps what it grew by, has not grown yet.
  beforeAll(async () => {
    const harmless = multipartBody([operations, map, { ...file, body: 'x'.repeat(156_000) }]);
    for (let round = 0; round < 30; round++) {
      const answer = await server.client.raw(harmless, preflight);
      expect(codeOf(answerOf(answer))).toBe('UNSUPPORTED_MEDIA_TYPE');
    }
  });

  it.each<[string, readonly Part[]]>([
    [
      'a path of 8,000 levels into as deep an operation, for which both fields have room',
      [
        {
          name: 'operations',
          body: `{"query":"{ a }","variables":{"a":${'['.repeat(8_000)}null${']'.repeat(8_000)}}}`,
        },
        { name: 'map', body: `{"0":["variables.a${'.0'.repeat(8_000)}"]}` },
        file,
      ],
    ],
    ['a path of 12,000 levels into a flat operation', [operations, deepMap, file]],
    [
      'a path of 12,000 levels into as deep an operation, of 156 KB',
      [
        {
          name: 'operations',
          body: `{"query":"{ a }","variables":${'{"a":'.repeat(levels)}null${'}'.repeat(levels)}}`,
        },
        deepMap,
        { ...file, body: 'x'.repeat(156_000 - levels * 8) },
      ],
    ],
    [
      'thousands of parts',
      [operations, map, ...Array.from({ length: 2_000 }, (_, index): Part => ({ name: `p${index}`, body: 'x' })), file],
    ],
  ])('%s grows it by less than 20 MB, the first time and again', async (_name, parts) => {
    const body = multipartBody(parts);
    const codes: unknown[] = [];
    const grown = await growthBytes(async () => {
      for (let attack = 0; attack < 3; attack++) codes.push(codeOf(answerOf(await server.client.raw(body, preflight))));
    });
    expect(grown).toBeLessThan(20_000_000);
    for (const code of codes) expect(['BAD_USER_INPUT', 'UNSUPPORTED_MEDIA_TYPE']).toContain(code);
    expect(await server.client.totalCount()).toBe(0);
  });
});
