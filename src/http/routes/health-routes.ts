import { Router, type Request } from 'express';
import type { Operations } from '../../api/operations.js';

export interface HealthRoutesOptions {
  readonly operations: Operations;
  /** True from the moment that the server shuts down: a load balancer then sends nothing new. */
  readonly isClosing: () => boolean;
  /** Whether the answer to a request holds the reasons: these name hosts and files of the operator's. */
  readonly tellsReasons: (request: Request) => boolean;
}

/**
 * /livez: the process answers. /readyz: every part serves; 503 with the reasons where one does not. Both without credentials and
 * under any host name: probes have none, and ask by an address.
 */
export function healthRoutes({ operations, isClosing, tellsReasons }: HealthRoutesOptions): Router {
  const router = Router();
  router.get('/livez', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ live: true });
  });
  router.get('/readyz', async (request, response) => {
    const health = await operations.health();
    const reasons = isClosing() ? [...health.reasons, 'the server is shutting down'] : health.reasons;
    response
      .set('Cache-Control', 'no-store')
      .status(reasons.length === 0 ? 200 : 503)
      .json({
        ready: reasons.length === 0,
        ...(tellsReasons(request) ? { reasons, warnings: health.warnings } : {}),
      });
  });
  return router;
}
