import { GraphQLError, GraphQLScalarType, Kind, print, type ValueNode } from 'graphql';
import { GraphQLDateTimeISO, GraphQLJSON } from 'graphql-scalars';

export { GraphQLUpload as UploadScalar } from 'graphql-upload-ts';

/** RFC 3339 in; out the same in UTC, to the millisecond. Without `@specifiedBy`, as the contract declares it. */
export const DateTimeScalar = new GraphQLScalarType({
  ...GraphQLDateTimeISO.toConfig(),
  name: 'DateTime',
  description: 'An instant as RFC 3339 writes it, such as 2007-12-03T10:15:30.123Z.',
  specifiedByURL: null,
});

/** Any JSON value; where an object is meant, the operations refuse the others. */
export const JsonScalar = new GraphQLScalarType({
  ...GraphQLJSON.toConfig(),
  parseLiteral: (literal, variables) => {
    assertJson(literal);
    return GraphQLJSON.parseLiteral(literal, variables) as unknown;
  },
  description: 'Any JSON value.',
  specifiedByURL: null,
});

/** GraphQL can write what JSON cannot, and GraphQLJSON makes nothing of it: `{ a: RED }` would be stored as `{}`. */
function assertJson(literal: ValueNode): void {
  switch (literal.kind) {
    case Kind.ENUM:
      throw notJson(literal);
    case Kind.INT:
    case Kind.FLOAT:
      if (!Number.isFinite(Number(literal.value))) throw notJson(literal);
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

function notJson(literal: ValueNode): GraphQLError {
  return new GraphQLError(`${print(literal)} is no JSON value`, { nodes: literal });
}
