import type { RequestHandler } from 'express';

const preflightMaxAgeSeconds = '600';
const allowedHeaders =
  'Authorization, Content-Type, Apollo-Require-Preflight, X-Apollo-Operation-Name, If-None-Match, Range';
const exposedHeaders = 'Content-Range, ETag, Retry-After, WWW-Authenticate, X-Request-Id';

/** Lets the pages of exactly these origins read answers. Credentials stay out: nothing here depends on cookies. */
export function cors(origins: readonly string[]): RequestHandler {
  const allowed = new Set(origins);
  return (request, response, next) => {
    const { origin } = request.headers;
    // Caches must not hand one origin's answer to another.
    if (allowed.size > 0) response.vary('Origin');
    const known = origin !== undefined && allowed.has(origin);
    if (known) response.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': exposedHeaders });
    if (request.method !== 'OPTIONS') {
      next();
      return;
    }
    if (known) {
      response.set({
        'Access-Control-Allow-Methods': 'GET, HEAD, POST',
        'Access-Control-Allow-Headers': allowedHeaders,
        'Access-Control-Max-Age': preflightMaxAgeSeconds,
      });
    }
    response.status(204).end();
  };
}
