import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Config } from './base/config.js';
import { transparencyOf } from './models/model-identity.js';
import { openEmbedders } from './models/embedder/embedders.js';
import { openEmbedder } from './models/embedder/open-embedder.js';
import type { Embedder, EmbedderState } from './models/embedder/embedder.js';
import { ConfigurationError, messageOf, SemblanceError } from './base/errors.js';
import { ImageDecoder } from './pixels/decode/decode.js';
import { maxConcurrentDecodes, maxImagePixels, maxUploadBytesInWork, retryIntervalMs } from './base/limits.js';
import { ByteBudget } from './base/concurrency/byte-budget.js';
import type { OperationsContext } from './spaces/context.js';
import { FittedRecipes } from './spaces/fitted-recipes.js';
import { jobWork } from './api/jobs/run-job.js';
import { startJobRunner, type JobRunnerOptions } from './jobs/runner.js';
import { createOperations, type Operations } from './api/operations.js';
import { activeSpace } from './spaces/active-space.js';
import { modelProblem } from './spaces/models/model-problem.js';
import { encodingProblem } from './spaces/spaces.js';
import { openEncoders } from './methods/encoders.js';
import { modelsOf } from './methods/fitted.js';
import type { ModelLeaf } from './methods/leaves.js';
import { openStore } from './database/open-store.js';
import type { EmbeddingSpace, Store } from './database/store.js';

/** Everything wired, nothing listening. */
export interface App {
  readonly config: Config;
  readonly operations: Operations;
  /** What the operations work with. */
  readonly context: OperationsContext;
  readonly store: Store;
  readonly embedder: Embedder;
  /**
   * The outcome of the start. Resolves once the database is open and migrated, the model verified and its space at hand.
   * Rejects with ConfigurationError where the configuration contradicts the database, and with SemblanceError as soon as
   * a part is found missing: the app then serves what it can, and goes on trying.
   */
  readonly ready: Promise<void>;
  /** Settles once the database could be asked, however long that takes: rejects with ConfigurationError as `ready` does. */
  readonly consistent: Promise<void>;
  close(): Promise<void>;
}

const statePollMs = 50;

export interface AppOptions {
  /** For a server: works on jobs, whoever began them. */
  readonly jobs?: Pick<JobRunnerOptions, 'logError' | 'log'> | undefined;
  /** For the operator: what happens to the database. Standard error by default. */
  readonly onLog?: ((message: string) => void) | undefined;
}

/**
 * The only composition root: server, command line and tests build the app here.
 * @throws ConfigurationError where the data folder is held by another process or cannot be written
 */
export async function buildApp(config: Config, { jobs, onLog }: AppOptions = {}): Promise<App> {
  const store = await openStore({ ...config, ...(onLog === undefined ? {} : { onLog }) });
  const recipes = new FittedRecipes(store);
  let homeSpaceId: number | undefined;
  const model = untilAnswered(store, async () => {
    const space = await store.activeSpace();
    homeSpaceId = space?.id;
    return config.model ?? (space && (await modelsNeeded(recipes, space))?.[0]?.model);
  });
  const { dataDir, modelThreads: threads, maxUploadBytes } = config;
  const useStoredSettings = !config.modelThreadsGiven;
  const embedder = openEmbedder({ model, dataDir, threads, useStoredSettings });
  const embedders = openEmbedders({ primary: embedder, dataDir, threads, useStoredSettings });
  const encoders = openEncoders({ embedders, threads });
  const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: maxConcurrentDecodes });
  const context: OperationsContext = {
    store,
    embedder,
    homeSpaceId: () => homeSpaceId,
    embedders,
    encoders,
    recipes,
    decoder,
    maxUploadBytes,
    uploads: new ByteBudget({ maxBytes: maxUploadBytesInWork, what: 'uploads' }),
  };
  const prepared = prepareSpace(context, config);
  const consistent = prepared.then(() => undefined);
  const usable = prepared.then((problem) => {
    if (problem !== undefined) throw new SemblanceError('MODEL_UNAVAILABLE', problem);
  });
  const ready = Promise.race([usable, firstFailure(store, embedder)]);
  // Whoever waits for one hears of the failure; a server that goes on without waiting must not die of it.
  for (const outcome of [consistent, usable, ready]) outcome.catch(() => undefined);
  const runner = jobs && startJobRunner({ ...jobWork(context), started: prepared, ...jobs });
  return {
    config,
    operations: createOperations(context, runner),
    context,
    store,
    embedder,
    ready,
    consistent,
    close: async () => {
      await runner?.close();
      await encoders.close();
      await decoder.close();
      await embedders.close();
      await embedder.close();
      await store.close();
    },
  };
}

