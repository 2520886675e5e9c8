import type { ErrorRequestHandler, RequestHandler } from 'express';
import { SemblanceError } from '../base/errors.js';
import { refusalHeaders } from '../access/caller.js';
import { placeOf } from '../access/http/admission.js';
import { answerAmidBody } from './answer-amid-body.js';
import { RequestRefusal } from './guards/request-refusal.js';

/** Answers an error that reached Express, in the shape of a GraphQL response, so that clients read one shape only. */
export function errorResponder(logError: (message: string, error: unknown) => void): ErrorRequestHandler {
  return async (thrown: unknown, request, response, next) => {
    const requestId = String(response.locals['requestId']);
    const error = toSemblanceError(thrown);
    // What still arrives is read without one.
    placeOf(response)?.end();
    // Whatever fails after the client left is nobody's answer.
    if (error === undefined && !response.destroyed) logError(`Request ${requestId} failed`, thrown);
    if (response.headersSent || response.destroyed) {
      // The answer has begun: all that is left is to break it off, which Express does.
      next(thrown);
      return;
    }
    const body =
      error === undefined
        ? { message: 'Internal server error', extensions: { code: 'INTERNAL_SERVER_ERROR', requestId } }
        : { message: error.message, extensions: { code: error.code } };
    response.set('Cache-Control', 'no-store');
    if (error !== undefined) response.set(refusalHeaders(error));
    await answerAmidBody(request, response.status(error?.status ?? 500), JSON.stringify({ errors: [body] }));
  };
}

export const notFoundResponder: RequestHandler = (_request, _response, next) => {
  next(new SemblanceError('NOT_FOUND', 'Nothing is served at this path'));
};

/** Undefined for an error that no client may see. */
function toSemblanceError(error: unknown): SemblanceError | undefined {
  if (error instanceof SemblanceError) return error;
  if (error instanceof URIError) return new SemblanceError('BAD_USER_INPUT', 'The path is malformed', { cause: error });
  if (!(error instanceof Error)) return undefined;
  // By body-parser's `verify`, whose own status (403) says nothing.
  if (error.cause instanceof SemblanceError) return error.cause;
  // http-errors, by Express, its body parser and graphql-upload-ts: `expose` says that the message is meant for the client.
  const { status, expose, type } = error as Error & { status?: unknown; expose?: unknown; type?: unknown };
  if (expose !== true || typeof status !== 'number' || status < 400 || status > 499) return undefined;
  const message = type === 'entity.parse.failed' ? 'The body is not valid JSON' : error.message;
  return new RequestRefusal(status, message, { cause: error });
}
