import { setImmediate } from 'node:timers/promises';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../../src/app.js';
import { openAdmission } from '../../../src/access/http/admission.js';
import { maxAliases, maxQueryDepth } from '../../../src/base/limits.js';
import { toImageRecord } from '../../../src/images/sql/image-rows.js';
import type { ImageRecord } from '../../../src/database/types.js';
import { answerOf, codeOf } from '../../support/client.js';
import { buildMemoryApp, openHttpDoor, recordCalls, type HttpDoor } from '../../support/http-app.js';
import { imageRow } from '../../support/image-row.js';
import { makeJpeg } from '../../support/make-image.js';

let app: App;
let door: HttpDoor;
let id: string;
const calls: string[] = [];

beforeAll(async () => {
  app = await buildMemoryApp();
  const operations = recordCalls(app.operations, calls);
  door = await openHttpDoor(operations);
  ({ id } = (await door.client.upload(await makeJpeg(1))).image);
});

afterAll(async () => {
  await door.close();
  await app.close();
});

const post = (body: unknown) =>
  door.client.ask('POST', '/graphql', { 'content-type': 'application/json' }, JSON.stringify(body));

const nest = (levels: number): string =>
  levels === 0 ? 'rank' : `image { similarImages(k: 1) { ${nest(levels - 1)} } }`;
const aliases = (count: number, field: string): string =>
  Array.from({ length: count }, (_, index) => `a${index}: ${field}`).join(' ');

