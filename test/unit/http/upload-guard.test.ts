import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type RequestHandler } from 'express';
import type { FileUpload, Upload } from 'graphql-upload-ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { errorResponder } from '../../../src/http/error-responder.js';
import { uploadGuard } from '../../../src/http/upload-guard.js';
import { maxDrainedBytes, maxFilesPerRequest } from '../../../src/base/limits.js';
import type { Caller } from '../../../src/access/caller.js';
import { ByteBudget } from '../../../src/base/concurrency/byte-budget.js';
import { multipartBody, preflight } from '../../support/multipart.js';
import { serveHttp, type ServedHttp } from '../../support/serve-http.js';

// Its own folder: other test files upload at the same time.
const temporaryFolder = await mkdtemp(join(tmpdir(), 'semblance-uploads-'));
process.env['TMPDIR'] = temporaryFolder;

const maxUploadBytes = 200_000;
const query = 'mutation($file: Upload!) { uploadImage(file: $file) { created } }';
/** What is decided before the guard. */
const identify: RequestHandler = (req, res, next) => {
  res.locals['caller'] = { kind: 'key', id: req.get('X-Caller') ?? '', scope: 'write' } satisfies Caller;
  next();
};
const room = (maxBytes: number) => new ByteBudget({ maxBytes, maxBytesOfOne: maxBytes / 2, what: 'uploads' });
const unexpected: unknown[] = [];
let served: ServedHttp;
/** What stands behind the guard. */
let handle: (file: Promise<FileUpload> | undefined) => Promise<unknown>;

beforeAll(async () => {
  const app = express();
  app.post('/graphql', identify, ...uploadGuard({ maxUploadBytes, temporary: room(1e9) }), async (req, res) => {
    const { variables } = req.body as { variables: Record<string, Upload | null> };
    res.json(await handle(variables['file']?.promise));
  });
  app.use(errorResponder((_message, error) => unexpected.push(error)));
  served = await serveHttp(app);
});

afterAll(async () => {
  await served.close();
  await rm(temporaryFolder, { recursive: true });
});

beforeEach(() => {
  unexpected.length = 0;
  handle = async (file) => {
    if (file === undefined) throw new Error('no file');
    return { sizeBytes: (await readAll(file)).byteLength, filename: (await file).filename };
  };
});

async function readAll(file: Promise<FileUpload>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await file).createReadStream()) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function post(body: FormData | string, headers: Record<string, string> = preflight) {
  const response = await fetch(`${served.url}/graphql`, { method: 'POST', headers, body });
  const answer = (await response.json()) as { errors?: { message: string; extensions: { code: string } }[] };
  return { status: response.status, answer, error: answer.errors?.[0] };
}

/** A multipart body of text parts, written by hand. */
async function postParts(parts: readonly (readonly [disposition: string, content: string])[]) {
  const text = parts
    .map(([name, content]) => `--X\r\nContent-Disposition: form-data; ${name}\r\n\r\n${content}\r\n`)
    .join('');
  return post(`${text}--X--\r\n`, { ...preflight, 'Content-Type': 'multipart/form-data; boundary=X' });
}

const operations = ['name="operations"', JSON.stringify({ query, variables: { file: null } })] as const;
const map = ['name="map"', '{"0":["variables.file"]}'] as const;
const file = ['name="0"; filename="a.jpg"', 'bytes'] as const;

async function temporaryFiles(): Promise<readonly string[]> {
  return readdir(temporaryFolder);
}

