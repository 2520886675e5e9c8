import { once } from 'node:events';
import type { Command } from 'commander';
import { buildApp, type App } from '../app.js';
import { loadConfig, secretsOf, type Config } from '../config.js';
import type { EmbedderState } from '../embedding/embedder.js';
import { ConfigurationError, messageOf } from '../errors.js';
import { openGraphqlDoor } from '../graphql/door.js';
import { callerOf, openAccess } from '../http/access.js';
import { listen, type Listening } from '../http/listen.js';
import { createHttpApp } from '../http/server.js';
import { WorkMeter } from '../operations/access/work-meter.js';
import { redact } from '../redact.js';
import { print } from './output.js';
import type { Environment } from './run.js';

export function registerServe(program: Command, env: Environment): void {
  program
    .command('serve')
    .description('serve GraphQL and images over HTTP; configured by environment variables, see docs/configuration.md')
    .action(async () => {
      const config = loadConfig(env);
      // Before anything listens: whoever finds the server there may end it at once.
      const signal = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
      const server = await startServer(config);
      announce(server);
      await Promise.race([signal, contradiction(server)]).finally(() => server.close());
    });
}

interface Server {
  readonly app: App;
  readonly listening: Listening;
  /** Answers what was asked already, then closes the parts in the order in which they need each other. */
  close(): Promise<void>;
}

/** @throws ConfigurationError */
async function startServer(config: Config): Promise<Server> {
  const logError = logTo(config);
  const app = await buildApp(config, { jobs: { logError } });
  try {
    let closing = false;
    const { operations } = app;
    const meter = new WorkMeter(config);
    const access = openAccess({ config, operations, meter });
    const { introspection } = config;
    const { imagePaths } = access;
    const graphql = await openGraphqlDoor({ operations, introspection, meter, callerOf, imagePaths, logError });
    const http = createHttpApp({
      config,
      operations,
      graphql: graphql.handler,
      access,
      isClosing: () => closing,
      logError,
    });
    const listening = await listen({ app: http, host: config.host, port: config.port });
    await app.store.recordServerUrl(listening.url);
    return {
      app,
      listening,
      close: async () => {
        closing = true;
        await listening.close();
        await graphql.stop();
        await app.close();
      },
    };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Rejects where the database, once it could be asked, contradicts the configuration; stays pending otherwise. */
async function contradiction({ app }: Server): Promise<never> {
  await app.consistent;
  return new Promise<never>(() => undefined);
}

/** Says where to go at once, and what was found once the parts are known. */
function announce({ app, listening }: Server): void {
  const { config } = app;
  const logError = logTo(config);
  print(`Semblance listens on ${listening.url}`);
  print(`  page      ${listening.url}/ (drop a picture, see what looks like it)`);
  print(`  GraphQL   ${listening.url}/graphql (open it in a browser for the explorer)`);
  print(`  data      ${describeData(config)}`);
  print(`  access    ${describeAccess(config)}`);
  void app.ready
    .then(
      async () => {
        const status = await app.operations.status();
        print(`  model     ${status.model}, ${status.dimensions} dimensions`);
        describeServing(app.embedder.state);
        print(`  images    ${status.imageCount}`);
        if (status.imageCount === 0) {
          print('');
          print('The gallery is empty. The page offers to load a sample gallery; this does the same and searches it:');
          print('');
          print('  npm run -s semblance -- sample');
          print('');
        }
        print('Ready.');
      },
      (error: unknown) => {
        if (error instanceof ConfigurationError) return;
        logError('Not ready; /readyz tells the state', messageOf(error));
      },
    )
    .catch((error: unknown) => {
      logError('The state could not be read', error);
    });
}

function describeServing(state: EmbedderState): void {
  if (state.kind !== 'ready') return;
  const { threads, batchImages, foundBy, warning } = state.serving;
  const source = foundBy === 'bench' ? ', as "semblance models bench" found best' : '';
  print(
    `  inference ${threads} ${threads === 1 ? 'thread' : 'threads'}, at most ${batchImages} images in a run${source}`,
  );
  if (warning !== undefined) {
    console.error(`${warning}. "semblance models bench" finds settings for this machine, and stores them.`);
  }
}

function describeAccess({ anonymousAccess, tokens }: Config): string {
  const credentials = tokens === undefined ? 'API keys' : `API keys and tokens of ${tokens.issuer}`;
  if (anonymousAccess === 'admin') return 'anybody who reaches it may do everything';
  return anonymousAccess === 'none'
    ? `${credentials}; "semblance keys create NAME" makes one`
    : `anybody who reaches it may ${anonymousAccess}; more with ${credentials}`;
}

function describeData({ database, dataDir, schema }: Config): string {
  switch (database.kind) {
    case 'embedded':
      return `${dataDir} (embedded Postgres)`;
    case 'memory':
      return 'in memory, gone when this process ends';
    case 'server':
      return `${new URL(database.url).host}, schema ${schema}`;
  }
}

/** Writes to the operator's log, without the secrets that an error of a driver or a library may repeat. */
function logTo(config: Config): (message: string, error: unknown) => void {
  const secrets = secretsOf(config);
  return (message, error) => {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const cause = error instanceof Error && error.cause !== undefined ? ` (cause: ${messageOf(error.cause)})` : '';
    console.error(`${new Date().toISOString()} ${redact(`${message}: ${detail}${cause}`, secrets)}`);
  };
}
