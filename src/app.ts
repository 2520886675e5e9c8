import { setTimeout } from 'node:timers/promises';
import type { Config } from './config.js';
import { openEmbedders } from './embedding/embedders.js';
import { openEmbedder } from './embedding/open-embedder.js';
import type { Embedder } from './embedding/embedder.js';
import { ConfigurationError, SemblanceError } from './errors.js';
import { ImageDecoder } from './image/decode.js';
import { maxConcurrentDecodes, maxImagePixels, retryIntervalMs } from './limits.js';
import type { OperationsContext } from './operations/context.js';
import { FittedRecipes } from './operations/fitted-recipes.js';
import { createOperations, type Operations } from './operations/operations.js';
import { activeSpace, modelProblem } from './operations/active-space.js';
import { openEncoders } from './retrieval/spaces/encoders.js';
import { openStore } from './store/open-store.js';
import type { Store } from './store/store.js';

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

/**
 * The only composition root: server, command line and tests build the app here.
 * @throws ConfigurationError where the data folder is held by another process or cannot be written
 */
export async function buildApp(config: Config): Promise<App> {
  const store = await openStore(config);
  const model = untilAnswered(store, () => store.activeSpace()).then((space) => config.model ?? space?.model);
  const { dataDir, modelThreads: threads, maxUploadBytes } = config;
  const embedder = openEmbedder({ model, dataDir, threads });
  const embedders = openEmbedders({ primary: embedder, dataDir, threads });
  const encoders = openEncoders({ embedders, threads });
  const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: maxConcurrentDecodes });
  const recipes = new FittedRecipes(store);
  const context = { store, embedder, embedders, encoders, recipes, decoder, maxUploadBytes };
  const prepared = prepareSpace(store, embedder, config);
  const consistent = prepared.then(() => undefined);
  const usable = prepared.then((problem) => {
    if (problem !== undefined) throw new SemblanceError('MODEL_UNAVAILABLE', problem);
  });
  const ready = Promise.race([usable, firstFailure(store, embedder)]);
  // Whoever waits for one hears of the failure; a server that goes on without waiting must not die of it.
  for (const outcome of [consistent, usable, ready]) outcome.catch(() => undefined);
  return {
    config,
    operations: createOperations(context),
    context,
    store,
    embedder,
    ready,
    consistent,
    close: async () => {
      await encoders.close();
      await embedders.close();
      await embedder.close();
      await store.close();
    },
  };
}

/**
 * Makes the first space of an empty database. From then on the active space decides which model is loaded.
 * @returns why the model cannot serve the space; undefined where it can
 * @throws ConfigurationError where SEMBLANCE_MODEL names another
 */
async function prepareSpace(store: Store, embedder: Embedder, config: Config): Promise<string | undefined> {
  await embedder.settled;
  const space = await untilAnswered(store, () => activeSpace({ store, embedder }));
  const state = embedder.state;
  const named = state.kind === 'ready' ? state.model.name : plainName(config.model);
  if (space !== undefined && config.model !== undefined && named !== undefined && named !== space.model) {
    throw new ConfigurationError(
      `SEMBLANCE_MODEL=${config.model} differs from the model of the active embedding space, ${space.model}: unset it, or start with an empty database.`,
    );
  }
  return modelProblem(state, space);
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
