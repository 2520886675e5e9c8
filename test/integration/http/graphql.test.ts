import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../../src/app.js';
import { maxFilesPerRequest } from '../../../src/base/limits.js';
import { openLog } from '../../../src/base/log.js';
import { answerOf, codeOf, dataOf, onlyError, type UploadPayload } from '../../support/client.js';
import { buildMemoryApp, openHttpDoor, type HttpDoor } from '../../support/http-app.js';
import { makeJpeg } from '../../support/make-image.js';

let app: App;
let door: HttpDoor;
let stored: UploadPayload[];

beforeAll(async () => {
  app = await buildMemoryApp();
  door = await openHttpDoor(app.operations);
  stored = [];
  for (let seed = 1; seed <= 5; seed++)
    stored.push(await door.client.upload(await makeJpeg(seed), `${seed}.jpg`, { seed }));
});

afterAll(async () => {
  await door.close();
  await app.close();
});

const idOf = (index: number): string => stored[index]?.image.id ?? '';

describe('searches', () => {
  test('tell in the extensions where they searched and how long', async () => {
    const { extensions } = await door.client.similarAnswer(idOf(0), { k: 2 });
    expect(extensions?.semblance).toEqual({
      space: 'semblance-compact',
      mode: expect.stringMatching(/^(hnsw|exact)$/) as string,
      embedMs: 0,
      databaseMs: expect.any(Number) as number,
      rerankMs: 0,
    });
  });

  test('an upload that is searched for was embedded', async () => {
    const answer = await door.client.searchAnswer(await makeJpeg(1), { k: 1 });
    expect(dataOf(answer).searchByUpload[0]?.image.id).toBe(idOf(0));
    expect(answer.extensions?.semblance?.embedMs).toBeGreaterThan(0);
  });

  test('nested ones run for every image, and their times are added up', async () => {
    interface Images {
      readonly images: {
        readonly edges: readonly {
          readonly node: {
            readonly id: string;
            readonly similarImages: readonly { readonly rank: number; readonly image: { readonly id: string } }[];
          };
        }[];
      };
    }
    const answer = await door.client.graphql<Images>(
      '{ images { edges { node { id similarImages(k: 3) { rank image { id } } } } } }',
    );
    const { edges } = dataOf(answer).images;
    expect(edges).toHaveLength(5);
    for (const { node } of edges) {
      expect(node.similarImages.map(({ rank }) => rank)).toEqual([1, 2, 3]);
      expect(node.similarImages.map(({ image }) => image.id)).not.toContain(node.id);
    }
    expect(answer.extensions?.semblance?.databaseMs).toBeGreaterThan(0);
  });

  test('no search, no extension', async () => {
    expect((await door.client.graphql('{ images { totalCount } }')).extensions).toBeUndefined();
  });

  test('are bounded within one operation', async () => {
    const aliases = Array.from(
      { length: 101 },
      (_, index) => `a${index}: similarImages(imageId: "${idOf(0)}", k: 1000) { rank }`,
    );
    const { errors } = await door.client.graphql(`{ ${aliases.join(' ')} }`);
    expect(errors?.map(({ extensions }) => extensions?.['code'])).toEqual(['BAD_USER_INPUT']);
  });

  test('a nested k out of its bounds is refused as any other', async () => {
    expect(await door.client.code(`{ image(id: "${idOf(0)}") { similarImages(k: 0) { rank } } }`)).toBe(
      'BAD_USER_INPUT',
    );
  });
});

