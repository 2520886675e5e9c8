import { readFileSync } from 'node:fs';
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  printSchema,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLSchema,
} from 'graphql';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildGraphqlSchema } from '../../../src/api/schema.js';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const contract = buildSchema(read('../../fixtures/contract.graphql'));
let built: GraphQLSchema;

beforeAll(async () => {
  built = await buildGraphqlSchema();
});

type Input = GraphQLArgument | GraphQLInputField;
type Field = GraphQLField<unknown, unknown>;

/** Everything that the contract says of an argument or an input field. Where it describes none, any description stands. */
function describeInput(input: Input, wanted: Input | undefined = input) {
  return {
    name: input.name,
    type: String(input.type),
    defaultValue: input.defaultValue,
    description: typeof wanted.description === 'string' ? input.description : null,
  };
}

function describeField(field: Field, wanted: Field = field) {
  return {
    name: field.name,
    type: String(field.type),
    description: typeof wanted.description === 'string' ? field.description : null,
    // In the order of the contract: it is part of its wording.
    args: field.args.map((arg, index) => describeInput(arg, wanted.args[index])),
  };
}

function fail(message: string): never {
  throw new Error(message);
}

describe('the public contract', () => {
  const names = Object.keys(contract.getTypeMap()).filter((name) => !name.startsWith('__'));

  test('names the types that are compared below', () => {
    expect(names).toEqual(
      expect.arrayContaining(['Image', 'SimilarImage', 'ImageFilter', 'Store', 'Query', 'Mutation', 'Upload']),
    );
  });

  test.each(names)('%s stands in the schema word for word', (name) => {
    const wanted = contract.getType(name);
    const found = built.getType(name);
    expect(found?.constructor.name).toBe(wanted?.constructor.name);
    if (wanted?.description !== undefined && wanted.description !== null)
      expect(found?.description).toBe(wanted.description);
    if (isObjectType(wanted) && isObjectType(found)) {
      const fields = found.getFields();
      for (const field of Object.values(wanted.getFields())) {
        const { args, ...rest } = describeField(fields[field.name] ?? fail(`${name}.${field.name} is missing`), field);
        const more = args.slice(field.args.length);
        expect({ ...rest, args: args.slice(0, field.args.length) }).toEqual(describeField(field));
        // Who speaks the contract alone never has to give one of them.
        for (const { type, defaultValue } of more) expect(!type.endsWith('!') || defaultValue !== undefined).toBe(true);
      }
    } else if (isInputObjectType(wanted) && isInputObjectType(found)) {
      const fields = found.getFields();
      for (const field of Object.values(wanted.getFields())) {
        const { name: fieldName } = field;
        expect(describeInput(fields[fieldName] ?? fail(`${name}.${fieldName} is missing`), field)).toEqual(
          describeInput(field),
        );
      }
    } else if (isEnumType(wanted) && isEnumType(found)) {
      expect(found.getValues().map((value) => value.name)).toEqual(wanted.getValues().map((value) => value.name));
    }
  });

  test('every type, field, argument and enum value is described, and every scalar says where it is specified', () => {
    const undescribed = Object.values(built.getTypeMap())
      .filter((type) => !type.name.startsWith('__') && !isSpecifiedScalarType(type))
      .flatMap((type) => {
        const fields: readonly (Field | GraphQLInputField)[] =
          isObjectType(type) || isInputObjectType(type) ? Object.values(type.getFields()) : [];
        return [
          { name: type.name, description: type.description },
          ...(isScalarType(type) ? [{ name: `${type.name} @specifiedBy`, description: type.specifiedByURL }] : []),
          ...(isEnumType(type) ? type.getValues() : []).map(({ name, description }) => ({
            name: `${type.name}.${name}`,
            description,
          })),
          ...fields.flatMap((field) =>
            [field, ...('args' in field ? field.args : [])].map(({ name, description }) => ({
              name: `${type.name}.${field.name} ${name}`,
              description,
            })),
          ),
        ];
      })
      .filter(({ description }) => (description ?? '') === '');
    expect(undescribed.map(({ name }) => name)).toEqual([]);
  });

  test('schema.graphql is what the code emits: npm run schema mends it', () => {
    expect(read('../../../schema.graphql')).toContain(printSchema(built));
  });
});
