import { callerOf, openAccess } from './access/http/guards.js';
import { openAdmission, placeOf, type Admission } from './access/http/admission.js';
import { WorkMeter } from './access/work-meter.js';
import { openGraphqlDoor } from './api/graphql-server.js';
import type { Operations } from './api/operations.js';
import { buildApp, type App } from './app.js';
import type { Config } from './base/config.js';
import type { Log } from './base/log.js';
import { temporaryFolder } from './base/paths.js';
import { listen, type ClientTimeouts, type Listening } from './http/listen.js';
import { openMetrics, type Metrics } from './http/metrics.js';
import { createHttpApp } from './http/http-app.js';

export interface Server {
  readonly app: App;
  readonly listening: Listening;
  /** Load balancers then send nothing new; what they send is still answered. */
  refuseReadiness(): void;
  /** Answers what was asked already, then closes the parts in the order in which they need each other. */
  close(): Promise<void>;
}

/**
 * The app, working on jobs and serving HTTP.
 * @throws ConfigurationError
 */
export async function startServer(config: Config, log: Log): Promise<Server> {
  const logError = (message: string, error: unknown): void => {
    log.error(message, error);
  };
  const app = await buildApp(config, {
    jobs: {
      logError,
      log: (message, fields) => {
        log.info(message, fields);
      },
    },
    onLog: (message) => {
      log.warn(message);
    },
  });
  try {
    // Uploads lie there, also where the database does not.
    await temporaryFolder();
    let closing = false;
    const meter = new WorkMeter(config);
    const admission = openAdmission(config);
    const metrics = openMetrics({ context: app.context, meter, admission });
    const operations = metrics.counting(app.operations);
    const isClosing = (): boolean => closing;
    const http = await serveHttp({ config, operations, meter, admission, metrics, isClosing, logError, log });
    await app.store.recordServerUrl(http.listening.url);
    return {
      app,
      listening: http.listening,
      refuseReadiness: () => {
        closing = true;
      },
      close: async () => {
        closing = true;
        await http.close();
        await app.close();
      },
    };
  } catch (error) {
    await app.close();
    throw error;
  }
}

export interface HttpParts {
  readonly config: Config;
  readonly operations: Operations;
  readonly meter: WorkMeter;
  readonly admission: Admission;
  readonly metrics?: Metrics | undefined;
  readonly isClosing?: (() => boolean) | undefined;
  /** Where errors go that no client may see. */
  readonly logError: (message: string, error: unknown) => void;
  /** The log that each request is written to; nothing is written without it. */
  readonly log?: Log | undefined;
  /** The clock by which links expire. */
  readonly now?: (() => number) | undefined;
  readonly timeouts?: Partial<ClientTimeouts> | undefined;
}

/** Operations over HTTP, listening at the address of `config`. @throws ConfigurationError */
export async function serveHttp({ now, timeouts = {}, ...parts }: HttpParts): Promise<{
  readonly listening: Listening;
  /** See Listening.close. */
  close(timeoutMs?: number): Promise<void>;
}> {
  const { config, operations, meter, admission, logError } = parts;
  const access = openAccess({ config, operations, meter, now });
  const graphql = await openGraphqlDoor({
    config,
    operations,
    meter,
    answers: admission.answers,
    callerOf,
    placeOf,
    imagePaths: access.imagePaths,
    logError,
  });
  const app = createHttpApp({ ...parts, graphql: graphql.handler, access });
  const listening = await listen({ app, host: config.host, port: config.port, timeouts });
  return {
    listening,
    close: async (timeoutMs) => {
      await listening.close(timeoutMs);
      await graphql.stop();
    },
  };
}
