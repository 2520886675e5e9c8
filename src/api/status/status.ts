import { setTimeout } from 'node:timers/promises';
import { messageOf, SemblanceError } from '../../base/errors.js';
import { healthTimeoutMs } from '../../base/limits.js';
import { indexProblem } from '../../database/indexes/indexes.js';
import type { EmbeddingSpace, Store, StoreKind } from '../../database/store.js';
import type { OperationsContext } from '../../spaces/context.js';
import { activeSpace } from '../../spaces/active-space.js';
import { modelProblem } from '../../spaces/models/model-problem.js';
import { encodingProblem } from '../../spaces/spaces.js';

export interface ServerStatus {
  readonly imageCount: number;
  readonly activeSpace: string;
  readonly model: string;
  readonly dimensions: number;
  readonly store: StoreKind;
}

/** @throws SemblanceError DATABASE_UNAVAILABLE; MODEL_UNAVAILABLE where an empty database still waits for its first model */
export async function readStatus(context: OperationsContext): Promise<ServerStatus> {
  const { store } = context;
  const [imageCount, space] = await Promise.all([store.countImages(), activeSpace(context)]);
  if (space === undefined) throw new SemblanceError('MODEL_UNAVAILABLE', 'No model has made an embedding space yet');
  return { imageCount, activeSpace: space.name, model: space.model, dimensions: space.dimensions, store: store.kind };
}

export interface Health {
  readonly ready: boolean;
  /** One sentence per part that is not ready, for the operator. */
  readonly reasons: readonly string[];
  /** One sentence per fault that stops nothing, for the operator; left out where there is none. */
  readonly warnings?: readonly string[];
}

/** Whether every part serves. Never throws, and answers within `healthTimeoutMs`. */
export async function readHealth(context: OperationsContext): Promise<Health> {
  const { store, embedder } = context;
  const reasons: string[] = [];
  let active: EmbeddingSpace | undefined;
  let others: readonly EmbeddingSpace[] = [];
  try {
    active = await within(healthTimeoutMs, activeSpace(context));
    if (active === undefined) reasons.push('database: it has no embedding space yet');
    else others = (await within(healthTimeoutMs, store.liveSpaces())).filter(({ id }) => id !== active?.id);
  } catch (error) {
    const { state } = store;
    reasons.push(`database: ${state.kind === 'unavailable' ? state.reason : messageOf(error)}`);
  }
  const problem = active === undefined ? modelProblem(embedder.state, undefined, []) : await problemOf(context, active);
  if (problem !== undefined) reasons.push(`model: ${problem}`);
  // Uploads need all of them.
  const problems = await Promise.all(others.map((space) => problemOf(context, space)));
  problems.forEach((reason, index) => {
    if (reason !== undefined) reasons.push(`space ${JSON.stringify(others[index]?.name)}: ${reason}`);
  });
  const warnings = active === undefined ? [] : await warningsOf(store);
  return { ready: reasons.length === 0, reasons, ...(warnings.length > 0 && { warnings }) };
}

async function warningsOf(store: Store): Promise<readonly string[]> {
  try {
    const indexes = await within(healthTimeoutMs, store.listVectorIndexes());
    return indexes.flatMap((index) => indexProblem(index) ?? []);
  } catch {
    // Then there is a reason, or the next probe finds one.
    return [];
  }
}

async function problemOf(context: OperationsContext, space: EmbeddingSpace): Promise<string | undefined> {
  const ask = async () => encodingProblem(context, space, await context.recipes.of(space));
  return within(healthTimeoutMs, ask()).catch(messageOf);
}

/** Rejects where the answer takes longer, which goes on unheard. */
export async function within<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
  const cancel = new AbortController();
  const timeout = setTimeout(timeoutMs, undefined, { signal: cancel.signal }).then(() => {
    throw new Error(`no answer within ${timeoutMs} ms`);
  });
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    cancel.abort();
    for (const loser of [answer, timeout]) loser.catch(() => undefined);
  }
}
