import {
  getIntrospectionQuery,
  isEnumType,
  isInputObjectType,
  isObjectType,
  isWrappingType,
  parse,
  type FieldNode,
  type GraphQLSchema,
  type GraphQLType,
} from 'graphql';
import { SemblanceError, tooMuch } from '../../base/errors.js';
import { maxIntrospectionRatio, maxSchemaIntrospections, maxTypeIntrospections } from '../../base/limits.js';
import { measureOperation, type MeasuredField, type MeasuredOperation } from './measure-operation.js';

/** How many items a field of introspection lists: the mean over all types of a schema; for `ofType`, the share of types that have one. */
type ListLengths = Readonly<Record<string, number>>;

interface IntrospectionBound {
  readonly lengths: ListLengths;
  readonly maxFields: number;
}

const bounds = new WeakMap<GraphQLSchema, IntrospectionBound>();

/**
 * Refuses an operation that introspects more than tools do: aliases and nesting make megabytes of a schema that is always the same.
 * @param fields the operation's root fields
 * @throws SemblanceError BAD_USER_INPUT; GraphQLError as measureOperation
 */
export function assertIntrospection(operation: MeasuredOperation, fields: readonly FieldNode[]): void {
  const schemas = timesAsked(fields, '__schema');
  const types = timesAsked(fields, '__type');
  if (schemas + types === 0) return;
  for (const [found, max, name] of [
    [schemas, maxSchemaIntrospections, '__schema'],
    [types, maxTypeIntrospections, '__type'],
  ] as const) {
    if (found > max) throw tooMuch(`The operation asks for ${name} ${found} times`, max);
  }
  if (measureOperation(operation, nestedFields) === Infinity) {
    throw new SemblanceError(
      'BAD_USER_INPUT',
      'The operation asks for the `fields` of a type within the `fields` of a type: ask for the inner type by `__type`',
    );
  }
  const { lengths, maxFields } = boundOf(operation.schema);
  const found = measureOperation(operation, introspectedBy(lengths));
  if (found > maxFields) {
    throw tooMuch(
      `The operation introspects up to ${Math.ceil(found)} fields, lists multiplied`,
      maxFields,
      'use fewer aliases and less nesting',
    );
  }
}

/** By different names: those of one name are merged. */
function timesAsked(fields: readonly FieldNode[], name: string): number {
  return new Set(fields.filter((field) => field.name.value === name).map((field) => (field.alias ?? field.name).value))
    .size;
}

function boundOf(schema: GraphQLSchema): IntrospectionBound {
  const known = bounds.get(schema);
  if (known !== undefined) return known;
  const lengths = listLengthsOf(schema);
  const query = parse(
    getIntrospectionQuery({
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    }),
  );
  const usual = measureOperation({ schema, query, variables: {}, operationName: undefined }, introspectedBy(lengths));
  const bound = { lengths, maxFields: Math.ceil(usual * maxIntrospectionRatio) };
  bounds.set(schema, bound);
  return bound;
}

/** Infinite where `fields` of a type stands within `fields` of a type; tools ask for no more than the name of a field's type. */
function nestedFields({ type, field, childComplexity }: MeasuredField): number {
  if (type.name !== '__Type' || field.name !== 'fields') return childComplexity;
  return childComplexity === 0 ? 1 : Infinity;
}

function introspectedBy(lengths: ListLengths): (field: MeasuredField) => number {
  return ({ type, field, childComplexity }) => {
    const own = type.name.startsWith('__') ? 1 : 0;
    return own + (lengths[`${type.name}.${field.name}`] ?? 1) * childComplexity;
  };
}

function listLengthsOf(schema: GraphQLSchema): ListLengths {
  const types = Object.values(schema.getTypeMap());
  const fields = types.flatMap((type) => (isObjectType(type) ? Object.values(type.getFields()) : []));
  const inputFields = types.flatMap((type) => (isInputObjectType(type) ? Object.values(type.getFields()) : []));
  const enumValues = types.flatMap((type) => (isEnumType(type) ? type.getValues() : []));
  const args = fields.flatMap((field) => field.args);
  const wrappers = [...fields, ...args, ...inputFields].map(({ type }) => wrappersOf(type));
  const wrapped = wrappers.reduce((sum, count) => sum + count, 0);
  return {
    '__Schema.types': types.length,
    '__Schema.directives': schema.getDirectives().length,
    '__Type.fields': fields.length / types.length,
    '__Type.inputFields': inputFields.length / types.length,
    '__Type.enumValues': enumValues.length / types.length,
    '__Type.ofType': wrapped / (wrapped + wrappers.length),
    '__Field.args': args.length / fields.length,
  };
}

/** Lists and non-nulls around a named type. */
function wrappersOf(type: GraphQLType): number {
  return isWrappingType(type) ? 1 + wrappersOf(type.ofType as GraphQLType) : 0;
}
