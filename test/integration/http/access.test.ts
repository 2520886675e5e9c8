import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../../src/app.js';
import type { Config, Scope } from '../../../src/base/config.js';
import { imagePaths } from '../../../src/access/image-paths.js';
import { signedLinkSeconds, signedLinkStepSeconds } from '../../../src/base/limits.js';
import { LinkSigner } from '../../../src/access/links.js';
import {
  answerOf,
  codeOf,
  dataOf,
  multipartBody,
  multipartType,
  onlyError,
  preflight,
  type Headers,
  type ImageNode,
  type RawAnswer,
} from '../../support/client.js';
import { runCommand } from '../../support/command.js';
import { buildMemoryApp, openHttpDoor, recordCalls, type HttpDoor } from '../../support/http-app.js';
import { makeJpeg } from '../../support/make-image.js';
import { openPrefixProxy } from '../../support/prefix-proxy.js';
import { sendHead, sendRaw } from '../../support/serve-http.js';
import { cleanUp } from '../../support/server.js';

const json = { 'content-type': 'application/json' };
const code = (answer: RawAnswer): unknown => codeOf(answerOf(answer));
const bearer = (credential: string): Headers => ({ authorization: `Bearer ${credential}` });

let app: App;
let image: ImageNode;
let keys: Record<Scope, string>;

beforeAll(async () => {
  app = await buildMemoryApp();
  const open = await openHttpDoor(app.operations);
  ({ image } = await open.client.upload(await makeJpeg(1), 'one.jpg'));
  await open.close();
  const keyOf = async (scope: Scope) => (await app.operations.createApiKey({ name: scope, scope })).key;
  keys = { read: await keyOf('read'), write: await keyOf('write'), admin: await keyOf('admin') };
});

afterAll(() => app.close());

/** A server that asks for credentials; `calls` are what of the operations was called. */
async function openGuarded(overrides: Partial<Config> = {}, now?: () => number) {
  const calls: string[] = [];
  const operations = recordCalls(app.operations, calls);
  const door = await openHttpDoor(operations, { anonymousAccess: 'none', ...overrides }, now);
  const post = (query: string, headers: Headers = {}, variables: unknown = {}) =>
    door.client.ask('POST', '/graphql', { ...json, ...headers }, JSON.stringify({ query, variables }));
  return { door, calls, post };
}

