import { GraphQLScalarType } from 'graphql';
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
  description: 'Any JSON value.',
  specifiedByURL: null,
});