describe('what passes', () => {
  test.each([
    ['fits into one chunk', 10],
    ['comes in many chunks', maxUploadBytes],
  ])('a file that %s arrives whole', async (_name, sizeBytes) => {
    const bytes = new Uint8Array(sizeBytes).fill(7);
    const { status, answer } = await post(
      multipartBody(query, { file: null }, [{ path: 'variables.file', bytes, filename: 'é🐈.jpg' }]),
    );
    expect(status).toBe(200);
    expect(answer).toEqual({ sizeBytes, filename: 'é🐈.jpg' });
  });

  test('the head may arrive byte by byte', async () => {
    const body = Buffer.from(
      [operations, map, file]
        .map(([name, text]) => `--X\r\nContent-Disposition: form-data; ${name}\r\n\r\n${text}\r\n`)
        .join('') + '--X--\r\n',
    );
    const answer = await new Promise<string>((resolve, reject) => {
      const headers = { ...preflight, 'Content-Type': 'multipart/form-data; boundary=X' };
      const sending = request(`${served.url}/graphql`, { method: 'POST', headers }, (response) => {
        response.setEncoding('utf8').on('data', resolve);
      });
      sending.on('error', reject);
      for (const byte of body) sending.write(Buffer.of(byte));
      sending.end();
    });
    expect(JSON.parse(answer)).toEqual({ sizeBytes: 5, filename: 'a.jpg' });
  });
});

describe('what is refused as BAD_USER_INPUT', () => {
  test.each([{}, { 'Apollo-Require-Preflight': '' }])('no preflight header: %o', async (headers) => {
    const body = multipartBody(query, { file: null }, [
      { path: 'variables.file', bytes: new Uint8Array(5), filename: 'a' },
    ]);
    const { status, error } = await post(body, headers);
    expect([status, error?.extensions.code]).toEqual([400, 'BAD_USER_INPUT']);
    expect(error?.message).toContain('Apollo-Require-Preflight');
  });

  const deep = 20_000;
  const nested = `{"query":"{ a }","variables":${'{"a":'.repeat(deep)}null${'}'.repeat(deep)}}`;
  const arrays = `{"query":"{ a }","variables":{"a":${'['.repeat(5_000)}null${']'.repeat(5_000)}}}`;

  test.each([
    [
      'a path of 20,000 levels',
      [['name="operations"', nested], ['name="map"', `{"0":["variables${'.a'.repeat(deep)}"]}`], file],
    ],
    [
      'a deep path that fits into the field',
      [['name="operations"', arrays], ['name="map"', `{"0":["variables.a${'.0'.repeat(5_000)}"]}`], file],
    ],
    [
      'a deep path into a flat operation',
      [operations, ['name="map"', `{"0":["variables${'.a'.repeat(5_000)}"]}`], file],
    ],
    ['a path into the prototype', [operations, ['name="map"', '{"0":["variables.__proto__.file"]}'], file]],
    ['a path out of the variables', [operations, ['name="map"', '{"0":["query"]}'], file]],
    ['a file without a path', [operations, ['name="map"', '{"0":[]}'], file]],
    ['a file that has a path twice', [operations, ['name="map"', '{"0":["variables.file","variables.file"]}'], file]],
    [
      'more paths than a request may have files',
      [
        [
          'name="operations"',
          JSON.stringify({ query, variables: { files: Array.from({ length: maxFilesPerRequest + 1 }, () => null) } }),
        ],
        [
          'name="map"',
          JSON.stringify({
            0: Array.from({ length: maxFilesPerRequest }, (_, index) => `variables.files.${index}`),
            1: [`variables.files.${maxFilesPerRequest}`],
          }),
        ],
        file,
      ],
    ],
    [
      'two files for one variable',
      [operations, ['name="map"', '{"0":["variables.file"],"1":["variables.file"]}'], file],
    ],
    ['a path to nothing', [operations, ['name="map"', '{"0":["variables.other"]}'], file]],
    ['a batch', [['name="operations"', `[${operations[1]}]`], ['name="map"', '{"0":["0.variables.file"]}'], file]],
    ['broken JSON', [['name="operations"', '{'], map, file]],
    ['a map that is no object', [operations, ['name="map"', '[]'], file]],
    ['a map of something else than paths', [operations, ['name="map"', '{"0":[1]}'], file]],
    ['a long field', [['name="operations"', ' '.repeat(17_000)], map, file]],
    ['fields in the other order', [map, operations, file]],
    ['a file before the map', [operations, file, map]],
    ['an unknown field', [['name="x"', ''], operations, map, file]],
    ['no parts', []],
    [
      'many files',
      [
        operations,
        [
          'name="map"',
          JSON.stringify(
            Object.fromEntries(Array.from({ length: maxFilesPerRequest + 1 }, (_, i) => [i, [`variables.files.${i}`]])),
          ),
        ],
        file,
      ],
    ],
  ] as const)('%s', async (_name, parts) => {
    const { status, error } = await postParts(parts);
    expect([status, error?.extensions.code]).toEqual([400, 'BAD_USER_INPUT']);
    expect(unexpected).toEqual([]);
  });

  test('too many paths of the map, and JSON that is too deep, each by a plain sentence', async () => {
    const paths = Array.from({ length: maxFilesPerRequest + 1 }, (_, index) => `variables.files.${index}`);
    const { error: many } = await postParts([operations, ['name="map"', JSON.stringify({ 0: paths })], file]);
    expect(many?.message).toBe('The map of the request has more than 20 paths');
    const { error: deep } = await postParts([operations, ['name="map"', `${'['.repeat(101)}${']'.repeat(101)}`], file]);
    expect(deep?.message).toBe('The request has more than 100 levels of JSON');
  });

  test('a body without a boundary', async () => {
    const { error } = await post('x', { ...preflight, 'Content-Type': 'multipart/form-data' });
    expect(error?.extensions.code).toBe('BAD_USER_INPUT');
  });

  test('an endless preamble', async () => {
    const { error } = await post('x'.repeat(500_000), {
      ...preflight,
      'Content-Type': 'multipart/form-data; boundary=X',
    });
    expect(error?.extensions.code).toBe('BAD_USER_INPUT');
  });

  test('a hundred deep paths take no memory to speak of', async () => {
    const before = process.memoryUsage().heapUsed;
    let peak = before;
    for (let attempt = 0; attempt < 100; attempt++) {
      await postParts([
        ['name="operations"', arrays],
        ['name="map"', `{"0":["variables.a${'.0'.repeat(5_000)}"]}`],
        file,
      ]);
      peak = Math.max(peak, process.memoryUsage().heapUsed);
    }
    expect(peak - before).toBeLessThan(100_000_000);
  });
});

