import { ApolloClient, ApolloLink, InMemoryCache } from '@apollo/client/core';
import { buildSchema, execute } from 'graphql';
import { from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { maxAliases } from '../../../src/base/limits.js';
import { findDeleted } from '../../../web/src/views/gallery/still-stored.js';

const schema = buildSchema('type Query { image(id: ID!): Image } type Image { id: ID! }');

describe('asking which images are still stored', () => {
  it('tells those that are not, of more than one operation may ask about', async () => {
    const aliases: number[] = [];
    const rootValue = { image: ({ id }: { readonly id: string }) => (id.endsWith('7') ? null : { id }) };
    const link = new ApolloLink(({ query }) => {
      for (const each of query.definitions)
        if ('selectionSet' in each) aliases.push(each.selectionSet.selections.length);
      const executed = Promise.resolve(execute({ schema, document: query, rootValue }));
      return from(executed.then(({ data }) => ({ data: data ?? null })));
    });
    const client = new ApolloClient({ cache: new InMemoryCache(), link });
    const ids = Array.from({ length: 250 }, (_, index) => `image "${index}`);
    expect(await findDeleted(client, ids)).toEqual(ids.filter((id) => id.endsWith('7')));
    expect(aliases).toEqual([100, 100, 50]);
    expect(Math.max(...aliases)).toBeLessThanOrEqual(maxAliases);
    expect(await findDeleted(client, [])).toEqual([]);
    expect(aliases).toHaveLength(3);
  });
});
