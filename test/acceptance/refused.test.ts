import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  answerOf,
  codeOf,
  multipartBody,
  multipartType,
  onlyError,
  preflight,
  type Headers,
  type Part,
  type TestClient,
} from '../support/client.js';
import { fixtureBytes } from '../support/golden.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, startServer, testStores, waitFor, type TestServer } from '../support/server.js';

afterAll(cleanUp);

const maxUploadBytes = 300_000;
const upload = 'mutation ($file: Upload!) { uploadImage(file: $file) { created image { id } } }';

/** File, code, and what the message names. */
const refusedFiles: readonly (readonly [string, string, RegExp | undefined])[] = [
  ['empty.jpg', 'BAD_USER_INPUT', /empty/],
  ['text.jpg', 'UNSUPPORTED_MEDIA_TYPE', /text/],
  ['drawing.svg', 'UNSUPPORTED_MEDIA_TYPE', /SVG/],
  ['document.pdf', 'UNSUPPORTED_MEDIA_TYPE', /PDF/],
  ['bitmap.bmp', 'UNSUPPORTED_MEDIA_TYPE', undefined],
  ['photo.heic', 'INVALID_IMAGE', /HEIC/],
  ['truncated.jpg', 'INVALID_IMAGE', undefined],
  ['truncated.png', 'INVALID_IMAGE', undefined],
  ['truncated.webp', 'INVALID_IMAGE', undefined],
  ['truncated.gif', 'INVALID_IMAGE', undefined],
  ['truncated.tif', 'INVALID_IMAGE', undefined],
  ['truncated.avif', 'INVALID_IMAGE', undefined],
  ['corrupt.png', 'INVALID_IMAGE', undefined],
  ['header-only.jpg', 'INVALID_IMAGE', undefined],
  ['bomb-60-megapixels.png', 'IMAGE_TOO_LARGE', undefined],
];