describe('an operation over a limit runs no resolver', () => {
  test.each([
    ['depth', () => `{ similarImages(imageId: "${id}") { ${nest(maxQueryDepth / 2)} } }`, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'depth behind fragments',
      () => `{ similarImages(imageId: "${id}") { ...f } } fragment f on SimilarImage { ${nest(maxQueryDepth / 2)} }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'answer',
      () =>
        `{ images(first: 100) { edges { node { similarImages(k: 5) { image { ${aliases(115, 'metadata')} } } } } } }`,
      'BAD_USER_INPUT',
    ],
    [
      'introspection',
      () => `{ __schema { ${aliases(100, 'types { description fields { description } }')} } }`,
      'BAD_USER_INPUT',
    ],
    [
      'introspection within introspection',
      () => `{ __schema { types { ${'fields { type { '.repeat(3)} name ${'} } '.repeat(3)} } } }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['aliases', () => `{ ${aliases(maxAliases + 1, `image(id: "${id}") { id }`)} }`, 'GRAPHQL_VALIDATION_FAILED'],
    ['aliases of __typename', () => `{ ${aliases(maxAliases + 1, '__typename')} }`, 'GRAPHQL_VALIDATION_FAILED'],
    ['directives', () => `{ ${aliases(60, '__typename @include(if: true)')} }`, 'GRAPHQL_VALIDATION_FAILED'],
    ['tokens', () => `{ ${'__typename '.repeat(4_001)} }`, 'GRAPHQL_PARSE_FAILED'],
    [
      'cost: k multiplies',
      () => `{ similarImages(imageId: "${id}", k: 1000) { image { similarImages(k: 1000) { rank } } } }`,
      'BAD_USER_INPUT',
    ],
    [
      'cost: a page multiplies',
      () => '{ images(first: 100) { edges { node { similarImages(k: 1000) { image { similarImages { rank } } } } } } }',
      'BAD_USER_INPUT',
    ],
    [
      'cost: behind fragments',
      () =>
        `{ similarImages(imageId: "${id}", k: 1000) { ...f } } fragment f on SimilarImage { image { ...g } } fragment g on Image { similarImages(k: 1000) { rank } }`,
      'BAD_USER_INPUT',
    ],
    ['hits', () => `{ ${aliases(101, `similarImages(imageId: "${id}", k: 1000) { rank }`)} }`, 'BAD_USER_INPUT'],
    [
      'candidates',
      () => `{ ${aliases(21, `similarImages(imageId: "${id}", rerank: EUCLIDEAN, candidates: 1000) { rank }`)} }`,
      'BAD_USER_INPUT',
    ],
    [
      'regions',
      () =>
        `{ ${aliases(21, `similarImages(imageId: "${id}", region: { x: 0, y: 0, width: 1, height: 1 }) { rank }`)} }`,
      'BAD_USER_INPUT',
    ],
    [
      'fragments that unfold',
      () =>
        `{ ...a0 } ${Array.from({ length: 14 }, (_, index) => `fragment a${index} on Query { ...a${index + 1} ... { ...a${index + 1} } }`).join(' ')} fragment a14 on Query { status { version } }`,
      'BAD_USER_INPUT',
    ],
  ])('%s', async (_name, query, expected) => {
    calls.length = 0;
    const answer = await post({ query: query() });
    expect([answer.status, codeOf(answerOf(answer))]).toEqual([400, expected]);
    expect(answer.body.toString()).not.toContain('"data"');
    expect(calls).toEqual([]);
  });

  test('cost by variables and their defaults', async () => {
    calls.length = 0;
    const query = `query ($k: Int! = 1000, $n: Int!) { similarImages(imageId: "${id}", k: $k) { image { similarImages(k: $n) { rank } } } }`;
    expect(codeOf(answerOf(await post({ query, variables: { n: 1000 } })))).toBe('BAD_USER_INPUT');
    expect(calls).toEqual([]);
    expect((await post({ query, variables: { k: 10, n: 10 } })).status).toBe(200);
  });

  test('an argument out of its type hides no other field', async () => {
    calls.length = 0;
    const query = `query ($n: Int) { images(first: $n) { totalCount } similarImages(imageId: "${id}", k: 1000) { image { similarImages(k: 1000) { rank } } } }`;
    expect(codeOf(answerOf(await post({ query, variables: { n: null } })))).toBe('BAD_USER_INPUT');
    expect(calls).toEqual([]);
  });

  test('more than one upload to search for', async () => {
    calls.length = 0;
    const file = { bytes: await makeJpeg(1), filename: 'a.jpg' };
    const answer = await door.client.multipart(
      'query ($a: Upload!, $b: Upload!) { a: searchByUpload(file: $a) { rank } b: searchByUpload(file: $b) { rank } }',
      { a: null, b: null },
      { 'variables.a': file, 'variables.b': file },
    );
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
    expect(calls).toEqual([]);
  });

  test('a batch', async () => {
    calls.length = 0;
    const answer = await post([{ query: '{ status { version } }' }, { query: '{ status { version } }' }]);
    expect([answer.status, codeOf(answerOf(answer))]).toEqual([400, 'BAD_REQUEST']);
    expect(calls).toEqual([]);
  });
});

describe('an answer', () => {
  /** As a table holds it whose rows others write, too. */
  const large: ImageRecord = toImageRecord(
    imageRow({
      filename: 'large.jpg',
      metadata: JSON.stringify({ text: 'x'.repeat(60_000), number: '#' }).replace('"#"', '9007199254740993'),
    }),
  );
  const admission = openAdmission({ anonymousAccess: 'admin', answerBytesInWork: 150_000 });
  let small: HttpDoor;

  beforeAll(async () => {
    const operations = { ...app.operations, findImage: () => Promise.resolve(large) };
    small = await openHttpDoor(operations, { maxAnswerBytes: 100_000 }, undefined, { admission });
  });

  afterAll(() => small.close());

  const ask = async (query: string) => {
    const answer = await small.client.ask(
      'POST',
      '/graphql',
      { 'content-type': 'application/json' },
      JSON.stringify({ query }),
    );
    return { ...answer, code: answerOf(answer).errors?.[0]?.extensions?.code };
  };

  test('larger than its bound is refused while it is made, whatever it was estimated at', async () => {
    const twice = await ask(`{ a: image(id: "${id}") { metadata } b: image(id: "${id}") { metadata } }`);
    expect([twice.status, twice.code]).toEqual([400, 'BAD_USER_INPUT']);
    expect(twice.body.length).toBeLessThan(1_000);
    const filenames = Array.from({ length: 3 }, (_, index) => `a${index}: image(id: "${id}") { id filename metadata }`);
    expect((await ask(`{ ${filenames.join(' ')} }`)).code).toBe('BAD_USER_INPUT');
    expect(admission.answers.heldBytes).toBe(0);
  });

  test('within its bound holds metadata as the database has it', async () => {
    const { status, body } = await ask(`{ image(id: "${id}") { metadata filename } __typename }`);
    expect(status).toBe(200);
    expect(body.toString()).toContain('"number":9007199254740993},"filename":"large.jpg"},"__typename":"Query"}}');
  });

  test('waits for room beside those that clients still read', async () => {
    const others = admission.answers.open('somebody');
    others.add(120_000);
    const refused = await ask(`{ image(id: "${id}") { metadata } }`);
    expect([refused.status, refused.code]).toEqual([503, 'OVERLOADED']);
    expect((await ask(`{ status { version } }`)).status).toBe(200);
    others.release();
    expect((await ask(`{ image(id: "${id}") { metadata } }`)).status).toBe(200);
    await expect.poll(() => admission.answers.heldBytes).toBe(0);
  });

  test('that nobody will get searches no further', async () => {
    const hits = [{ image: large, similarity: 1 }];
    let searches = 0;
    const operations = {
      ...app.operations,
      similarImages: async () => {
        searches += 1;
        await setImmediate();
        return { space: 'a', mode: 'exact' as const, databaseMs: 0, embedMs: 0, rerankMs: 0, hits };
      },
    };
    const door = await openHttpDoor(operations, { maxAnswerBytes: 150_000 });
    const answer = await door.client.graphql(
      `{ ${aliases(15, `similarImages(imageId: "${id}", k: 1) { image { metadata } }`)} }`,
    );
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
    expect(searches).toBeLessThan(10);
    await door.close();
  });
});

describe('within the limits', () => {
  test.each([
    () => getIntrospectionQuery(),
    () => `{ ${aliases(64, `image(id: "${id}") { id }`)} }`,
    () => `{ similarImages(imageId: "${id}", k: 1000) { image { similarImages(k: 10) { rank } } } }`,
    () => `{ images(first: 100) { totalCount edges { node { similarImages(k: 100) { image { thumbnailUrl } } } } } }`,
  ])('%#', async (query) => {
    expect((await door.client.graphql(query())).errors).toBeUndefined();
  });
});

describe('the schema', () => {
  test('is told, unless the operator keeps it, and then suggestions tell nothing of it either', async () => {
    const silent = await openHttpDoor(app.operations, { introspection: false });
    for (const query of ['{ __schema { queryType { name } } }', '{ __type(name: "Image") { name } }']) {
      expect(codeOf(await silent.client.graphql(query))).toBe('GRAPHQL_VALIDATION_FAILED');
      expect((await door.client.graphql(query)).errors).toBeUndefined();
    }
    const misspelt = JSON.stringify(await silent.client.graphql('{ similarImage { rank } }'));
    expect(misspelt).not.toContain('similarImages');
    expect(JSON.stringify(await door.client.graphql('{ similarImage { rank } }'))).toContain('similarImages');
    await silent.close();
  });
});
