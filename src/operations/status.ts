import { SemblanceError } from '../errors.js';
import type { StoreKind } from '../store/store.js';
import type { OperationsContext } from './context.js';
import { modelProblem } from './require-model.js';

export interface ServerStatus {
  readonly imageCount: number;
  readonly activeSpace: string;
  readonly model: string;
  readonly dimensions: number;
  readonly store: StoreKind;
}

/** @throws SemblanceError DATABASE_UNAVAILABLE; MODEL_UNAVAILABLE where an empty database still waits for its first model */
export async function readStatus({ store }: OperationsContext): Promise<ServerStatus> {
  const [imageCount, space] = await Promise.all([store.countImages(), store.activeSpace()]);
  if (space === undefined) throw new SemblanceError('MODEL_UNAVAILABLE', 'No model has made an embedding space yet');
  return { imageCount, activeSpace: space.name, model: space.model, dimensions: space.dimensions, store: store.kind };
}

export interface Health {
  readonly ready: boolean;
  /** One sentence per part that is not ready, for the operator. */
  readonly reasons: readonly string[];
}

/** Whether every part serves. Never throws. */
export async function readHealth({ store, embedder }: OperationsContext): Promise<Health> {
  const reasons: string[] = [];
  const space = await store.activeSpace().catch(() => undefined);
  if (store.state.kind === 'unavailable') reasons.push(`database: ${store.state.reason}`);
  else if (store.state.kind !== 'ready') reasons.push(`database: ${store.state.kind}`);
  if (embedder.state.kind === 'failed') reasons.push(`model: ${embedder.state.reason}`);
  else if (embedder.state.kind !== 'ready') reasons.push(`model: ${embedder.state.kind}`);
  else if (space !== undefined) {
    const problem = modelProblem(embedder.state, space);
    if (problem !== undefined) reasons.push(`model: ${problem}`);
  } else if (store.state.kind === 'ready') reasons.push('database: the first embedding space is being made');
  return { ready: reasons.length === 0, reasons };
}