describe('bytes', () => {
  test('a body that says it is too long is refused unread', async () => {
    handle = vi.fn();
    const bytes = new Uint8Array(maxUploadBytes * 2);
    const { status, error } = await post(
      multipartBody(query, { file: null }, [{ path: 'variables.file', bytes, filename: 'a' }]),
    );
    expect([status, error?.extensions.code]).toEqual([413, 'IMAGE_TOO_LARGE']);
    expect(handle).not.toHaveBeenCalled();
  });
});

describe('the room for temporary files of all requests', () => {
  test('is bounded: who does not fit is refused before its files are read, and fits once another has ended', async () => {
    const app = express();
    app.post('/graphql', identify, ...uploadGuard({ maxUploadBytes, temporary: room(300_000) }), async (_req, res) => {
      res.json(await handle(undefined));
    });
    app.use(errorResponder((_message, error) => unexpected.push(error)));
    const bounded = await serveHttp(app);
    let answered = 0;
    let letGo!: () => void;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    handle = async () => {
      answered++;
      await held;
      return {};
    };
    const send = () =>
      fetch(`${bounded.url}/graphql`, {
        method: 'POST',
        headers: preflight,
        body: multipartBody(query, { file: null }, [
          { path: 'variables.file', bytes: new Uint8Array(maxUploadBytes), filename: 'a' },
        ]),
      });
    const first = send();
    await expect.poll(() => answered).toBe(1);
    const refused = await send();
    expect([refused.status, refused.headers.get('retry-after'), answered]).toEqual([503, '1', 1]);
    expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'OVERLOADED' } }] });
    letGo();
    expect((await first).status).toBe(200);
    expect((await send()).status).toBe(200);
    await bounded.close();
  });

  test('is one caller’s by half, and others’ by the other', async () => {
    const app = express();
    let answered = 0;
    let letGo!: () => void;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    app.post('/graphql', identify, ...uploadGuard({ maxUploadBytes, temporary: room(900_000) }), async (_req, res) => {
      answered++;
      await held;
      res.json({});
    });
    app.use(errorResponder((_message, error) => unexpected.push(error)));
    const bounded = await serveHttp(app);
    const files = [{ path: 'variables.file', bytes: new Uint8Array(maxUploadBytes), filename: 'a' }];
    const send = (caller: string) =>
      fetch(`${bounded.url}/graphql`, {
        method: 'POST',
        headers: { ...preflight, 'X-Caller': caller },
        body: multipartBody(query, { file: null }, files),
      });
    const accepted = [send('greedy'), send('greedy')];
    await expect.poll(() => answered).toBe(2);
    const refused = await send('greedy');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    accepted.push(send('modest'));
    await expect.poll(() => answered).toBe(3);
    letGo();
    expect((await Promise.all(accepted)).map(({ status }) => status)).toEqual([200, 200, 200]);
    await bounded.close();
  });

  test('an endless body of parts that nobody asked for is cut off', async () => {
    const sending = request(`${served.url}/graphql`, {
      method: 'POST',
      headers: { ...preflight, 'Content-Type': 'multipart/form-data; boundary=X' },
    });
    const state = { isCutOff: false };
    const cutOff = new Promise<void>((resolve) => {
      sending.on('error', () => {
        state.isCutOff = true;
        resolve();
      });
    });
    const part = ([name, text]: readonly [string, string]) =>
      `--X\r\nContent-Disposition: form-data; ${name}\r\n\r\n${text}\r\n`;
    sending.write(part(operations) + part(map));
    const orphans = part(['name="orphan"', 'x'.repeat(1_000)]).repeat(100);
    for (let sentBytes = 0; !state.isCutOff && sentBytes < 10 * maxDrainedBytes; sentBytes += orphans.length) {
      if (!sending.write(orphans)) await Promise.race([cutOff, once(sending, 'drain').catch(() => undefined)]);
    }
    sending.destroy();
    expect(state.isCutOff).toBe(true);
  });
});

