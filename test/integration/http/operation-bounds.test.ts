import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../../src/app.js';
import { maxAliases, maxQueryDepth } from '../../../src/limits.js';
import { answerOf, codeOf } from '../../support/client.js';
import { buildMemoryApp, openHttpDoor, recordCalls, type HttpDoor } from '../../support/http-app.js';
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
