import {
  getIntrospectionQuery,
  isLeafType,
  getNamedType,
  isObjectType,
  parse,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { beforeAll, describe, expect, it } from 'vitest';
import { assertIntrospection } from '../../../src/graphql/introspection-bounds.js';
import { chargeOperation } from '../../../src/graphql/operation-bounds.js';
import { fragmentsOf, rootFields } from '../../../src/graphql/root-fields.js';
import { buildGraphqlSchema } from '../../../src/graphql/schema.js';
import { defaultMaxAnswerBytes } from '../../../src/limits.js';

let schema: GraphQLSchema;
let allImageFields: string;

beforeAll(async () => {
  schema = await buildGraphqlSchema();
  const image = schema.getType('Image');
  if (!isObjectType(image)) throw new Error('Image is no object');
  allImageFields = Object.values(image.getFields())
    .filter(({ type }) => isLeafType(getNamedType(type)))
    .map(({ name }) => name)
    .join(' ');
});

/** What the guard of operations does: the images that it charges, or what it throws. */
async function charge(text: string, variables: Readonly<Record<string, unknown>> = {}): Promise<number> {
  const query = parse(text);
  const operation = query.definitions[0] as OperationDefinitionNode;
  const measured = { schema, query, variables, operationName: operation.name?.value };
  assertIntrospection(measured, rootFields(operation, fragmentsOf(query)));
  let images = 0;
  await chargeOperation(measured, {
    caller: { kind: 'anonymous', id: '127.0.0.1', scope: 'admin' },
    meter: {
      chargeImages: (_caller, count) => {
        images += count;
        return Promise.resolve();
      },
    },
    maxAnswerBytes: defaultMaxAnswerBytes,
  });
  return images;
}

const aliases = (count: number, field: string): string =>
  Array.from({ length: count }, (_, index) => `a${index}: ${field}`).join(' ');

describe('the largest answer that an operation may have', () => {
  it.each([
    [
      '100 images with all their fields',
      () => `{ images(first: 100) { edges { cursor node { ${allImageFields} } } } }`,
    ],
    [
      '100 images and 20 neighbours of each with all their fields',
      () =>
        `{ images(first: 100) { totalCount edges { cursor node { ${allImageFields} similarImages(k: 20) { rank similarity image { ${allImageFields} } } } } } }`,
    ],
    [
      'a thousand hits with all their fields',
      () =>
        `{ similarImages(imageId: "x", k: 1000) { rank similarity space rerank score region { x y width height } image { ${allImageFields} } } }`,
    ],
    ['100 images by an alias each', () => `{ ${aliases(100, `image(id: "x") { ${allImageFields} }`)} }`],
    [
      'fields that a directive leaves out',
      () =>
        `{ images(first: 100) { edges { node { ... @skip(if: true) { ${aliases(110, 'metadata')} } ... @include(if: false) { ${aliases(110, 'metadata')} } } } } }`,
    ],
    [
      'jobs',
      () =>
        '{ jobs(first: 100) { id kind state stage done total result { failedCount failed { filename message } } } }',
    ],
  ])('lets a client have %s', async (_name, query) => {
    expect(await charge(query())).toBe(0);
  });

  it.each([
    [
      'metadata of neighbours under aliases',
      () =>
        `{ images(first: 100) { edges { node { similarImages(k: 5) { image { ${aliases(115, 'metadata')} } } } } } }`,
    ],
    [
      'the same behind fragments',
      () =>
        `{ images(first: 100) { edges { node { similarImages(k: 5) { ...h } } } } } fragment h on SimilarImage { image { ... on Image { ${aliases(50, 'metadata')} ...m } } } fragment m on Image { ${Array.from({ length: 50 }, (_, index) => `b${index}: metadata`).join(' ')} }`,
    ],
    ['pages under aliases', () => `{ ${aliases(100, 'images(first: 100) { edges { node { metadata } } }')} }`],
    ['images under aliases', () => `{ images(first: 100) { edges { ${aliases(100, 'node { metadata }')} } } }`],
    [
      'short fields of many rows',
      () => `{ images(first: 100) { edges { node { similarImages(k: 1000) { ${aliases(100, 'rank')} } } } } }`,
    ],
    [
      'filenames of neighbours',
      () => `{ images(first: 100) { edges { node { similarImages(k: 500) { image { filename } } } } } }`,
    ],
    [
      'labels of comparisons',
      () => '{ jobs(first: 100) { result { comparison { mostDifferent { label a { label } b { label } } } } } }',
    ],
  ])('refuses %s', async (_name, query) => {
    await expect(charge(query())).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/bytes of answer/) as string,
    });
  });

  it('counts what variables switch on', async () => {
    const query = `query ($all: Boolean!) { images(first: 100) { edges { node { ... @include(if: $all) { ${aliases(100, 'metadata')} } } } } }`;
    expect(await charge(query, { all: false })).toBe(0);
    await expect(charge(query, { all: true })).rejects.toThrow('bytes of answer');
  });
});

describe('introspection', () => {
  it.each([
    ['what graphql-js asks for', () => getIntrospectionQuery()],
    [
      'what it asks for with all its options',
      () =>
        getIntrospectionQuery({
          descriptions: true,
          specifiedByUrl: true,
          directiveIsRepeatable: true,
          schemaDescription: true,
          inputValueDeprecation: true,
          oneOf: true,
        }),
    ],
    [
      'what tools ask of introspection itself',
      () =>
        '{ schema: __type(name: "__Schema") { fields { name args { name } } } type: __type(name: "__Type") { fields { name args { name } } } directive: __type(name: "__Directive") { fields { name args { name } } } field: __type(name: "__Field") { fields { name args { name } } } value: __type(name: "__InputValue") { fields { name args { name } } } }',
    ],
    ['__typename', () => '{ __typename status { __typename } }'],
  ])('answers %s', async (_name, query) => {
    await charge(query());
  });

  it('counts as an image in the bound of a minute', async () => {
    expect(await charge(getIntrospectionQuery())).toBe(1);
    expect(await charge('{ a: __type(name: "Image") { name } b: __type(name: "Job") { name } }')).toBe(2);
  });

  it.each([
    ['__schema twice', '{ a: __schema { queryType { name } } b: __schema { queryType { name } } }'],
    [
      '__schema twice, once in a fragment',
      '{ __schema { queryType { name } } ...f } fragment f on Query { a: __schema { queryType { name } } }',
    ],
    ['__type many times', `{ ${aliases(11, '__type(name: "Image") { name }')} }`],
    ['types under aliases', `{ __schema { ${aliases(60, 'types { fields { name type { name } } }')} } }`],
    [
      'fields within fields',
      '{ __schema { types { fields { type { fields { args { type { name ofType { name } } } type { name ofType { name } } } } } } } }',
    ],
    [
      'fields within fields behind a fragment',
      '{ __schema { types { fields { type { ofType { ...f } } } } } } fragment f on __Type { fields { name } }',
    ],
    [
      'ofType under aliases',
      `{ __schema { types { fields { ${aliases(40, 'type { ...r }')} } } } } fragment r on __Type { kind ofType { kind ofType { kind ofType { kind } } } }`,
    ],
  ])('refuses %s', async (_name, query) => {
    await expect(charge(query)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});
