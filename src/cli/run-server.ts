import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { App } from '../app.js';
import { secretsOf, type Config, type LogFormat } from '../base/config.js';
import { describeConfig } from '../base/describe-config.js';
import { ConfigurationError, messageOf } from '../base/errors.js';
import { openLog, type Log } from '../base/log.js';
import { packageVersion } from '../base/paths.js';
import type { EmbedderState } from '../models/embedder/embedder.js';
import { startServer, type Server } from '../server.js';
import { adviseModel } from '../spaces/models/model-advice.js';
import { print } from './output.js';
import type { Environment } from './run.js';

export interface ServerRun {
  readonly config: Config;
  readonly env: Environment;
  /** What is wrong with the environment and keeps nothing from starting. */
  readonly warnings: readonly string[];
}

/**
 * Serves until SIGTERM or SIGINT.
 * @throws ConfigurationError
 */
export async function runServer({ config, env, warnings }: ServerRun): Promise<void> {
  const format = config.logFormat ?? (process.stdout.isTTY ? 'text' : 'json');
  const log = openLog({ format, level: config.logLevel, secrets: secretsOf(config) });
  for (const warning of warnings) log.warn(warning);
  // Before anything listens: whoever finds the server there may end it at once.
  const signal = signalled();
  const server = await startServer(config, log);
  announce(server, { env, format, log });
  try {
    await Promise.race([signal, contradiction(server)]);
    server.refuseReadiness();
    log.info('shutting down', { drainSeconds: config.drainSeconds });
    if (config.drainSeconds > 0)
      await Promise.race([signalled(), setTimeout(config.drainSeconds * 1000, undefined, { ref: false })]);
  } finally {
    await server.close();
  }
}

async function signalled(): Promise<void> {
  const heard = new AbortController();
  const { signal } = heard;
  // Whichever comes; the next one of either kind is another's to hear, or ends the process.
  await Promise.race([once(process, 'SIGTERM', { signal }), once(process, 'SIGINT', { signal })]);
  heard.abort();
}

/** Rejects where the database, once it could be asked, contradicts the configuration; stays pending otherwise. */
async function contradiction({ app }: Server): Promise<never> {
  await app.consistent;
  return new Promise<never>(() => undefined);
}

interface Announcement {
  readonly env: Environment;
  readonly format: LogFormat;
  readonly log: Log;
}

/** Says where to go at once, and what was found once the parts are known: as text to people, as lines of the log to programs. */
function announce({ app, listening }: Server, { env, format, log }: Announcement): void {
  const { config } = app;
  const tell = format === 'text' ? print : () => undefined;
  tell(`Semblance listens on ${listening.url}`);
  const address = listening.url + config.pathPrefix;
  tell(`  page      ${address}/ (drop a picture, see what looks like it)`);
  tell(`  GraphQL   ${address}/graphql (open it in a browser for the explorer)`);
  tell(`  data      ${describeData(config)}`);
  tell(`  access    ${describeAccess(config)}`);
  const settings = describeConfig(config);
  for (const [name, value] of Object.entries(settings)) {
    // What is not set stands in docs/configuration.md.
    if ((env[name]?.trim() ?? '') !== '') tell(`  set       ${name}=${value}`);
  }
  if (format === 'json') {
    log.info('listening', { url: listening.url, version: packageVersion, pid: process.pid, configuration: settings });
  }
  void app.ready
    .then(
      async () => {
        const { model, dimensions, imageCount } = await app.operations.status();
        if (format === 'json') log.info('ready', { model, dimensions, imageCount });
        tell(`  model     ${model}, ${dimensions} dimensions`);
        describeServing(app.embedder.state, tell, log);
        tell(`  images    ${imageCount}`);
        if (imageCount === 0) {
          tell('');
          tell('The gallery is empty. The page offers to load a sample gallery; this does the same and searches it:');
          tell('');
          tell('  npm run -s semblance -- sample');
          tell('');
        }
        await adviseOperator(app, { format, log, tell });
        tell('Ready.');
      },
      (error: unknown) => {
        if (error instanceof ConfigurationError) return;
        log.error('Not ready; /readyz tells the state', messageOf(error));
      },
    )
    .catch((error: unknown) => {
      log.error('The state could not be read', error);
    });
}

/** Says that a better model is bundled, where that is so, and how to switch to it. */
async function adviseOperator(
  { config, context: { store, recipes } }: App,
  { format, log, tell }: Pick<Announcement, 'format' | 'log'> & { readonly tell: (line: string) => void },
): Promise<void> {
  const advice = await adviseModel({ store, recipes, model: config.model });
  if (advice === undefined) return;
  const { message, commands, otherwise } = advice;
  if (format === 'json') log.info(message, { commands: commands.map((command) => `semblance ${command}`), otherwise });
  tell('');
  tell(`${message} To switch while this serves:`);
  tell('');
  for (const command of commands) tell(`  npm run -s semblance -- ${command}`);
  tell('');
  tell(otherwise);
  tell('');
}

function describeServing(state: EmbedderState, tell: (line: string) => void, log: Log): void {
  if (state.kind !== 'ready') return;
  const { threads, batchImages, foundBy, warning } = state.serving;
  const source = foundBy === 'bench' ? ', as "semblance models bench" found best' : '';
  tell(
    `  inference ${threads} ${threads === 1 ? 'thread' : 'threads'}, at most ${batchImages} images in a run${source}`,
  );
  if (warning !== undefined) {
    log.warn(`${warning}. "semblance models bench" finds settings for this machine, and stores them.`);
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
