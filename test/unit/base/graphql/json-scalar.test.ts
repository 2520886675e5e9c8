import { graphql, GraphQLFloat, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { Upload } from 'graphql-upload-ts';
import { expect, test } from 'vitest';
import { DateTimeScalar, JsonScalar, UploadScalar } from '../../../../src/base/graphql/scalars.js';

const schema = new GraphQLSchema({
  // What only variables are of.
  types: [DateTimeScalar, UploadScalar, GraphQLFloat],
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      keep: {
        type: GraphQLString,
        args: { json: { type: JsonScalar } },
        resolve: (_source, { json }: { readonly json?: unknown }) => JSON.stringify(json),
      },
    },
  }),
});

/** What is kept of a JSON argument, or the message of its refusal. */
async function keep(source: string, variableValues: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  const { data, errors } = await graphql({ schema, source, variableValues });
  return errors?.[0]?.message ?? data?.['keep'];
}

const asVariable = (json: unknown) => keep('query ($json: JSON) { keep(json: $json) }', { json });
const asLiteral = (literal: string) => keep(`{ keep(json: ${literal}) }`);

test.each(['9007199254740991', '-9007199254740991', '0.1', '-2.5e-8', '5e-324', '123456789012.345', 'null', '"😀"'])(
  'keeps %s exactly, in a variable and in the document',
  async (text) => {
    const kept = JSON.stringify({ a: [JSON.parse(text)] });
    expect(await asVariable(JSON.parse(`{"a":[${text}]}`))).toBe(kept);
    expect(await asLiteral(`{ a: [${text}] }`)).toBe(kept);
  },
);

test.each(['9007199254740992', '9007199254740993', '-18446744073709551615', '1e16', '9007199254740993.5', '1e400'])(
  'refuses the number %s, which may have been rounded, in a variable, in the document, and in a variable in it',
  async (text) => {
    const value: unknown = JSON.parse(text);
    expect(await asVariable({ a: [value] })).toContain(`${String(value)} is no JSON value that is kept exactly`);
    expect(await asLiteral(`{ a: [${text}] }`)).toContain(`${text} is no JSON value that is kept exactly`);
    expect(await keep('query ($a: Float) { keep(json: { a: [$a] }) }', { a: value })).toMatch(/invalid value|Float/);
  },
);

test('refuses a file anywhere in it', async () => {
  for (const json of [new Upload(), { a: new Upload() }, { a: [{ b: new Upload() }] }])
    expect(await asVariable(json)).toContain('A file cannot stand where JSON is expected');
  expect(await keep('query ($f: Upload) { keep(json: { a: $f }) }', { f: new Upload() })).toContain('invalid value');
});

test('takes variables of other types in the document', async () => {
  const source = 'query ($at: DateTime, $none: Float) { keep(json: { at: $at, none: $none }) }';
  expect(await keep(source, { at: '2007-12-03T10:15:30Z' })).toBe('{"at":"2007-12-03T10:15:30.000Z"}');
});
