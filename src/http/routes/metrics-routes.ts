import { createHash, timingSafeEqual } from 'node:crypto';
import { Router, type Request } from 'express';
import { requireScope } from '../../access/caller.js';
import { callerOf, type Access } from '../../access/http/guards.js';
import type { Metrics } from '../metrics.js';

export interface MetricsRoutesOptions {
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
  readonly access: Pick<Access, 'identify'>;
  /** SEMBLANCE_METRICS_TOKEN. */
  readonly token: string | undefined;
}

/** GET /metrics, for whoever has the token, which takes no database to check, or the scope `admin`. */
export function metricsRoutes({ metrics, access, token }: MetricsRoutesOptions): Router {
  const expected = token === undefined ? undefined : sha256(token);
  const hasToken = ({ headers }: Request): boolean => {
    const given = /^Bearer +([^\s]+) *$/i.exec(headers.authorization ?? '')?.[1];
    return expected !== undefined && given !== undefined && timingSafeEqual(sha256(given), expected);
  };
  const router = Router();
  router.get(
    '/metrics',
    (request, response, next) => {
      if (!hasToken(request)) return access.identify(request, response, next);
      next();
    },
    async (request, response) => {
      if (!hasToken(request)) requireScope(callerOf(response), 'admin');
      const text = await metrics.render();
      response.set({ 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' }).send(text);
    },
  );
  return router;
}

/** Of equal length, whatever is compared. */
function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
