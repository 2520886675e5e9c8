import { HeaderMap } from '@apollo/server';
import { GraphQLError } from 'graphql';
import type { SemblanceError } from '../base/errors.js';
import { refusalHeaders } from '../access/caller.js';

/** Of a whole operation, before any of it is executed: with the status and the headers that HTTP has for it. */
export function refusalOf(error: SemblanceError): GraphQLError {
  const headers = new HeaderMap(Object.entries(refusalHeaders(error)));
  return new GraphQLError(error.message, {
    originalError: error,
    extensions: { http: { status: error.status, headers } },
  });
}
