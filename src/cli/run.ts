import { setMaxListeners } from 'node:events';
import { Command, InvalidArgumentError } from 'commander';
import type { Config } from '../base/config.js';
import { ConfigurationError, isInterruption, SemblanceError } from '../base/errors.js';
import { maxK } from '../base/limits.js';
import type { Operations } from '../api/operations.js';
import { DataFolderInUseError } from '../database/embedded/lock.js';
import { loadGalleryConfig } from './command-config.js';
import type { Gallery } from './gallery.js';
import { openApp, openLocalGallery } from './local-gallery.js';
import { openRemoteGallery } from './remote/remote-gallery.js';
import { openRemoteSpaces } from './remote/remote-spaces.js';
import { openLocalSpaces, type SpaceDoor } from './spaces/space-door.js';

export type Environment = NodeJS.ProcessEnv;

/** What every command that works on a gallery takes. */
export interface GalleryOptions {
  readonly server?: URL | undefined;
}

export interface CommandContext {
  readonly config: Config;
  readonly gallery: Gallery;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** As shells report a process that SIGINT ended. */
export const interruptedExitCode = 130;

export function withServerOption(command: Command): Command {
  return command.option(
    '--server <url>',
    'work through the server at this address, e.g. http://127.0.0.1:4000, instead of opening the database',
    parseServer,
  );
}

/**
 * Runs `work` on the gallery that the options and the environment name. Where a running server holds the embedded data
 * folder, it says so and works through that server.
 */
export async function runOnGallery(
  env: Environment,
  options: GalleryOptions & { readonly needsModel: boolean },
  work: (context: CommandContext) => Promise<void>,
): Promise<void> {
  await untilInterrupted((signal) => withGallery(env, options, signal, work));
}

/** As runOnGallery, for work that had been begun before. */
export async function withGallery(
  env: Environment,
  options: GalleryOptions & { readonly needsModel: boolean },
  signal: AbortSignal,
  work: (context: CommandContext) => Promise<void>,
): Promise<void> {
  const config = loadGalleryConfig(env, options);
  const gallery = await openGallery(config, options);
  await work({ config, gallery, signal }).finally(() => gallery.close());
}

/**
 * Runs `work` on the spaces of the gallery that the options and the environment name, as runOnGallery.
 * @throws ConfigurationError where a process that is no server holds the embedded data folder
 */
export async function runOnSpaces(
  env: Environment,
  options: GalleryOptions & { readonly needsModel: boolean },
  work: (context: { readonly door: SpaceDoor; readonly signal: AbortSignal }) => Promise<void>,
): Promise<void> {
  await untilInterrupted(async (signal) => {
    const { door, close } = await openSpaces(loadGalleryConfig(env, options), options);
    await work({ door, signal }).catch(explainModel).finally(close);
  });
}

/**
 * Runs `work` on the database itself, for what no server does for a client.
 * @throws ConfigurationError where another process holds the embedded data folder
 */
export async function runOnDatabase(
  env: Environment,
  work: (operations: Operations, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  await untilInterrupted(async (signal) => {
    const app = await openApp(loadGalleryConfig(env), { needsModel: false }).catch(explainHolder);
    await work(app.operations, signal).finally(() => app.close());
  });
}

/** For commands on the database itself. */
export function explainHolder(error: unknown): never {
  if (!(error instanceof DataFolderInUseError)) throw error;
  const holder =
    error.url === undefined
      ? `process ${error.pid}, and this command works on the database itself: wait for it to end.`
      : `a running server (process ${error.pid}), and this command works on the database itself: stop the server, run the command, and start the server again.`;
  throw new ConfigurationError(`The data folder ${error.dataDir} is held by ${holder}`, { cause: error });
}

/** Clients are not told why a model is missing; whoever runs a command on the database is. */
function explainModel(error: unknown): never {
  if (error instanceof SemblanceError && error.code === 'MODEL_UNAVAILABLE' && error.cause instanceof Error) {
    throw new SemblanceError(error.code, `${error.message}: ${error.cause.message}`, { cause: error });
  }
  throw error;
}

/** Gives `work` a signal that Ctrl-C aborts. Once it did, the command ends with `interruptedExitCode`, whatever the moment. */
export async function untilInterrupted(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interrupt = new AbortController();
  const { signal } = interrupt;
  // Every image on its way listens; Node warns of a leak from the eleventh listener on.
  setMaxListeners(0, signal);
  // Once: a second Ctrl-C ends the process as it would without us.
  const onInterrupt = (): void => {
    process.stderr.write('\nStopping after what is on its way. Press Ctrl-C again to stop at once.\n');
    interrupt.abort();
  };
  process.once('SIGINT', onInterrupt);
  try {
    await work(signal);
  } catch (error) {
    if (!isInterruption(error, signal)) throw error;
    process.stderr.write('Interrupted: nothing more was begun.\n');
  } finally {
    process.off('SIGINT', onInterrupt);
    if (signal.aborted) process.exitCode = interruptedExitCode;
  }
}

async function openGallery(
  config: Config,
  options: GalleryOptions & { readonly needsModel: boolean },
): Promise<Gallery> {
  if (options.server !== undefined) return openRemoteGallery(options.server, config.apiKey);
  return openLocalGallery(config, options).catch((error: unknown) =>
    openRemoteGallery(serverThatHolds(error), config.apiKey),
  );
}

async function openSpaces(
  config: Config,
  options: GalleryOptions & { readonly needsModel: boolean },
): Promise<{ readonly door: SpaceDoor; readonly close: () => Promise<void> }> {
  const remote = (server: URL) => ({ door: openRemoteSpaces(server, config.apiKey), close: () => Promise.resolve() });
  if (options.server !== undefined) return remote(options.server);
  try {
    const app = await openApp(config, options);
    return { door: openLocalSpaces(app.operations), close: () => app.close() };
  } catch (error) {
    return remote(serverThatHolds(error));
  }
}

/** Says that the command works through the server that holds the data folder. @throws `error` where there is none */
function serverThatHolds(error: unknown): URL {
  if (!(error instanceof DataFolderInUseError) || error.url === undefined) throw error;
  process.stderr.write(
    `The data folder ${error.dataDir} is held by a running server (process ${error.pid}): working through ${error.url}.\n`,
  );
  return new URL(error.url);
}

export function parseK(text: string): number {
  return parseInteger(text, 1, maxK);
}

export function parseInteger(text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) throw new InvalidArgumentError(`Expected an integer from ${min} to ${max}.`);
  return value;
}

export function parseSimilarity(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= -1 && value <= 1)) throw new InvalidArgumentError('Expected a number from -1 to 1.');
  return value;
}

function parseServer(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError('Expected an address such as http://127.0.0.1:4000.');
  }
  return url;
}
