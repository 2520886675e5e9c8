import { buildApp, type App } from '../../src/app.js';
import { loadConfig, type Config } from '../../src/base/config.js';
import { openAdmission, type Admission } from '../../src/access/http/admission.js';
import type { ClientTimeouts } from '../../src/http/listen.js';
import type { Metrics } from '../../src/http/metrics.js';
import { serveHttp } from '../../src/server.js';
import type { Log } from '../../src/base/log.js';
import { WorkMeter } from '../../src/access/work-meter.js';
import type { Operations } from '../../src/api/operations.js';
import { TestClient } from './client.js';
import { testConfig } from './small-model.js';

export interface HttpDoor {
  readonly client: TestClient;
  /** What the operator's log got. */
  readonly logged: readonly unknown[];
  close(): Promise<void>;
}

/** The app on a database in memory, ready to serve. */
export async function buildMemoryApp(env: Readonly<Record<string, string>> = {}): Promise<App> {
  const app = await buildApp(testConfig({ DATABASE_URL: 'memory:', ...env }));
  await app.ready;
  return app;
}

/** Serves operations over HTTP on a free loopback port, wired as the program does it. */
export async function openHttpDoor(
  operations: Operations,
  overrides: Partial<Config> = {},
  now?: () => number,
  {
    log,
    metrics,
    admission = openAdmission({ anonymousAccess: 'admin', ...overrides }),
    timeouts = {},
  }: {
    readonly log?: Log;
    readonly metrics?: Metrics;
    readonly admission?: Admission;
    readonly timeouts?: Partial<ClientTimeouts>;
  } = {},
): Promise<HttpDoor> {
  const config = { ...loadConfig({ DATABASE_URL: 'memory:', PORT: '0' }), ...overrides };
  const logged: unknown[] = [];
  const logError = (message: string, error: unknown): void => {
    logged.push(error);
    log?.error(message, error);
  };
  const meter = new WorkMeter(config);
  const served = await serveHttp({
    config: { ...config, host: '127.0.0.1', port: 0 },
    operations,
    meter,
    admission,
    metrics,
    logError,
    log,
    now,
    timeouts,
  });
  return { client: new TestClient(served.listening.url), logged, close: () => served.close(0) };
}

/** The same operations; what of them is called is listed in `calls`. What asks who a caller is does not count. */
export function recordCalls(operations: Operations, calls: string[]): Operations {
  return new Proxy(operations, {
    get: (target, name) => {
      if (typeof name === 'string' && !['apiKeys', 'linkSecret'].includes(name)) calls.push(name);
      return Reflect.get(target, name) as unknown;
    },
  });
}
