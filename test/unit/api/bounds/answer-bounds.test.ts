import {
  getIntrospectionQuery,
  isLeafType,
  getNamedType,
  isObjectType,
  isRequiredArgument,
  parse,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { Upload } from 'graphql-upload-ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { assertIntrospection } from '../../../../src/api/bounds/introspection-bounds.js';
import { chargeOperation } from '../../../../src/api/bounds/operation-bounds.js';
import { fragmentsOf, rootFields } from '../../../../src/api/root-fields.js';
import { buildGraphqlSchema } from '../../../../src/api/schema.js';
import { defaultMaxAnswerBytes } from '../../../../src/base/limits.js';

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

/** Every field of a type and of those within, but the searches that images offer. */
function allFieldsOf(type: GraphQLNamedType): string {
  if (!isObjectType(type)) return '';
  const fields = Object.values(type.getFields()).filter(({ name }) => name !== 'similarImages');
  return `{ ${fields.map((field) => `${field.name} ${allFieldsOf(getNamedType(field.type))}`).join(' ')} }`;
}

const requiredArguments: Readonly<Record<string, string>> = { file: '$file', id: '"x"', imageId: '"x"' };

describe('the largest answer that an operation may have', () => {
  it('lets a client have all fields of each query, with no arguments but those that it needs', async () => {
    const queries = Object.values(schema.getQueryType()?.getFields() ?? {});
    expect(queries.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['images', 'jobs', 'methods', 'searchByUpload', 'similarImages', 'spaces']),
    );
    for (const { name, args, type } of queries) {
      const given = args.filter(isRequiredArgument).map((arg) => `${arg.name}: ${requiredArguments[arg.name]}`);
      const called = given.length === 0 ? name : `${name}(${given.join(', ')})`;
      const text = `query (${given.includes('file: $file') ? '$file: Upload!' : '$unused: Int'}) { ${called} ${allFieldsOf(getNamedType(type))} }`;
      await expect(charge(text, { file: new Upload() }), name).resolves.toBeLessThanOrEqual(1);
    }
  });

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
      'labels and filenames of comparisons',
      () =>
        '{ jobs(first: 100) { result { comparison { mostDifferent { label filename a { label filename } b { label filename } } } } } }',
    ],
  ])('refuses %s', async (_name, query) => {
    await expect(charge(query())).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(
        /^The operation asks for up to \d+ bytes of answer, each field counted as large as it may be, and at most 25000000 are allowed: ask for fewer rows, a smaller k, or leave out metadata\. The operator can raise the bound with SEMBLANCE_MAX_ANSWER_BYTES$/,
      ) as string,
    });
  });

  it('counts what variables switch on', async () => {
    const query = `query ($all: Boolean!) { images(first: 100) { edges { node { ... @include(if: $all) { ${aliases(100, 'metadata')} } } } } }`;
    expect(await charge(query, { all: false })).toBe(0);
    await expect(charge(query, { all: true })).rejects.toThrow('bytes of answer');
  });
});

describe('the cost of an operation', () => {
  it.each([
    [
      'searches',
      `{ images(first: 100) { edges { node { ${aliases(20, 'similarImages(k: 1) { rank }')} } } } }`,
      'The operation asks for up to 2000 searches, and at most 1001 are allowed',
    ],
    [
      'uploads to search for',
      'query ($a: Upload!, $b: Upload!) { a: searchByUpload(file: $a) { rank } b: searchByUpload(file: $b) { rank } }',
      'The operation asks for up to 2 searches by upload, and at most 1 is allowed',
    ],
  ])('tells how many %s are too many', async (_name, query, message) => {
    await expect(charge(query, { a: new Upload(), b: new Upload() })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message,
    });
  });
});

describe('introspection', () => {
  const tooMany =
    /^The operation introspects up to \d+ fields, lists multiplied, and at most \d+ are allowed: use fewer aliases and less nesting$/;
  const nested =
    'The operation asks for the `fields` of a type within the `fields` of a type: ask for the inner type by `__type`';

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
    [
      '__schema twice',
      '{ a: __schema { queryType { name } } b: __schema { queryType { name } } }',
      'The operation asks for __schema 2 times, and at most 1 is allowed',
    ],
    [
      '__schema twice, once in a fragment',
      '{ __schema { queryType { name } } ...f } fragment f on Query { a: __schema { queryType { name } } }',
      'The operation asks for __schema 2 times, and at most 1 is allowed',
    ],
    [
      '__type many times',
      `{ ${aliases(11, '__type(name: "Image") { name }')} }`,
      'The operation asks for __type 11 times, and at most 10 are allowed',
    ],
    ['types under aliases', `{ __schema { ${aliases(60, 'types { fields { name type { name } } }')} } }`, tooMany],
    [
      'fields within fields',
      '{ __schema { types { fields { type { fields { args { type { name ofType { name } } } type { name ofType { name } } } } } } } }',
      nested,
    ],
    [
      'fields within fields behind a fragment',
      '{ __schema { types { fields { type { ofType { ...f } } } } } } fragment f on __Type { fields { name } }',
      nested,
    ],
    [
      'ofType under aliases',
      `{ __schema { types { fields { ${aliases(40, 'type { ...r }')} } } } } fragment r on __Type { kind ofType { kind ofType { kind ofType { kind } } } }`,
      tooMany,
    ],
  ])('refuses %s', async (_name, query, message) => {
    await expect(charge(query)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(message) as string,
    });
  });
});
