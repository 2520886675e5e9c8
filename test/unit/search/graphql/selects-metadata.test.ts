import { buildSchema, graphql } from 'graphql';
import { expect, it } from 'vitest';
import { selectsMetadata } from '../../../../src/search/graphql/selects-metadata.js';

const schema = buildSchema(`
  type Query { hits: [Hit!]! }
  type Hit { rank: Int image: Image }
  type Image { id: ID metadata: String hits: [Hit!]! }`);

async function selectedBy(query: string): Promise<unknown> {
  const found: unknown[] = [];
  const hits = (_arguments: unknown, _context: unknown, info: Parameters<typeof selectsMetadata>[0]) => {
    found.push(selectsMetadata(info));
    return [];
  };
  expect((await graphql({ schema, source: query, rootValue: { hits } })).errors).toBeUndefined();
  return found[0];
}

it.each([
  '{ hits { rank image { id metadata } } }',
  '{ h: hits { i: image { m: metadata } } }',
  '{ hits { ... { image { ... on Image { metadata } } } } }',
  '{ hits { ...h } } fragment h on Hit { image { ...i } } fragment i on Image { metadata }',
  '{ hits { rank } hits { image { id } image { metadata } } }',
])('finds the metadata of hits in %s', async (query) => {
  expect(await selectedBy(query)).toBe(true);
});

it.each([
  '{ hits { rank } }',
  '{ hits { image { metadata: id } } }',
  '{ hits { metadata: rank image { id } } }',
  '{ hits { image { hits { image { metadata } } } } }',
])('finds none of theirs in %s', async (query) => {
  expect(await selectedBy(query)).toBe(false);
});
