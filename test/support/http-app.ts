import { buildApp, type App } from '../../src/app.js';
import { loadConfig, type Config } from '../../src/config.js';
import { openGraphqlDoor } from '../../src/graphql/door.js';
import { imagePaths } from '../../src/http/image-paths.js';
import { listen } from '../../src/http/listen.js';
import { createHttpApp } from '../../src/http/server.js';
import type { Operations } from '../../src/operations/operations.js';
import { TestClient } from './client.js';

export interface HttpDoor {
  readonly client: TestClient;
  /** What the operator's log got. */
  readonly logged: readonly unknown[];
  close(): Promise<void>;
}

/** The app on a database in memory, ready to serve. */
export async function buildMemoryApp(env: Readonly<Record<string, string>> = {}): Promise<App> {
  const app = await buildApp(loadConfig({ DATABASE_URL: 'memory:', ...env }));
  await app.ready;
  return app;
}

/** Serves operations over HTTP on a free loopback port, wired as the program does it. */
export async function openHttpDoor(operations: Operations, overrides: Partial<Config> = {}): Promise<HttpDoor> {
  const config = { ...loadConfig({ DATABASE_URL: 'memory:', PORT: '0' }), ...overrides };
  const logged: unknown[] = [];
  const logError = (_message: string, error: unknown): void => {
    logged.push(error);
  };
  const { anonymousAccess } = config;
  const graphql = await openGraphqlDoor({ operations, anonymousAccess, imagePaths, logError });
  const app = createHttpApp({ config, operations, graphql: graphql.handler, logError });
  const listening = await listen({ app, host: '127.0.0.1', port: 0 });
  return {
    client: new TestClient(listening.url),
    logged,
    close: async () => {
      await listening.close(0);
      await graphql.stop();
    },
  };
}
