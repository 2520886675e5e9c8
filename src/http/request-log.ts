import type { Request, RequestHandler, Response } from 'express';
import type { Log } from '../base/log.js';
import type { OperationNote } from '../api/context.js';
import type { Caller } from '../access/caller.js';
import { isAnswered } from './answer-amid-body.js';

/** Longer ones say nothing more, and fill the disk. */
const maxLoggedCharacters = 200;

/** Asked every few seconds, by machines: of interest where they fail. */
const probes: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics']);

/** One line for each request, once it was answered or broken off. Of its address the path alone: queries carry signatures. */
export function requestLog(log: Log): RequestHandler {
  return (request, response, next) => {
    const startedMs = performance.now();
    response.once('close', () => {
      const { statusCode: status } = response;
      const path = pathOf(request);
      const { name, field, code } = operationOf(response);
      const fields = {
        requestId: String(response.locals['requestId']),
        method: request.method,
        path: path.slice(0, maxLoggedCharacters),
        status,
        durationMs: Math.round((performance.now() - startedMs) * 10) / 10,
        ...present({
          caller: (response.locals as { readonly caller?: Caller }).caller?.id,
          operation: name?.slice(0, maxLoggedCharacters),
          field,
          code,
        }),
        // The client left, or was cut off.
        ...(isAnswered(response) ? {} : { aborted: true }),
      };
      if (status >= 500) log.warn('request', fields);
      else if (probes.has(path)) log.debug('request', fields);
      else log.info('request', fields);
    });
    next();
  };
}

/** What GraphQL tells of a request; nothing where it was none. */
export function operationOf({ locals }: Response): OperationNote {
  return (locals as { readonly operation?: OperationNote }).operation ?? {};
}

/** Without the query. Routers change `request.path`, and `originalUrl` stays. */
export function pathOf({ originalUrl }: Pick<Request, 'originalUrl'>): string {
  return originalUrl.replace(/\?.*$/s, '');
}

function present(fields: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
