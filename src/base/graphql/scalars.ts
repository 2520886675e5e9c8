import { GraphQLError, GraphQLScalarType, Kind, print, type ValueNode } from 'graphql';
import { GraphQLDateTimeISO, GraphQLJSON } from 'graphql-scalars';
import { GraphQLUpload, Upload } from 'graphql-upload-ts';
import { findNotKept, isKept, notKept } from '../json/json-numbers.js';
import { FileAtPath } from './uploaded-file.js';

/** Each path gets an object of its own, which tells one file at two paths from one variable in two places of a document. */
export const UploadScalar = new GraphQLScalarType<unknown, never>({
  ...GraphQLUpload.toConfig(),
  parseValue: (value) => new FileAtPath(GraphQLUpload.parseValue(value)),
  description:
    'A file, sent as the GraphQL multipart request specification says. It can stand in a variable only, and each variable in one place of the document.',
  specifiedByURL: 'https://github.com/jaydenseric/graphql-multipart-request-spec',
});

/** RFC 3339 in; out the same in UTC, to the millisecond. */
export const DateTimeScalar = new GraphQLScalarType({
  ...GraphQLDateTimeISO.toConfig(),
  name: 'DateTime',
  description: 'An instant as RFC 3339 writes it, such as 2007-12-03T10:15:30.123Z.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
});

/** Any JSON value; where an object is meant, the operations refuse the others. */
export const JsonScalar = new GraphQLScalarType({
  ...GraphQLJSON.toConfig(),
  parseValue: (value) => {
    assertKept(value);
    return value;
  },
  parseLiteral: (literal, variables) => {
    assertJson(literal);
    const value: unknown = GraphQLJSON.parseLiteral(literal, variables);
    // Variables stand in it with values that other scalars made.
    assertKept(value);
    return value;
  },
  description: `Any JSON value. Numbers are 64-bit floats from -${Number.MAX_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}, which hold whole ones exactly; any beyond are refused and can be sent as text.`,
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
});

/** GraphQL can write what JSON cannot, and GraphQLJSON makes nothing of it: `{ a: RED }` would be stored as `{}`. */
function assertJson(literal: ValueNode): void {
  switch (literal.kind) {
    case Kind.ENUM:
      throw new GraphQLError(`${print(literal)} is no JSON value`, { nodes: literal });
    case Kind.INT:
    case Kind.FLOAT:
      if (!isKept(Number(literal.value))) throw new GraphQLError(notKept(literal.value), { nodes: literal });
      return;
    case Kind.LIST:
      literal.values.forEach(assertJson);
      return;
    case Kind.OBJECT:
      for (const { value } of literal.fields) assertJson(value);
      return;
    default:
  }
}

/** Refuses what would be stored as something else: a number that JavaScript rounds, and a file, of which JSON has nothing. */
function assertKept(value: unknown): void {
  assertNoFile(value);
  const rounded = findNotKept(value);
  if (rounded !== undefined) throw new GraphQLError(notKept(rounded));
}

function assertNoFile(value: unknown): void {
  if (value instanceof Upload || value instanceof FileAtPath) {
    throw new GraphQLError('A file cannot stand where JSON is expected: the map of the request leads it there');
  } else if (typeof value === 'object' && value !== null) {
    for (const each of Object.values(value)) assertNoFile(each);
  }
}
