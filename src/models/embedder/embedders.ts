import { basename, isAbsolute } from 'node:path';
import { SemblanceError } from '../../base/errors.js';
import { maxModelWaitMs, retryIntervalMs } from '../../base/limits.js';
import type { Embedder, ModelInfo } from './embedder.js';
import { transparencyOf, type ModelIdentity } from '../model-identity.js';
import { howToMend } from '../remedy.js';
import { openEmbedder } from './open-embedder.js';

export interface EmbeddersOptions {
  /** The model that the server runs. It stays its owner's: it is not closed here. */
  readonly primary: Embedder;
  readonly dataDir: string;
  /** Threads of one model run. */
  readonly threads: number;
  /** See EmbedderOptions. */
  readonly useStoredSettings?: boolean | undefined;
  /** See maxModelWaitMs, which it is unless given. */
  readonly maxWaitMs?: number | undefined;
}

/** For how long a model that loads is waited for. */
export type Patience = 'short' | 'any';

/** The models that spaces need beside each other, each opened when it is first needed and kept. */
export interface Embedders {
  /**
   * @param model see loadModelManifest; undefined: the one that the server runs
   * @param expected refuses any other model of that name. The one that the server runs serves whatever its name
   * @param patience 'short' for a request, which holds what others need: it is refused where the model loads for longer than
   * maxModelWaitMs. Nobody waits for the one that the server runs
   * @returns an embedder that is ready, or was a moment ago: it may have died since
   * @throws SemblanceError MODEL_UNAVAILABLE saying why
   */
  get(model: string | undefined, expected?: ModelIdentity, patience?: Patience): Promise<ReadyEmbedder>;
  /** Those that were opened here and live. */
  readonly opened: readonly Embedder[];
  /** Closes what was opened here. */
  close(): Promise<void>;
}

export interface ReadyEmbedder {
  readonly embedder: Embedder;
  readonly info: ModelInfo;
}

export function openEmbedders(options: EmbeddersOptions): Embedders {
  return new EmbedderPool(options);
}

class EmbedderPool implements Embedders {
  readonly #options: EmbeddersOptions;
  readonly #opened = new Map<string, Opening>();
  readonly #embedders = new Set<Embedder>();
  /** Kept over a crash of the primary's worker: no second one is to be opened in its place. */
  #primaryInfo: ModelInfo | undefined;
  #closed = false;

  constructor(options: EmbeddersOptions) {
    this.#options = options;
  }

  async get(model: string | undefined, expected?: ModelIdentity, patience: Patience = 'any'): Promise<ReadyEmbedder> {
    const primary = this.#primary();
    if (primary !== undefined && serves(primary.info, model, expected)) return primary;
    if (model === undefined || this.#mayBecome(model, expected)) throw unavailable('The model', this.#options.primary);
    const { ready: opening, overdue } = this.#open(model);
    const ready = await (patience === 'any' ? opening : Promise.race([opening, overdue]));
    if (expected !== undefined && transparencyOf(ready.info, expected) === undefined) {
      throw new SemblanceError(
        'MODEL_UNAVAILABLE',
        `The model ${shownName(model)} has other weights or another preprocessing than the one that the space was made with: ${howToMend(model)}`,
      );
    }
    return ready;
  }

  get opened(): readonly Embedder[] {
    return [...this.#embedders];
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#embedders].map((embedder) => embedder.close()));
  }

  #primary(): ReadyEmbedder | undefined {
    const { primary } = this.#options;
    if (primary.state.kind === 'ready') this.#primaryInfo = primary.state.model;
    return this.#primaryInfo && { embedder: primary, info: this.#primaryInfo };
  }

  /** Whether the primary, which loads, serves this model once it is ready. Before its manifest is read, nobody knows. */
  #mayBecome(model: string, expected: ModelIdentity | undefined): boolean {
    const { state } = this.#options.primary;
    return state.kind === 'loading' && (state.model === undefined || serves(state.model, model, expected));
  }

  #open(model: string): Opening {
    const known = this.#opened.get(model);
    if (known !== undefined) return known;
    const ready = this.#openNow(model);
    const opening = { ready, overdue: this.#loadsForLong(model) };
    this.#opened.set(model, opening);
    ready.catch(() => {
      // Not at once, for whoever asks next would load the same weights for nothing.
      setTimeout(() => this.#opened.delete(model), retryIntervalMs).unref();
    });
    return opening;
  }

  #loadsForLong(model: string): Promise<never> {
    const { maxWaitMs = maxModelWaitMs } = this.#options;
    const overdue = new Promise<never>((_resolve, reject) => {
      setTimeout(() => {
        reject(new SemblanceError('MODEL_UNAVAILABLE', `The model ${shownName(model)} is loading`));
      }, maxWaitMs).unref();
    });
    // Nobody listens where all that waited have their model.
    overdue.catch(() => undefined);
    return overdue;
  }

  async #openNow(model: string): Promise<ReadyEmbedder> {
    if (this.#closed) throw new SemblanceError('MODEL_UNAVAILABLE', 'The server is shutting down');
    const { dataDir, threads, useStoredSettings } = this.#options;
    const embedder = openEmbedder({ model, dataDir, threads, useStoredSettings });
    this.#embedders.add(embedder);
    await embedder.settled;
    if (embedder.state.kind === 'ready') return { embedder, info: embedder.state.model };
    const error = unavailable(`The model ${shownName(model)}`, embedder, model);
    this.#embedders.delete(embedder);
    await embedder.close();
    throw error;
  }
}

interface Opening {
  readonly ready: Promise<ReadyEmbedder>;
  /** Rejects once it has loaded for too long for a request to wait. */
  readonly overdue: Promise<never>;
}

function serves(info: ModelInfo, model: string | undefined, expected: ModelIdentity | undefined): boolean {
  if (expected !== undefined) return transparencyOf(info, expected) !== undefined;
  return model === undefined || model === info.name;
}

function unavailable(subject: string, { state }: Embedder, model?: string): SemblanceError {
  if (state.kind !== 'failed')
    return new SemblanceError('MODEL_UNAVAILABLE', `${subject} is ${state.kind === 'closed' ? 'closed' : 'loading'}`);
  // No path of the server reaches a client.
  const said = state.remedy === undefined ? state.reason : `${state.reason}; ${state.remedy}`;
  const reason = model === undefined ? said : said.replaceAll(model, shownName(model));
  return new SemblanceError('MODEL_UNAVAILABLE', `${subject} is not available: ${reason}`);
}

function shownName(model: string): string {
  return isAbsolute(model) ? basename(model) : model;
}
