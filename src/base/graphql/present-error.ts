import { GraphQLError, isValueNode } from 'graphql';
import { SemblanceError } from '../errors.js';

/** An error as a client may see it. */
export interface PresentedError {
  readonly code: string;
  readonly message: string;
  /** True where the error is unknown, and its message therefore kept from the client. */
  readonly masked: boolean;
}

/** Apollo Server's own codes. Their messages speak of the client's document and variables, never of the server. */
const apolloCodes = new Set([
  'BAD_REQUEST',
  'BAD_USER_INPUT',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]);

/** Codes of graphql-upload-ts's scalar: something other than a file of the request stands where one belongs. */
const uploadCodes = new Set(['INVALID_UPLOAD_VALUE', 'UPLOAD_LITERAL_UNSUPPORTED']);

/** Coercion errors repeat the value, which may be long. */
const maxMessageCharacters = 500;

/** The one place where an error becomes a code and a message for a GraphQL client. */
export function presentError(error: unknown): PresentedError {
  const original = originalOf(error);
  if (original instanceof SemblanceError) return { code: original.code, message: original.message, masked: false };
  if (error instanceof GraphQLError) {
    const code = error.extensions['code'];
    const message = error.message.slice(0, maxMessageCharacters);
    if (typeof code === 'string' && apolloCodes.has(code)) return { code, message, masked: false };
    if (typeof code === 'string' && uploadCodes.has(code)) return { code: 'BAD_USER_INPUT', message, masked: false };
    if (isArgumentError(original)) return { code: 'BAD_USER_INPUT', message, masked: false };
  }
  return { code: 'INTERNAL_SERVER_ERROR', message: 'Internal server error', masked: true };
}

/**
 * Whether graphql-js refused the value of an argument during execution, as with null in a nullable variable for an
 * argument that has a default. It gives such errors no code; that they point at a value of the document tells them from
 * all others.
 */
function isArgumentError(error: unknown): boolean {
  return (
    error instanceof GraphQLError && error.message.startsWith('Argument "') && (error.nodes ?? []).some(isValueNode)
  );
}

/** What a resolver threw: graphql-js wraps it, once per level. */
function originalOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError !== undefined ? originalOf(error.originalError) : error;
}
