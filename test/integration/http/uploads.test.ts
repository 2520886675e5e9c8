import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../../src/app.js';
import { ByteBudget } from '../../../src/base/concurrency/byte-budget.js';
import { createOperations } from '../../../src/api/operations.js';
import { beginUpload } from '../../support/begun-upload.js';
import { answerOf, codeOf, dataOf, multipartBody, onlyError, type Part, type Variables } from '../../support/client.js';
import { buildMemoryApp, openHttpDoor, type HttpDoor } from '../../support/http-app.js';
import { makeJpeg, makePng } from '../../support/make-image.js';

// Its own folder: other test files upload at the same time.
const temporaryFolder = await mkdtemp(join(tmpdir(), 'semblance-uploads-'));
process.env['TMPDIR'] = temporaryFolder;

let app: App;
let door: HttpDoor;

beforeAll(async () => {
  app = await buildMemoryApp();
  door = await openHttpDoor(app.operations);
});

afterAll(async () => {
  await door.close();
  await app.close();
  await rm(temporaryFolder, { recursive: true });
});

async function temporaryFiles(): Promise<number> {
  return (await readdir(temporaryFolder)).filter((name) => name.startsWith('capacitor-')).length;
}

test.each([0.1, 0.5, 0.99])('an upload that breaks off at %d of its bytes leaves nothing', async (part) => {
  const bytes = await makePng(40, { width: 500, height: 500 });
  const sending = beginUpload(door.client.url, bytes, part);
  await expect.poll(temporaryFiles).toBeGreaterThan(0);
  sending.destroy();
  await expect.poll(temporaryFiles).toBe(0);
  expect(await door.client.totalCount()).toBe(0);
  expect(door.logged).toEqual([]);
});

test('a temporary file that cannot be written is no fault of the client', async () => {
  process.env['TMPDIR'] = join(temporaryFolder, 'gone');
  try {
    const answer = await door.client.uploadAnswer(await makePng(41));
    expect(codeOf(answer)).toBe('INTERNAL_SERVER_ERROR');
    expect(JSON.stringify(answer)).not.toContain(temporaryFolder);
    expect(String(door.logged)).toContain('ENOENT');
  } finally {
    process.env['TMPDIR'] = temporaryFolder;
  }
  expect((await door.client.upload(await makePng(41))).created).toBe(true);
});

test('uploads that hold too much memory together are refused, and leave nothing', async () => {
  const uploads = new ByteBudget({ maxBytes: 1_000, what: 'uploads' });
  uploads.open().add(1);
  const other = await openHttpDoor(createOperations({ ...app.context, uploads }));
  const bytes = await makePng(42);
  for (const answer of [await other.client.uploadAnswer(bytes), await other.client.searchAnswer(bytes)]) {
    expect(codeOf(answer)).toBe('OVERLOADED');
  }
  expect(uploads.heldBytes).toBe(1);
  await expect.poll(temporaryFiles).toBe(0);
  await other.close();
});

