import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSchema, Kind, parse, print, validate, type OperationDefinitionNode } from 'graphql';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../../src/base/paths.js';

interface Example {
  readonly kind: 'Query' | 'Mutation';
  readonly field: string;
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

const file = pathToFileURL(join(packageRoot, 'web/explorer/examples.js')).href;
const { examples } = (await import(file)) as { readonly examples: readonly Example[] };
const schema = buildSchema(await readFile(join(packageRoot, 'schema.graphql'), 'utf8'));
const rootFields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
  Object.keys(type?.getFields() ?? {}).map((field) => `${type?.name ?? ''}.${field}`),
);

function operationOf(query: string): OperationDefinitionNode {
  const [node] = parse(query).definitions;
  if (node?.kind !== Kind.OPERATION_DEFINITION) throw new Error('An example is an operation');
  return node;
}

describe('the examples of the explorer', () => {
  test('show every field of Query and Mutation once', () => {
    expect(examples.map(({ kind, field }) => `${kind}.${field}`).sort()).toEqual([...rootFields].sort());
  });

  test.each(examples)('ask for $field as the schema has it', ({ kind, field, query, variables = {} }) => {
    expect(validate(schema, parse(query))).toEqual([]);
    const { operation, selectionSet, variableDefinitions = [] } = operationOf(query);
    expect(operation).toBe(kind.toLowerCase());
    expect(selectionSet.selections).toMatchObject([{ kind: Kind.FIELD, name: { value: field } }]);
    // All of them but the files, which the explorer adds.
    const named = variableDefinitions.filter(({ type }) => !print(type).includes('Upload'));
    expect(Object.keys(variables)).toEqual(named.map(({ variable }) => variable.name.value));
  });
});
