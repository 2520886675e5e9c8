import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';

/** Names every request, in the response and in the log. A client's own name is not taken: it could forge log lines. */
export const requestId: RequestHandler = (_request, response, next) => {
  const id = randomUUID();
  response.locals['requestId'] = id;
  response.set('X-Request-Id', id);
  next();
};