describe('temporary files', () => {
  test('none is left after an answer that waited for no file', async () => {
    handle = () => Promise.resolve({ early: true });
    const paths = [0, 1, 2, 3, 4].map((index) => `variables.files.${index}`);
    const files = paths.map((path) => ({ path, bytes: new Uint8Array(maxUploadBytes), filename: 'a' }));
    const { answer } = await post(multipartBody(query, { files: paths.map(() => null) }, files));
    expect(answer).toEqual({ early: true });
    // The same connection is drained before it takes the next request.
    await post(multipartBody(query, { file: null }, []));
    await expect.poll(temporaryFiles).toEqual([]);
  });

  test('none is left after a client that went away, and whoever reads hears of it', async () => {
    let isHandled = false;
    const outcome = new Promise<unknown>((resolve) => {
      handle = async (sent) => {
        isHandled = true;
        if (sent !== undefined) await readAll(sent).then(resolve, resolve);
        return {};
      };
    });
    const headers = { ...preflight, 'Content-Type': 'multipart/form-data; boundary=X', 'Content-Length': '100000' };
    const sending = request(`${served.url}/graphql`, { method: 'POST', headers });
    sending.on('error', () => undefined);
    const part = ([name, text]: readonly [string, string]) =>
      `--X\r\nContent-Disposition: form-data; ${name}\r\n\r\n${text}`;
    sending.write(`${part(operations)}\r\n${part(map)}\r\n${part(['name="0"; filename="a.jpg"', 'x'.repeat(50_000)])}`);
    // Before that the file may be one that the test before was still about to open.
    await expect.poll(() => isHandled).toBe(true);
    await expect.poll(temporaryFiles).not.toEqual([]);
    sending.destroy();
    expect(await outcome).toBeInstanceOf(Error);
    await expect.poll(temporaryFiles).toEqual([]);
  });
});
