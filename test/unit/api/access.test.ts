import { GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { expect, it } from 'vitest';
import { assertEveryFieldHasScope, fieldScopes } from '../../../src/api/access.js';
import { buildGraphqlSchema } from '../../../src/api/schema.js';

it('every field of Query and Mutation has a scope, and a server does not start with one that has none', async () => {
  const schema = await buildGraphqlSchema();
  assertEveryFieldHasScope(schema);
  const fields = Object.keys(schema.getMutationType()?.getFields() ?? {});
  expect(fields.length).toBeGreaterThan(3);
  for (const name of fields) expect(fieldScopes.mutation[name], name).toMatch(/^(write|admin)$/);
  for (const name of Object.keys(schema.getQueryType()?.getFields() ?? {}))
    expect(fieldScopes.query[name]).toBe('read');

  const query = new GraphQLObjectType({ name: 'Query', fields: { secrets: { type: GraphQLString } } });
  expect(() => {
    assertEveryFieldHasScope(new GraphQLSchema({ query }));
  }).toThrow('secrets');
});