describe('files', () => {
  const file = { bytes: Buffer.from('x'), filename: 'x' };

  test('one variable is no file for two fields', async () => {
    const query = `mutation ($f: Upload!) { a: uploadImage(file: $f) { created } b: uploadImage(file: $f) { created } }`;
    const answer = await door.client.multipart(
      query,
      { f: null },
      { 'variables.f': { bytes: await makeJpeg(9), filename: 'x' } },
    );
    const { message, extensions } = onlyError(answer);
    expect(extensions).toEqual({ code: 'BAD_USER_INPUT' });
    expect(message).toBe(
      'The variable of a file stands in several places of the document: give each place a variable of its own',
    );
  });

  test.each([
    ['a string in the place of a file', { file: 'x' }],
    ['nothing in the place of a file', {}],
  ])('%s', async (_name, variables) => {
    const answer = await door.client.graphql(
      'query ($file: Upload!) { searchByUpload(file: $file) { rank } }',
      variables,
    );
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
  });

  interface Uploaded {
    readonly created: boolean;
    readonly image: { readonly id: string; readonly filename: string };
  }
  const operationsPart = (query: string, variables: Variables): Part => ({
    name: 'operations',
    body: JSON.stringify({ query, variables }),
  });
  const mapPart = (map: Readonly<Record<string, readonly string[]>>): Part => ({
    name: 'map',
    body: JSON.stringify(map),
  });
  test('a file at several paths is stored once and answered at each', async () => {
    const { client } = door;
    const query = `mutation ($a: Upload!, $files: [Upload!]!) {
      a: uploadImage(file: $a) { created image { id filename } }
      b: uploadImages(files: $files) { created image { id filename } error { message } } }`;
    const paths = ['variables.a', ...Array.from({ length: 19 }, (_, index) => `variables.files.${index}`)];
    const body = [
      operationsPart(query, { a: null, files: Array.from({ length: 19 }, () => null) }),
      mapPart({ 0: paths }),
      { name: '0', body: await makeJpeg(31), filename: '31.jpg' },
    ];
    const { a, b } = dataOf(answerOf(await client.raw(multipartBody(body)))) as {
      a: Uploaded;
      b: readonly Uploaded[];
    };
    expect(a).toMatchObject({ created: true, image: { filename: '31.jpg' } });
    expect(b).toEqual(Array.from({ length: 19 }, () => ({ created: false, image: a.image, error: null })));
  });

  test('a file at two paths that is no image is refused at each of them', async () => {
    const body = [
      operationsPart('mutation ($f: [Upload!]!) { uploadImages(files: $f) { error { code } } }', { f: [null, null] }),
      mapPart({ 0: ['variables.f.0', 'variables.f.1'] }),
      { name: '0', body: 'no image', filename: 'a.jpg' },
    ];
    const error = { code: 'UNSUPPORTED_MEDIA_TYPE' };
    expect(dataOf(answerOf(await door.client.raw(multipartBody(body))))).toEqual({
      uploadImages: [{ error }, { error }],
    });
  });

  test('a file in metadata is refused, and nothing is stored', async () => {
    const query = `mutation ($f: Upload!, $metadata: JSON) { uploadImage(file: $f, metadata: $metadata) { created } }`;
    const picture = { bytes: await makeJpeg(43), filename: 'a.jpg' };
    const sent = { 'variables.f': picture, 'variables.metadata.a.0': file };
    const answer = await door.client.multipart(query, { f: null, metadata: { a: [null] } }, sent);
    const { message, extensions } = onlyError(answer);
    expect(extensions).toEqual({ code: 'BAD_USER_INPUT' });
    expect(message).toBe(
      'Variable "$metadata" got invalid value { a: [a file] }; A file cannot stand where JSON is expected: the map of the request leads it there',
    );
    expect((await door.client.upload(picture.bytes)).created).toBe(true);
  });

  test.each([
    ['query ($f: ID!) { image(id: $f) { id } }', 'ID cannot represent value: a file'],
    ['query ($f: ImageFilter) { images(filter: $f) { totalCount } }', 'Field "file" is not defined by type'],
  ])('a file where none belongs is refused without a word of its insides: %s', async (query, reason) => {
    const answer = await door.client.multipart(query, { f: null }, { 'variables.f': file });
    const { message, extensions } = onlyError(answer);
    expect(extensions).toEqual({ code: 'BAD_USER_INPUT' });
    expect(message).toContain(`Variable "$f" got invalid value a file; ${reason}`);
  });

  test('a query that the schema does not know is refused while the file still comes', async () => {
    const answer = await door.client.multipart(
      'mutation ($f: Upload!) { nothing(file: $f) }',
      { f: null },
      { 'variables.f': file },
    );
    expect(codeOf(answer)).toBe('GRAPHQL_VALIDATION_FAILED');
  });
});
