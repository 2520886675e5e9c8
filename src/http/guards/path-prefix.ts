import type { RequestHandler } from 'express';

/** Takes off the path under which a proxy serves this server, where the proxy has not done it. */
export function stripPathPrefix(prefix: string): RequestHandler {
  return (request, _response, next) => {
    if (prefix !== '' && request.url.startsWith(prefix) && /^([/?]|$)/.test(request.url.slice(prefix.length))) {
      request.url = request.url.slice(prefix.length).replace(/^(?!\/)/, '/');
      request.originalUrl = request.url;
    }
    next();
  };
}
