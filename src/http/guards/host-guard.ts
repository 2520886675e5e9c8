import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { isLoopback, type Config } from '../../base/config.js';
import { SemblanceError } from '../../base/errors.js';
import { RequestRefusal } from './request-refusal.js';

/** Which host name a request is for. */
export interface HostGuard {
  /** Refuses requests with several Host headers (RFC 9112, section 3.2): programs on the way may have read another one. */
  readonly single: RequestHandler;
  /** Whether the server goes by this name. */
  readonly isServed: (request: IncomingMessage) => boolean;
  /** Refuses requests for which it does not. */
  readonly served: RequestHandler;
}

/**
 * Against DNS rebinding: a web page whose host name is made to resolve to 127.0.0.1 is same-origin with a loopback server,
 * and would read and write as its user. Its requests still carry the page's name in `Host`. Elsewhere any name is served unless the
 * operator lists those that are.
 */
export function hostGuard({ host, allowedHosts }: Pick<Config, 'host' | 'allowedHosts'>): HostGuard {
  const allowed = new Set(allowedHosts.map(hostNameOf));
  const servesAny = !isLoopback(host) && allowed.size === 0;
  const isServed = ({ headers }: IncomingMessage): boolean => {
    const name = hostNameOf(headers.host ?? '');
    return servesAny || isLoopback(name) || allowed.has(name);
  };
  return {
    single: ({ rawHeaders }, _response, next) => {
      const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
      next(hosts.length > 1 ? new RequestRefusal(400, 'A request must have one Host header') : undefined);
    },
    isServed,
    served: (request, _response, next) => {
      if (isServed(request)) next();
      else
        next(
          new SemblanceError(
            'FORBIDDEN',
            'This host name is not served here: SEMBLANCE_ALLOWED_HOSTS lists those that are',
          ),
        );
    },
  };
}

/** Of "name:port", "name", "[::1]:port": the name, in lower case. */
function hostNameOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '');
}