describe('null for an argument with a default', () => {
  const search = 'query ($file: Upload!, $k: Int) { searchByUpload(file: $file, k: $k) { rank } }';

  test.each([
    ['query ($id: ID!, $k: Int) { similarImages(imageId: $id, k: $k) { rank } }', 'k'],
    ['query ($id: ID!, $k: Int) { image(id: $id) { similarImages(k: $k) { rank } } }', 'k'],
    ['query ($k: Int) { images(first: $k) { totalCount } }', 'first'],
  ])('%s', async (query, argument) => {
    const { message, extensions } = onlyError(await door.client.graphql(query, { id: idOf(0), k: null }));
    expect(extensions).toEqual({ code: 'BAD_USER_INPUT' });
    expect(message).toContain(`Argument "${argument}"`);
    expect(door.logged).toEqual([]);
  });

  test(search, async () => {
    const file = { bytes: await makeJpeg(1), filename: '1.jpg' };
    expect(codeOf(await door.client.multipart(search, { file: null, k: null }, { 'variables.file': file }))).toBe(
      'BAD_USER_INPUT',
    );
    expect(door.logged).toEqual([]);
  });
});

describe('uploadImages', () => {
  const query = `mutation ($files: [Upload!]!, $metadata: JSON) {
    uploadImages(files: $files, metadata: $metadata) { filename created image { id } error { code message } }
  }`;
  interface Results {
    readonly uploadImages: readonly {
      readonly filename: string;
      readonly created: boolean;
      readonly image: { readonly id: string } | null;
      readonly error: { readonly code: string; readonly message: string } | null;
    }[];
  }

  test('answers in the order of files, and one bad file does not spoil the others', async () => {
    const files = [
      { bytes: await makeJpeg(6), filename: '6.jpg' },
      { bytes: Buffer.from('no image'), filename: 'notes.jpg' },
      { bytes: await makeJpeg(1), filename: 'again.jpg' },
      { bytes: Buffer.alloc(0), filename: 'empty.jpg' },
      { bytes: await makeJpeg(7), filename: '7.jpg' },
      { bytes: await makeJpeg(8), filename: '8.jpg' },
    ];
    const named = Object.fromEntries(files.map((file, index) => [`variables.files.${index}`, file]));
    const { uploadImages } = dataOf(
      await door.client.multipart<Results>(query, { files: files.map(() => null) }, named),
    );
    expect(uploadImages.map(({ filename }) => filename)).toEqual(files.map(({ filename }) => filename));
    expect(uploadImages.map(({ created }) => created)).toEqual([true, false, false, false, true, true]);
    expect(uploadImages.map(({ error }) => error?.code)).toEqual([
      undefined,
      'UNSUPPORTED_MEDIA_TYPE',
      undefined,
      'BAD_USER_INPUT',
      undefined,
      undefined,
    ]);
    expect(uploadImages[2]?.image?.id).toBe(idOf(0));
    expect(uploadImages[1]?.image).toBeNull();
  });

  test('a file that the request lacks is an error of that file', async () => {
    const { client } = door;
    const body = [
      '--X\r\nContent-Disposition: form-data; name="operations"\r\n\r\n',
      JSON.stringify({ query, variables: { files: [null, null] } }),
      '\r\n--X\r\nContent-Disposition: form-data; name="map"\r\n\r\n{"0":["variables.files.0"],"1":["variables.files.1"]}',
      '\r\n--X\r\nContent-Disposition: form-data; name="1"; filename="b.jpg"\r\n\r\n',
    ].map((text) => Buffer.from(text));
    const whole = Buffer.concat([...body, await makeJpeg(2), Buffer.from('\r\n--X--\r\n')]);
    const raw = await client.raw(whole, {
      'content-type': 'multipart/form-data; boundary=X',
      'apollo-require-preflight': '1',
    });
    const { data } = JSON.parse(raw.body.toString()) as { data: Results };
    expect(data.uploadImages.map(({ error, image }) => error?.code ?? image?.id)).toEqual(['BAD_USER_INPUT', idOf(1)]);
  });

  test('one file in many places is one file', async () => {
    const places = Array.from({ length: maxFilesPerRequest + 1 }, () => '$f').join(', ');
    const { uploadImages } = dataOf(
      await door.client.multipart<Results>(
        `mutation ($f: Upload!) { uploadImages(files: [${places}]) { filename created image { id } error { code message } } }`,
        { f: null },
        { 'variables.f': { bytes: await makeJpeg(1), filename: '1.jpg' } },
      ),
    );
    expect(uploadImages.filter(({ image }) => image !== null)).toHaveLength(1);
    expect(uploadImages.filter(({ error }) => error?.code === 'BAD_USER_INPUT')).toHaveLength(maxFilesPerRequest);
  });

  test('takes no more files than allowed', async () => {
    const names = Array.from({ length: maxFilesPerRequest + 1 }, (_, index) => `variables.files.${index}`);
    const files = Object.fromEntries(names.map((name) => [name, { bytes: Buffer.from('x'), filename: 'x' }]));
    expect(codeOf(await door.client.multipart(query, { files: names.map(() => null) }, files))).toBe('BAD_USER_INPUT');
  });
});