/**
 * Makes the first space of an empty database. From then on the active space decides which model is loaded.
 * @returns why images cannot be embedded in the space; undefined where they can
 * @throws ConfigurationError where SEMBLANCE_MODEL names another model
 */
async function prepareSpace(context: OperationsContext, config: Config): Promise<string | undefined> {
  const { store, embedder, recipes } = context;
  await embedder.settled;
  const space = await untilAnswered(store, () => activeSpace({ store, embedder }).catch(orRefusal));
  if (typeof space === 'string') return space;
  const state = embedder.state;
  if (space === undefined) return modelProblem(state, undefined, []);
  const models = await untilAnswered(store, () => modelsNeeded(recipes, space));
  if (models !== undefined && config.model !== undefined && contradicts(config.model, state, models)) {
    const needed = models.map(({ model }) => basename(model)).join(' and ');
    throw new ConfigurationError(
      `SEMBLANCE_MODEL=${config.model} differs from the model of the active embedding space ${JSON.stringify(space.name)}, ${needed}: unset it. To search with another model run \`semblance spaces create NAME --model ${config.model} --backfill\` and \`semblance spaces activate NAME\`.`,
    );
  }
  return untilAnswered(store, async () => encodingProblem(context, space, await recipes.of(space)).catch(messageOf));
}

/** Why the database's role may not make the first space; asking again would not help. */
function orRefusal(error: unknown): string {
  if (error instanceof SemblanceError && error.code === 'FORBIDDEN') return error.message;
  throw error;
}

/** Undefined where this version cannot read what was fitted for the space. */
async function modelsNeeded(recipes: FittedRecipes, space: EmbeddingSpace): Promise<readonly ModelLeaf[] | undefined> {
  try {
    return modelsOf(await recipes.of(space));
  } catch (error) {
    if (error instanceof SemblanceError && error.code === 'MODEL_UNAVAILABLE') return undefined;
    throw error;
  }
}

/** Whether the model that the operator named is none of those that a space needs. A space of features needs none. */
function contradicts(named: string, state: EmbedderState, models: readonly ModelLeaf[]): boolean {
  if (models.length === 0) return false;
  const names = models.map(({ model }) => basename(model));
  // The same name with other weights is a model that cannot serve, and no contradiction.
  // Where a space names its model by a path, the folder need not be called as the model is.
  const name = state.kind === 'ready' ? state.model.name : plainName(named);
  return (
    name !== undefined &&
    !names.includes(name) &&
    !(
      state.kind === 'ready' &&
      models.some((leaf) => leaf.model.includes('/') && transparencyOf(state.model, leaf) !== undefined)
    )
  );
}

/** A model's name; undefined for a path, behind which the name is known only once its manifest was read. */
function plainName(model: string | undefined): string | undefined {
  return model?.includes('/') === true ? undefined : model;
}

/** Rejects once the store or the model is found missing; else stays pending until the app closes. */
async function firstFailure(store: Store, embedder: Embedder): Promise<void> {
  for (;;) {
    if (store.state.kind === 'unavailable') throw new SemblanceError('DATABASE_UNAVAILABLE', store.state.reason);
    // A failed model is not thrown at once: prepareSpace says whether it contradicts the database.
    if (store.state.kind === 'closed' || embedder.state.kind !== 'loading') return new Promise(() => undefined);
    await setTimeout(statePollMs, undefined, { ref: false });
  }
}

/** Asks again whatever went wrong: the start has nobody to tell but the operator. @throws once the store was closed */
async function untilAnswered<T>(store: Store, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (store.state.kind === 'closed') throw error;
    }
    await setTimeout(store.state.kind === 'opening' ? statePollMs : retryIntervalMs, undefined, { ref: false });
  }
}
