import type { RequestHandler } from 'express';
import { RequestRefusal } from './request-refusal.js';

/** Apollo Server itself refuses HEAD, which brings no body. */
const passed: readonly string[] = ['GET', 'HEAD', 'POST'];
const allowed = 'GET, POST';

/** Refuses methods that GraphQL over HTTP does not know, before a parser reads the body. OPTIONS is answered by CORS. */
export const methodGuard: RequestHandler = (request, response, next) => {
  if (passed.includes(request.method)) {
    next();
    return;
  }
  response.set('Allow', allowed);
  next(new RequestRefusal(405, `GraphQL is served to ${allowed}, not to ${request.method}`));
};
