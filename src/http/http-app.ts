import express, { type Express, type RequestHandler } from 'express';
import type { Config } from '../base/config.js';
import { messageOf } from '../base/errors.js';
import { maxJsonBodyBytes } from '../base/limits.js';
import type { Log } from '../base/log.js';
import { assertJsonDepth } from '../base/json/json-depth.js';
import type { Operations } from '../api/operations.js';
import { sweepAbandonedUploads } from './abandoned-uploads.js';
import type { Access } from '../access/http/guards.js';
import { admit, type Admission } from '../access/http/admission.js';
import { cors } from './guards/cors.js';
import { errorResponder, notFoundResponder } from './error-responder.js';
import { explorerRoutes } from '../api/explorer-routes.js';
import { healthRoutes } from './routes/health-routes.js';
import { hostGuard } from './guards/host-guard.js';
import { imageRoutes } from '../images/http/image-routes.js';
import { metricsRoutes } from './routes/metrics-routes.js';
import type { Metrics } from './metrics.js';
import { methodGuard } from './guards/method-guard.js';
import { pageRoutes } from './routes/page-routes.js';
import { stripPathPrefix } from './guards/path-prefix.js';
import { contentLength, cutOff, isUpload } from '../access/http/request-body.js';
import { requestId } from './request-id.js';
import { requestLog } from './request-log.js';
import { RequestRefusal } from './guards/request-refusal.js';
import { securityHeaders } from './guards/security-headers.js';
import { uploadGuard } from './upload-guard.js';

export interface HttpAppOptions {
  readonly config: Config;
  readonly operations: Operations;
  /** Answers POST and GET of /graphql, the body parsed. */
  readonly graphql: RequestHandler;
  readonly access: Access;
  readonly admission: Admission;
  /** True from the moment that the server shuts down. */
  readonly isClosing?: (() => boolean) | undefined;
  /** Where errors go that no client may see. */
  readonly logError: (message: string, error: unknown) => void;
  /** Gets a line for each request. */
  readonly log?: Log | undefined;
  readonly metrics?: Metrics | undefined;
}

/** Everything that is served, listening to nothing. What is refused is refused before any body is read. */
export function createHttpApp({
  config,
  operations,
  graphql,
  access,
  admission,
  isClosing = () => false,
  logError,
  log,
  metrics,
}: HttpAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.set('trust proxy', config.proxyHops);

  sweepAbandonedUploads();
  const hosts = hostGuard(config);
  app.use(stripPathPrefix(config.pathPrefix), requestId, securityHeaders);
  if (log !== undefined) app.use(requestLog(log));
  if (metrics !== undefined) app.use(metrics.observe);
  app.use(hosts.single);
  app.use(
    healthRoutes({
      operations,
      isClosing,
      // Not to a web page under a name of its own: see hostGuard.
      tellsReasons: (request) => config.anonymousAccess === 'admin' && hosts.isServed(request),
    }),
  );
  app.use(hosts.served);
  if (metrics !== undefined) app.use(metricsRoutes({ metrics, access, token: config.metricsToken }));
  app.use(['/graphql', '/images'], cors(config.corsOrigins));
  const { pages, strayed } = pageRoutes({ pathPrefix: config.pathPrefix });
  app.use(pages, explorerRoutes());
  app.use(['/graphql', '/images'], access.identify);
  app.use(
    imageRoutes({
      operations,
      access,
      sending: admission.images,
      crossOrigin: config.corsOrigins.length > 0,
      serveOriginals: config.serveOriginals,
    }),
  );
  app.all(
    '/graphql',
    methodGuard,
    access.guardGraphql,
    admit(admission.uploads, isUpload),
    access.chargeGraphql,
    jsonSize,
    jsonBody,
    admit(admission.operations, (request) => !isUpload(request)),
    ...uploadGuard({ maxUploadBytes: config.maxUploadBytes, temporary: admission.temporary }),
    graphql,
  );

  app.use(strayed, notFoundResponder);
  app.use(errorResponder(logError));
  return app;
}

/** Before any of it is read: the parser would read all of it before it refuses. */
const jsonSize: RequestHandler = (request, _response, next) => {
  if (!isUpload(request)) {
    if ((contentLength(request) ?? 0) > maxJsonBodyBytes) {
      throw new RequestRefusal(413, `A request without files may have at most ${maxJsonBodyBytes} bytes`);
    }
    cutOff(request, maxJsonBodyBytes);
  }
  next();
};

const jsonBody = express.json({
  limit: maxJsonBodyBytes,
  verify: (_request, _response, body, charset) => {
    try {
      // express.json takes every utf-*: in UTF-7 or UTF-16 the depth would be counted in bytes that are none of JSON's.
      if (charset !== 'utf-8') throw new RequestRefusal(415, 'JSON must be sent in UTF-8');
      assertJsonDepth(body);
    } catch (error) {
      // body-parser writes a status onto what is thrown here, which a SemblanceError does not take.
      throw new Error(messageOf(error), { cause: error });
    }
  },
});