describe.each(testStores)('what is refused ($name)', (store) => {
  let server: TestServer;
  let client: TestClient;
  let known: string;

  beforeAll(async () => {
    server = await startServer({ store, env: { SEMBLANCE_MAX_UPLOAD_BYTES: String(maxUploadBytes) } });
    client = server.client;
    known = (await client.upload(await makeJpeg(1))).image.id;
    await client.upload(await makeJpeg(2));
  });
  afterAll(() => server.stop());

  /** Whatever was refused: nothing is left of it, and the server goes on. */
  const expectUnharmed = async (): Promise<void> => {
    expect(server.running).toBe(true);
    expect(await client.totalCount()).toBe(2);
    expect(await client.similar(known)).toHaveLength(1);
    await waitFor('the temporary files to be gone', async () => (await server.temporaryFiles()).length === 0);
  };

  /** A GraphQL multipart request with parts as they stand. */
  const send = (parts: readonly Part[], headers: Headers = preflight) => client.raw(multipartBody(parts), headers);
  const operations = (variables: unknown = { file: null }, query = upload): Part => ({
    name: 'operations',
    body: JSON.stringify({ query, variables }),
  });
  const map = (value: unknown): Part => ({ name: 'map', body: JSON.stringify(value) });
  const file = async (name = '0'): Promise<Part> => ({ name, body: await makeJpeg(9), filename: 'a.jpg' });

  describe.each(refusedFiles)('%s', (name, code, message) => {
    it(`is refused as ${code} by an upload and by a search`, async () => {
      for (const answer of [
        await client.uploadAnswer(fixtureBytes(name), name),
        await client.searchAnswer(fixtureBytes(name), {}, name),
      ]) {
        const error = onlyError(answer);
        expect(error.extensions).toEqual({ code });
        if (message !== undefined) expect(error.message).toMatch(message);
        expect(error.message).not.toMatch(/\/tmp|vips|sharp|node_modules/i);
      }
      await expectUnharmed();
    });
  });

  it('a file of one byte over the limit is refused, one of the limit is not', async () => {
    // Bytes after the end of a JPEG belong to no picture and hurt none.
    const padded = (bytes: Buffer, length: number) => Buffer.concat([bytes, Buffer.alloc(length - bytes.length)]);
    const picture = await makeJpeg(3);
    expect(codeOf(await client.uploadAnswer(padded(picture, maxUploadBytes + 1)))).toBe('IMAGE_TOO_LARGE');
    expect(codeOf(await client.searchAnswer(padded(picture, maxUploadBytes + 1)))).toBe('IMAGE_TOO_LARGE');
    expect(codeOf(await client.uploadAnswer(padded(picture, 20 * maxUploadBytes)))).toBe('IMAGE_TOO_LARGE');
    await expectUnharmed();
    const { created, image } = await client.upload(padded(picture, maxUploadBytes));
    expect({ created, byteSize: image.byteSize }).toEqual({ created: true, byteSize: maxUploadBytes });
    await client.data(`mutation { deleteImage(id: "${image.id}") { deletedId } }`);
  });

  it('a body that has no length and no end is cut off at the limit', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Type: ${multipartType}\r\n` +
        'Apollo-Require-Preflight: 1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
    );
    const chunk = (bytes: Buffer) =>
      Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
    const head = multipartBody([
      operations(),
      map({ 0: ['variables.file'] }),
      { name: '0', body: '', filename: 'a.jpg' },
    ]);
    socket.write(chunk(head.subarray(0, head.lastIndexOf('\r\n--'))));
    const megabyte = chunk(Buffer.alloc(1_000_000, 0x61));
    let sent = 0;
    for (; sent < 500 && !socket.destroyed && !answer.includes('\r\n\r\n'); sent++) {
      if (!socket.write(megabyte))
        await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
    }
    socket.end();
    await closed;
    expect(sent).toBeLessThan(500);
    expect(answer).toContain('IMAGE_TOO_LARGE');
    await expectUnharmed();
  });

  it.each<readonly [string, unknown]>([
    ['a list', []],
    ['text', 'label'],
    ['a number', 7],
    ['more than 8 KiB', { text: 'x'.repeat(8 * 1024) }],
    ['more than 8 KiB of UTF-8', { text: '€'.repeat(3_000) }],
    ['U+0000', { text: 'a\u0000' }],
    ['a lone surrogate', { text: '\ud800' }],
  ])('metadata that is %s is refused', async (_, metadata) => {
    expect(codeOf(await client.uploadAnswer(await makeJpeg(4), 'a.jpg', metadata))).toBe('BAD_USER_INPUT');
    await expectUnharmed();
  });

  it('metadata nested thousands of levels deep is refused', async () => {
    const deep = `${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}`;
    const answer = await client.ask(
      'POST',
      '/graphql',
      { 'content-type': 'application/json' },
      `{"query":"mutation ($m: JSON!) { updateImage(id: \\"${known}\\", metadata: $m) { image { id } } }","variables":{"m":${deep}}}`,
    );
    expect(answerOf(answer).errors).toBeDefined();
    await expectUnharmed();
  });

  describe('a multipart request', () => {
    it('without the preflight header is refused', async () => {
      const parts = [operations(), map({ 0: ['variables.file'] }), await file()];
      for (const headers of [{}, { 'Apollo-Require-Preflight': '' }]) {
        const answer = await send(parts, headers);
        expect(answer.status).toBe(400);
        expect(codeOf(answerOf(answer))).toBe('BAD_USER_INPUT');
      }
      await expectUnharmed();
    });

    it('of 20,000 levels in its map, its operations or its path is refused before it is followed', async () => {
      const levels = 20_000;
      const deepJson = `${'['.repeat(levels)}${']'.repeat(levels)}`;
      const deepPath = `variables${'.a'.repeat(levels)}`;
      for (const parts of [
        [operations(), map({ 0: [deepPath] }), await file()],
        [operations(), map({ 0: [`variables.file${'.0'.repeat(3_000)}`] }), await file()],
        [operations(), { name: 'map', body: `{"0":${deepJson}}` }, await file()],
        [
          { name: 'operations', body: `{"query":"{ status { version } }","variables":${deepJson}}` },
          map({ 0: ['variables.file'] }),
          await file(),
        ],
        [
          { name: 'operations', body: `${'{"variables":'.repeat(1_200)}1${'}'.repeat(1_200)}` },
          map({ 0: ['variables.file'] }),
          await file(),
        ],
      ] satisfies Part[][]) {
        const answer = await send(parts);
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
        expect(codeOf(answerOf(answer))).toBe('BAD_USER_INPUT');
      }
      await expectUnharmed();
    });

    it('that maps one file to more than 20 paths, or two files to one, is refused', async () => {
      const query = 'mutation ($files: [Upload!]!) { uploadImages(files: $files) { created } }';
      const answer = await send([
        operations({ files: Array.from({ length: 21 }, () => null) }, query),
        map({ 0: Array.from({ length: 21 }, (_, index) => `variables.files.${index}`) }),
        await file(),
      ]);
      expect(codeOf(answerOf(answer))).toBe('BAD_USER_INPUT');
      const shared = await send([
        operations(),
        map({ 0: ['variables.file'], 1: ['variables.file'] }),
        await file('0'),
        await file('1'),
      ]);
      expect(codeOf(answerOf(shared))).toBe('BAD_USER_INPUT');
      await expectUnharmed();
    });

    it('whose file is used by two fields stores it at most once', async () => {
      const query =
        'mutation ($file: Upload!) { a: uploadImage(file: $file) { image { id } } b: uploadImage(file: $file) { image { id } } }';
      const answer = answerOf(
        await send([operations({ file: null }, query), map({ 0: ['variables.file'] }), await file()]),
      );
      if (answer.errors === undefined) {
        const ids = Object.values(answer.data ?? {}).map((each) => (each as { image: { id: string } }).image.id);
        expect(new Set(ids).size).toBe(1);
      }
      for (const { id } of (await client.allImages()).slice(0, -2)) {
        await client.data(`mutation { deleteImage(id: "${id}") { deletedId } }`);
      }
      await expectUnharmed();
    });

    it('with parts in the wrong order, missing, orphaned or malformed is refused', async () => {
      const mapped = map({ 0: ['variables.file'] });
      const cases: readonly (readonly Part[])[] = [
        [mapped, operations(), await file()],
        [await file(), operations(), mapped],
        [operations()],
        [operations(), map({})],
        [operations(), mapped],
        [operations(), map({ 0: ['variables.other'] }), await file()],
        [operations(), map({ 0: 'variables.file' }), await file()],
        [operations(), map({ 0: [7] }), await file()],
        [operations(), map([['variables.file']]), await file()],
        [operations(), map({ 0: ['__proto__.polluted'] }), await file()],
        [operations(), map({ 0: ['variables.__proto__.polluted'] }), await file()],
        [operations(), { name: 'map', body: '{' }, await file()],
        [{ name: 'operations', body: 'null' }, mapped, await file()],
        [{ name: 'operations', body: '[]' }, mapped, await file()],
        [{ name: 'operations', body: JSON.stringify({ query: upload }) }, mapped, await file()],
        [{ name: 'operations', body: '{"query":' }, mapped, await file()],
        [operations(), { name: 'map', body: ' '.repeat(17 * 1024) }, await file()],
        [],
      ];
      for (const parts of cases) {
        const answer = await send(parts);
        expect(answerOf(answer).errors?.length, JSON.stringify(parts).slice(0, 200)).toBeGreaterThan(0);
        expect(answerOf(answer).errors?.[0]?.extensions?.['code'], JSON.stringify(parts).slice(0, 200)).toBe(
          'BAD_USER_INPUT',
        );
      }
      await expectUnharmed();
    });

    it('with an orphan part beside the mapped one leaves nothing of the orphan', async () => {
      const query = 'query ($file: Upload!) { searchByUpload(file: $file, k: 1) { rank } }';
      const orphan: Part = { name: 'orphan', body: Buffer.alloc(100_000, 1), filename: 'o.bin' };
      await send([operations({ file: null }, query), map({ 0: ['variables.file'] }), await file(), orphan]);
      await expectUnharmed();
    });

    it('with more files than are allowed is refused', async () => {
      const names = Array.from({ length: 21 }, (_, index) => String(index));
      const query = 'mutation ($files: [Upload!]!) { uploadImages(files: $files) { created } }';
      const answer = await send([
        operations({ files: names.map(() => null) }, query),
        map(Object.fromEntries(names.map((name) => [name, [`variables.files.${name}`]]))),
        ...(await Promise.all(names.map(file))),
      ]);
      expect(codeOf(answerOf(answer))).toBe('BAD_USER_INPUT');
      await expectUnharmed();
    });

    it('with text where the file belongs is refused', async () => {
      expect(codeOf(await client.graphql(upload, { file: 'a.jpg' }))).toBe('BAD_USER_INPUT');
      expect(codeOf(await client.graphql(upload, { file: null }))).toBe('BAD_USER_INPUT');
      const answer = await send([operations(), map({ 0: ['variables.file'] }), { name: '0', body: 'just text' }]);
      expect(codeOf(answerOf(answer))).toBe('BAD_USER_INPUT');
      await expectUnharmed();
    });

    it('with unreadable headers or boundaries is refused', async () => {
      const body = multipartBody([operations(), map({ 0: ['variables.file'] }), await file()]);
      const answers = [
        await client.raw(body, { ...preflight, 'content-type': 'multipart/form-data' }),
        await client.raw(body, { ...preflight, 'content-type': 'multipart/form-data; boundary=other' }),
        await client.raw(body.subarray(0, body.length - 60), preflight),
        await client.raw(Buffer.alloc(0), preflight),
      ];
      for (const answer of answers) {
        expect(answer.status).toBeLessThan(500);
        expect(answerOf(answer).errors?.[0]?.extensions?.['code']).toBe('BAD_USER_INPUT');
      }
      await expectUnharmed();
    });

    it('with thousands of part headers, or a very long one, is survived', async () => {
      const long: Part = {
        name: '0',
        body: 'x',
        disposition: `form-data; name="0"; filename="${'a'.repeat(200_000)}"`,
      };
      const answer = await send([operations(), map({ 0: ['variables.file'] }), long]);
      expect(answer.status).toBeLessThan(500);
      const many = Array.from({ length: 3_000 }, (_, index): Part => ({ name: `field${index}`, body: 'x' }));
      expect((await send([operations(), map({ 0: ['variables.file'] }), ...many, await file()])).status).toBeLessThan(
        500,
      );
      for (const { id } of (await client.allImages()).slice(0, -2)) {
        await client.data(`mutation { deleteImage(id: "${id}") { deletedId } }`);
      }
      await expectUnharmed();
    });
  });

  describe('a JSON request', () => {
    const ask = (body: string, type = 'application/json') =>
      client.ask('POST', '/graphql', { 'content-type': type }, body);

    it('that is too long, malformed, of no known type or nested too deep is refused', async () => {
      const answers = [
        await ask(JSON.stringify({ query: `{ status { version } } #${'x'.repeat(300_000)}` })),
        await ask('{"query":'),
        await ask('[]'),
        await ask('null'),
        await ask('{ status { version } }', 'text/plain'),
        await ask('query=%7Bstatus%7Bversion%7D%7D', 'application/x-www-form-urlencoded'),
        await ask(`{"query":"{status{version}}","variables":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`),
        await ask(JSON.stringify({ query: `{ ${'a '.repeat(60_000)} }` })),
        await ask(JSON.stringify({ query: '{ a '.repeat(10_000) })),
      ];
      for (const answer of answers) {
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
      }
      await expectUnharmed();
    });

    it('a batch of requests in one is refused', async () => {
      const answer = await ask(
        JSON.stringify([{ query: '{ status { version } }' }, { query: '{ status { version } }' }]),
      );
      expect(answer.status).toBeGreaterThanOrEqual(400);
      await expectUnharmed();
    });
  });

  it('an upload that breaks off midway leaves no row and no temporary file', async () => {
    const body = multipartBody([
      operations(),
      map({ 0: ['variables.file'] }),
      { name: '0', body: await makeJpeg(5, { width: 1200, height: 900 }), filename: 'a.jpg' },
    ]);
    for (const share of [0.001, 0.01, 0.2, 0.5, 0.9, 0.999]) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      const headers = `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${multipartType}\r\nApollo-Require-Preflight: 1\r\nContent-Length: ${body.length}\r\n\r\n`;
      socket.write(headers);
      await new Promise((resolve) => socket.write(body.subarray(0, Math.floor(body.length * share)), resolve));
      socket.resetAndDestroy();
      // The server has noticed by the time that it answers the next request.
      await expectUnharmed();
    }
  });
});