describe('a server that asks for credentials', () => {
  let guarded: Awaited<ReturnType<typeof openGuarded>>;
  let door: HttpDoor;

  beforeAll(async () => {
    guarded = await openGuarded();
    ({ door } = guarded);
  });

  afterAll(() => door.close());

  test('says so with 401 and what it wants', async () => {
    const answer = await guarded.post('{ status { imageCount } }');
    expect([answer.status, code(answer)]).toEqual([401, 'UNAUTHENTICATED']);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="semblance", scope="read"');
    const wrong = await guarded.post('{ status { imageCount } }', bearer('smb_nonsense'));
    expect([wrong.status, code(wrong)]).toEqual([401, 'UNAUTHENTICATED']);
    expect(wrong.headers['www-authenticate']).toBe('Bearer realm="semblance", error="invalid_token"');
    expect(guarded.calls).toEqual([]);
  });

  test('answers strangers before any body has come, multipart too', async () => {
    const port = Number(new URL(door.client.url).port);
    for (const [type, expectation] of [
      ['application/json', ''],
      [multipartType, ''],
      [multipartType, 'Expect: 100-continue\r\n'],
    ] as const) {
      const answer = await sendHead(
        port,
        `POST /graphql HTTP/1.1\r\nHost: localhost\r\nApollo-Require-Preflight: 1\r\nContent-Type: ${type}\r\nContent-Length: 1000\r\n${expectation}\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 401 [^]*UNAUTHENTICATED/);
    }
    // Whoever says that it waits until it is asked, and does not, gets its answer too; more than the buffers of a connection hold.
    const impatient = await sendRaw(
      port,
      `POST /graphql HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 10000000\r\n\r\n${'x'.repeat(10_000_000)}`,
    );
    expect(impatient).toMatch(/^HTTP\/1\.1 401 /);
    const malformed = multipartBody([{ name: 'nonsense', body: 'x' }]);
    expect((await door.client.raw(malformed)).status).toBe(401);
    expect((await door.client.raw(malformed, { ...preflight, ...bearer(keys.read) })).status).toBe(400);
  });

  test.each(['/graphql?query=%7Bstatus%7BimageCount%7D%7D', '/graphql?x'])(
    'does not answer them by GET either: %s',
    async (path) => {
      const answer = await door.client.ask('GET', path, { accept: 'text/html', ...preflight });
      expect([answer.status, code(answer)]).toEqual([401, 'UNAUTHENTICATED']);
    },
  );

  test('serves probes and the page, which hold nothing of the gallery', async () => {
    expect((await door.client.get('/livez')).status).toBe(200);
    expect(JSON.parse((await door.client.get('/readyz')).body.toString())).toEqual({ ready: true });
    expect((await door.client.get('/graphql', { headers: { accept: 'text/html' } })).status).toBe(200);
  });

  const mutation = () => `mutation { updateImage(id: "${image.id}", metadata: {}) { image { id } } }`;

  test('lets each scope do what it includes, and tells which one is lacking', async () => {
    expect((await guarded.post('{ status { imageCount } }', bearer(keys.read))).status).toBe(200);
    expect((await guarded.post(mutation(), bearer(keys.write))).status).toBe(200);
    expect((await guarded.post(mutation(), bearer(keys.admin))).status).toBe(200);
    guarded.calls.length = 0;
    const refused = await guarded.post(mutation(), bearer(keys.read));
    expect([refused.status, code(refused)]).toEqual([403, 'FORBIDDEN']);
    expect(refused.headers['www-authenticate']).toContain('error="insufficient_scope", scope="write"');
    expect(guarded.calls).toEqual([]);
  });

  test('finds a field that is not allowed behind fragments, aliases and other fields, and executes none', async () => {
    guarded.calls.length = 0;
    for (const query of [
      `mutation { a: updateImage(id: "${image.id}", metadata: {}) { image { id } } }`,
      `mutation { ...f } fragment f on Mutation { ...g } fragment g on Mutation { deleteImage(id: "${image.id}") { deletedId } }`,
      `mutation { ... on Mutation { __typename ... { deleteImage(id: "${image.id}") { deletedId } } } }`,
      `mutation ($no: Boolean = false) { deleteImage(id: "${image.id}") @include(if: $no) { deletedId } }`,
    ]) {
      expect((await guarded.post(query, bearer(keys.read))).status, query).toBe(403);
    }
    expect(guarded.calls).toEqual([]);
  });

  test('refuses a revoked key', async () => {
    let nowMs = Date.now();
    const { key, record } = await app.operations.createApiKey({ name: 'gone', scope: 'read' });
    expect((await guarded.post('{ __typename }', bearer(key))).status).toBe(200);
    await app.operations.revokeApiKey(record.id);
    // Another server, which has not seen it before.
    nowMs += 1;
    const { ApiKeyVerifier } = await import('../../../src/access/api-keys.js');
    const other = await openHttpDoor(
      { ...app.operations, apiKeys: new ApiKeyVerifier(app.store, () => nowMs) },
      { anonymousAccess: 'none' },
    );
    const answer = await other.client.ask(
      'POST',
      '/graphql',
      { ...json, ...bearer(key) },
      '{"query":"{ __typename }"}',
    );
    expect(answer.status).toBe(401);
    await other.close();
  });

  test('repeats no credential in an answer or in the log', async () => {
    const secret = 'smb_0123456789abcdef_s3cr3ts3cr3t';
    const answer = await guarded.post('{ nonsense }', bearer(secret));
    expect(answer.body.toString() + JSON.stringify(answer.headers)).not.toContain('s3cr3t');
    expect(JSON.stringify(door.logged)).not.toContain('s3cr3t');
  });
});

describe('images of such a server', () => {
  const ask = async (door: HttpDoor, key: string): Promise<ImageNode> =>
    dataOf(
      await door.client.graphql<{ readonly image: ImageNode }>(
        '{ image(id: "ID") { url renditionUrl thumbnailUrl } }'.replace('ID', image.id),
        {},
        bearer(key),
      ),
    ).image;

  test('are shown by signed links without credentials, for a while, and not the originals', async () => {
    let nowMs = Date.now();
    const { door } = await openGuarded({}, () => nowMs);
    const { url, renditionUrl, thumbnailUrl } = await ask(door, keys.read);
    for (const link of [renditionUrl, thumbnailUrl]) {
      const { status, headers } = await door.client.get(link);
      expect([status, headers.get('cache-control')]).toEqual([200, 'private, max-age=31536000, immutable']);
    }
    expect((await door.client.get(url)).status).toBe(401);
    expect((await door.client.get(url, { headers: bearer(keys.read) })).status).toBe(200);
    const query = new URL(thumbnailUrl, 'http://localhost').search;
    for (const path of [url + query, renditionUrl.replace(/\?.*/, query), thumbnailUrl.replace(/\?.*/, '')]) {
      const { status, headers } = await door.client.get(path);
      expect([path, status, headers.get('cache-control')]).toEqual([path, 401, 'no-store']);
    }
    nowMs += (signedLinkSeconds + signedLinkStepSeconds) * 1000;
    expect((await door.client.get(thumbnailUrl)).status).toBe(401);
    await door.close();
  });

  test.each([true, false])(
    'are shown under the path of a proxy, whether it strips that or not (%s)',
    async (strips) => {
      const { door } = await openGuarded({ pathPrefix: '/vision' });
      const proxy = await openPrefixProxy(door.client.url, '/vision', { strips });
      const origin = new URL(proxy.url).origin;
      const { url, renditionUrl, thumbnailUrl } = await ask(door, keys.read);
      for (const link of [renditionUrl, thumbnailUrl]) expect((await fetch(origin + link)).status).toBe(200);
      expect((await fetch(origin + url, { headers: bearer(keys.read) })).status).toBe(200);
      const body = JSON.stringify({ query: '{ status { imageCount } }' });
      const headers = { ...json, ...bearer(keys.read) };
      expect((await fetch(`${proxy.url}/graphql`, { method: 'POST', headers, body })).status).toBe(200);
      // What only begins alike is another path.
      expect((await door.client.get(thumbnailUrl.replace('/vision', '/visions'))).status).toBe(404);
      await proxy.close();
      await door.close();
    },
  );

  test('are originals to nobody without credentials, not even by a link that was signed for one', async () => {
    const urlSecret = 'a secret of at least 32 characters';
    const { door, calls } = await openGuarded({ urlSecret });
    const signer = new LinkSigner({ readSecret: () => Promise.resolve(Buffer.from(urlSecret)) });
    const { original, thumbnail } = imagePaths(image.id);
    expect((await door.client.get(await signer.sign(thumbnail))).status).toBe(200);
    calls.length = 0;
    const link = await signer.sign(original);
    for (const headers of [{}, { range: 'bytes=0-9' }, { 'if-none-match': `"${image.sha256}"` }]) {
      const answer = await door.client.ask('GET', link, headers);
      expect([answer.status, code(answer), answer.headers.etag]).toEqual([401, 'UNAUTHENTICATED', undefined]);
    }
    expect((await door.client.ask('HEAD', link)).status).toBe(401);
    expect(calls).toEqual([]);
    await door.close();
  });

  test('carry links that another server on the database takes, or one with the same secret', async () => {
    for (const urlSecret of [undefined, 'a secret of at least 32 characters']) {
      const [{ door: one }, { door: two }] = await Promise.all([
        openGuarded({ urlSecret }),
        openGuarded({ urlSecret }),
      ]);
      const { thumbnailUrl } = await ask(one, keys.read);
      expect((await two.client.get(thumbnailUrl)).status).toBe(200);
      const { door: three } = await openGuarded({ urlSecret: 'another secret of 32 characters at least' });
      expect((await three.client.get(thumbnailUrl)).status).toBe(401);
      await Promise.all([one.close(), two.close(), three.close()]);
    }
  });
});

describe('the work of a caller', () => {
  test('is bounded in images, told with 429 and Retry-After, and nothing is executed beyond', async () => {
    const { door, calls, post } = await openGuarded({ embeddingsPerMinute: 2 });
    const upload = (key: string) =>
      door.client.multipart(
        'mutation ($file: Upload!) { uploadImage(file: $file) { created } }',
        { file: null },
        { 'variables.file': { bytes: bytesOf, filename: 'a.jpg' } },
        { ...preflight, ...bearer(key) },
      );
    const bytesOf = await makeJpeg(2);
    dataOf(await upload(keys.write));
    dataOf(await upload(keys.write));
    calls.length = 0;
    const region = `{ similarImages(imageId: "${image.id}", region: { x: 0, y: 0, width: 1, height: 1 }) { rank } }`;
    const answer = await post(region, bearer(keys.write));
    expect([answer.status, code(answer)]).toEqual([429, 'RATE_LIMITED']);
    expect(onlyError(answerOf(answer)).message).toBe(
      'You may have 2 images embedded or rendered in a minute, and each `__schema` and `__type` counts as one of them',
    );
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(codeOf(await upload(keys.write))).toBe('RATE_LIMITED');
    // An upload, before anything of its body has come.
    const early = await sendHead(
      Number(new URL(door.client.url).port),
      `POST /graphql HTTP/1.1\r\nHost: localhost\r\nApollo-Require-Preflight: 1\r\nAuthorization: Bearer ${keys.write}\r\nContent-Type: ${multipartType}\r\nContent-Length: 1000\r\n\r\n`,
    );
    expect(early).toMatch(/^HTTP\/1\.1 429 [^]*RATE_LIMITED/);
    expect(calls).toEqual([]);
    // Searches that need no model go on, and so do others.
    expect((await post('{ status { imageCount } }', bearer(keys.write))).status).toBe(200);
    dataOf(await upload(keys.admin));
    await door.close();
  });

  test('counts each rendition that is made, to tell its size too, and none that a client has already', async () => {
    const { door, calls } = await openGuarded({ embeddingsPerMinute: 2 });
    const { rendition } = imagePaths(image.id);
    const ask = async (method: string, headers: Headers = {}) =>
      door.client.ask(method, rendition, { ...bearer(keys.read), ...headers });
    const { status, headers } = await ask('HEAD');
    expect([status, headers['content-length']]).toEqual([200, expect.stringMatching(/^\d+$/)]);
    for (const method of ['GET', 'HEAD', 'GET', 'HEAD']) {
      expect((await ask(method, { 'if-none-match': headers.etag ?? '' })).status).toBe(304);
    }
    expect((await ask('GET')).status).toBe(200);
    calls.length = 0;
    for (const method of ['GET', 'HEAD']) expect((await ask(method)).status).toBe(429);
    expect(calls).not.toContain('readRendition');
    await door.close();
  });

  test('is bounded in bytes, before they are read', async () => {
    const { door, calls, post } = await openGuarded({ bytesPerMinute: 1_000 });
    expect((await post('{ status { imageCount } }', bearer(keys.read))).status).toBe(200);
    calls.length = 0;
    const answer = await post(`{ status { imageCount } } # ${'x'.repeat(1_000)}`, bearer(keys.read));
    expect([answer.status, code(answer)]).toEqual([429, 'RATE_LIMITED']);
    expect(calls).toEqual([]);
    await door.close();
  });

  test('a body without a length is charged once it is there', async () => {
    const { door, post } = await openGuarded({ bytesPerMinute: 1_000 });
    const body = JSON.stringify({ query: `{ __typename } # ${'x'.repeat(2_000)}` });
    const chunked = { ...json, ...bearer(keys.read), 'transfer-encoding': 'chunked' };
    expect((await door.client.ask('POST', '/graphql', chunked, body)).status).toBe(200);
    expect((await post('{ __typename }', bearer(keys.read))).status).toBe(429);
    await door.close();
  });
});

describe('jobs and spaces', () => {
  test('take the scope admin, but for the sample gallery, which takes write, and charge nobody for the images that they embed', async () => {
    const { door, calls, post } = await openGuarded({ embeddingsPerMinute: 1 });
    const mutations = [
      'createSpace(name: "grey", method: "hist") { id }',
      'backfillSpace(name: "semblance-compact") { id }',
      'compareSpaces(a: "semblance-compact", b: "semblance-compact") { id }',
      'indexRegions { id }',
      'trainScorer(kind: HEURISTIC) { id }',
      'cancelJob(id: "00000000-0000-4000-8000-000000000000") { id }',
      'activateSpace(name: "semblance-compact") { missing }',
      'retireSpace(name: "semblance-compact") { space { name } }',
      'removeSpace(name: "semblance-compact") { removedName }',
    ];
    for (const mutation of mutations) {
      const refused = await post(`mutation { ${mutation} }`, bearer(keys.write));
      expect([mutation, refused.status, code(refused)]).toEqual([mutation, 403, 'FORBIDDEN']);
    }
    expect(calls).toEqual([]);
    for (const mutation of mutations) {
      const answer = await post(`mutation { ${mutation} }`, bearer(keys.admin));
      expect([mutation, answer.status]).toEqual([mutation, 200]);
    }
    expect(new Set(calls)).toEqual(
      new Set(['startJob', 'cancelJob', 'activateSpace', 'listMethods', 'retireSpace', 'removeSpace']),
    );
    expect((await post('mutation { loadSample { id } }', bearer(keys.read))).status).toBe(403);
    expect((await post('mutation { loadSample { id } }', bearer(keys.write))).status).toBe(200);
    for (const query of ['{ jobs(first: 100) { id } }', '{ spaces { name imageCount } }', '{ job(id: "x") { id } }']) {
      expect((await post(query, bearer(keys.read))).status, query).toBe(200);
    }
    await door.close();
  });

  test('are reached by the command line with SEMBLANCE_API_KEY', async () => {
    const { door } = await openGuarded();
    const remove = (env: Readonly<Record<string, string>>) =>
      runCommand(['spaces', 'remove', 'nothing', '--server', door.client.url], { env });
    expect((await remove({})).output).toMatch(/API key.*SEMBLANCE_API_KEY/);
    expect((await remove({ SEMBLANCE_API_KEY: keys.write })).output).toContain('needs the scope admin');
    expect((await remove({ SEMBLANCE_API_KEY: keys.admin })).output).toContain('There is no space');
    await door.close();
    await cleanUp();
  });
});

describe('a part that has no room', () => {
  test('answers 503 and Retry-After where nothing came of the operation', async () => {
    const { SemblanceError } = await import('../../../src/base/errors.js');
    const status = () => Promise.reject(new SemblanceError('OVERLOADED', 'Full'));
    const door = await openHttpDoor({ ...app.operations, status });
    const answer = await door.client.ask('POST', '/graphql', json, '{"query":"{ status { imageCount } }"}');
    expect([answer.status, code(answer), answer.headers['retry-after']]).toEqual([503, 'OVERLOADED', '1']);
    await door.close();
  });
});