describe('images', () => {
  test('come in pages, filtered and counted', async () => {
    interface Page {
      readonly images: {
        readonly totalCount: number;
        readonly edges: readonly {
          readonly cursor: string;
          readonly node: { readonly metadata: unknown; readonly createdAt: string };
        }[];
        readonly pageInfo: { readonly startCursor: string; readonly endCursor: string; readonly hasNextPage: boolean };
      };
    }
    const { images } = await door.client.data<Page>(
      'query ($filter: ImageFilter) { images(first: 2, filter: $filter) { totalCount edges { cursor node { metadata createdAt } } pageInfo { startCursor endCursor hasNextPage } } }',
      { filter: { metadata: { seed: 3 }, filenameContains: null } },
    );
    expect(images.totalCount).toBe(1);
    expect(images.edges.map(({ node }) => node.metadata)).toEqual([{ seed: 3 }]);
    expect(images.edges[0]?.node.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(images.pageInfo).toEqual({
      startCursor: images.edges[0]?.cursor,
      endCursor: images.edges[0]?.cursor,
      hasNextPage: false,
    });
  });

  test('metadata is replaced, and only by an object', async () => {
    const query =
      'mutation ($id: ID!, $metadata: JSON!) { updateImage(id: $id, metadata: $metadata) { image { metadata } } }';
    expect(await door.client.data(query, { id: idOf(4), metadata: { label: 'ünï' } })).toEqual({
      updateImage: { image: { metadata: { label: 'ünï' } } },
    });
    for (const metadata of ['text', 5, true, [1]]) {
      expect(await door.client.code(query, { id: idOf(4), metadata })).toBe('BAD_USER_INPUT');
    }
  });

  test.each(['{ a: RED }', '{ a: [RED] }', '{ a: { b: [1, RED] } }', '{ a: 1e999 }'])(
    'metadata written as %s is no JSON',
    async (literal) => {
      const query = `mutation { updateImage(id: "${idOf(3)}", metadata: ${literal}) { image { id } } }`;
      const { message, extensions } = onlyError(await door.client.graphql(query));
      expect(extensions).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED' });
      expect(message).toMatch(/(RED|1e999) is no JSON value/);
    },
  );

  test('a number that JavaScript would round is refused in metadata and its filter, and changes nothing', async () => {
    const { client } = door;
    const read = () => client.data(`{ image(id: "${idOf(3)}") { metadata } }`);
    await client.data(
      `mutation { updateImage(id: "${idOf(3)}", metadata: { id: 9007199254740991 }) { image { id } } }`,
    );
    const before = await read();
    // As text: JSON.stringify would have rounded it already.
    const variables = '{"metadata":{"id":9007199254740993}}';
    for (const query of [
      `mutation ($metadata: JSON!) { updateImage(id: "${idOf(3)}", metadata: $metadata) { image { id } } }`,
      'query ($metadata: JSON!) { images(filter: { metadata: $metadata }) { totalCount } }',
    ]) {
      const body = `{"query":${JSON.stringify(query)},"variables":${variables}}`;
      const answer = await client.ask('POST', '/graphql', { 'content-type': 'application/json' }, body);
      expect(codeOf(answerOf(answer))).toBe('BAD_USER_INPUT');
      const literal = query.replace(/\(\$metadata: JSON!\)/, '').replace('$metadata', '{ id: 9007199254740993 }');
      expect(await client.code(literal)).toBe('GRAPHQL_VALIDATION_FAILED');
    }
    expect(await read()).toEqual(before);
  });

  test('metadata may be written in the document, variables in it', async () => {
    const query = `mutation ($x: Float, $none: Float) {
      updateImage(id: "${idOf(3)}", metadata: { a: [1, "b", null, true, $x], none: $none, c: { d: -2.5e1 } }) {
        image { metadata }
      }
    }`;
    expect(await door.client.data(query, { x: 0.5 })).toEqual({
      updateImage: { image: { metadata: { a: [1, 'b', null, true, 0.5], c: { d: -25 } } } },
    });
  });

  test('a deleted one is gone', async () => {
    const { image } = await door.client.upload(await makeJpeg(20));
    const query = `mutation { deleteImage(id: "${image.id}") { deletedId } }`;
    expect(await door.client.data(query)).toEqual({ deleteImage: { deletedId: image.id } });
    expect(await door.client.code(query)).toBe('NOT_FOUND');
    expect(await door.client.data(`{ image(id: "${image.id}") { id } }`)).toEqual({ image: null });
  });
});

describe('errors', () => {
  describe('an unknown one reaches the client as a code and an id, and the log in full', () => {
    const secret = new Error('SELECT secret FROM /var/lib', { cause: new Error('the cause') });
    const lines: Record<string, unknown>[] = [];
    let broken: HttpDoor;

    beforeAll(async () => {
      const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
      const log = openLog({ format: 'json', level: 'info', secrets: [], destination });
      const fail = () => Promise.reject(secret);
      broken = await openHttpDoor({ ...app.operations, status: fail, readThumbnail: fail }, {}, undefined, { log });
    });

    afterAll(() => broken.close());

    const json = { 'content-type': 'application/json' };
    const status = '{"query":"{ status { version } }"}';

    test.each([
      ['GraphQL', () => broken.client.ask('POST', '/graphql', json, status)],
      ['an image', () => broken.client.ask('GET', `/images/${idOf(0)}/thumbnail`)],
    ])('of %s', async (_name, ask) => {
      lines.length = 0;
      const answer = await ask();
      const requestId = answer.headers['x-request-id'];
      expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
      const { message, extensions } = onlyError(answerOf(answer));
      expect([message, extensions]).toEqual(['Internal server error', { code: 'INTERNAL_SERVER_ERROR', requestId }]);
      expect(answer.body.toString()).not.toMatch(/secret|cause|\bat /);
      await expect.poll(() => lines).toHaveLength(2);
      expect(lines).toEqual([
        expect.objectContaining({
          level: 'error',
          message: `Request ${String(requestId)} failed`,
          error: expect.objectContaining({
            message: 'SELECT secret FROM /var/lib',
            stack: expect.stringContaining('graphql.test.ts') as unknown,
            cause: expect.objectContaining({ message: 'the cause' }) as unknown,
          }) as unknown,
        }),
        expect.objectContaining({ message: 'request', requestId }),
      ]);
    });
  });

  test.each([
    ['{', 'GRAPHQL_PARSE_FAILED'],
    ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    [`{ ${'images { totalCount } '.repeat(2000)} }`, 'GRAPHQL_PARSE_FAILED'],
    ['{ image(id: "x") { id } }', 'BAD_USER_INPUT'],
    ['{ images(first: 3000000000) { totalCount } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['query A { images { totalCount } } query B { images { totalCount } }', 'OPERATION_RESOLUTION_FAILURE'],
    ['{ images(filter: { createdAfter: "yesterday" }) { totalCount } }', 'GRAPHQL_VALIDATION_FAILED'],
  ])('%s is refused with its own code', async (query, code) => {
    expect(await door.client.code(query)).toBe(code);
  });

  test('a query by GET needs a header that a foreign page cannot send', async () => {
    const { body } = await door.client.get('/graphql?query=%7Bimages%7BtotalCount%7D%7D');
    expect(JSON.parse(body.toString())).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] });
  });
});
