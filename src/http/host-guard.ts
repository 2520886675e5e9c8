import type { RequestHandler } from 'express';
import { isLoopback } from '../config.js';
import { SemblanceError } from '../errors.js';

/**
 * Against DNS rebinding: a web page whose host name is made to resolve to 127.0.0.1 is same-origin with a loopback server,
 * and would read and write as its user. Its requests still carry the page's name in `Host`.
 */
export function hostGuard(allowedHosts: readonly string[]): RequestHandler {
  const allowed = new Set(allowedHosts.map(hostNameOf));
  return (request, _response, next) => {
    const name = hostNameOf(request.headers.host ?? '');
    if (isLoopback(name) || allowed.has(name)) next();
    else
      next(
        new SemblanceError(
          'FORBIDDEN',
          'This host name is not served here: SEMBLANCE_ALLOWED_HOSTS lists those that are',
        ),
      );
  };
}

/** Of "name:port", "name", "[::1]:port": the name, in lower case. */
function hostNameOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '');
}
