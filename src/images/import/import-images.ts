import { availableParallelism } from 'node:os';
import { isInterruption, SemblanceError } from '../../base/errors.js';
import { describeFileError } from './find-images.js';
import { maxWaitingDecodes } from '../../base/limits.js';
import { imageIdOf, sha256Hex } from '../../base/identity.js';
import type { Metadata } from '../../database/types.js';
import { defaultRetryWaitsMs, endsAll, isAnswer, retrying } from '../../base/concurrency/retrying.js';

/** One image of an import. `read` is called once to identify it, and once more to send it, so that few are held at once. */
export interface ImportSource {
  /** Names it in the report. */
  readonly path: string;
  readonly filename: string;
  readonly metadata: Metadata;
  read: () => Promise<Buffer>;
}

export interface ImportImage {
  readonly bytes: Buffer;
  readonly filename: string;
  readonly metadata: Metadata;
}

/** Where images go: operations in this process, or a server behind HTTP. */
export interface ImportTarget {
  /** Those of `ids` that are stored. */
  existingIds(ids: readonly string[]): Promise<ReadonlySet<string>>;
  upload(image: ImportImage): Promise<{ readonly created: boolean }>;
}

export type ImportEvent =
  | { readonly kind: 'imported'; readonly path: string }
  /** The same bytes are stored, or came earlier in this import. */
  | { readonly kind: 'known'; readonly path: string }
  | { readonly kind: 'failed'; readonly path: string; readonly reason: string };

export interface ImportOptions {
  readonly sources: AsyncIterable<ImportSource> | Iterable<ImportSource>;
  readonly target: ImportTarget;
  /** Instead of sending: throws for what the target would refuse. */
  readonly check?: ((bytes: Buffer) => Promise<unknown>) | undefined;
  /** Images on their way at the same time. */
  readonly concurrency?: number | undefined;
  readonly onEvent?: ((event: ImportEvent) => void) | undefined;
  /** Ends the import after what is on its way; nothing of it is lost, and the next import goes on there. */
  readonly signal?: AbortSignal | undefined;
  /** Waits before the attempts after the first, in milliseconds; as many attempts as waits, and one. */
  readonly retryWaitsMs?: readonly number[] | undefined;
}

export interface ImportSummary {
  readonly imported: number;
  readonly known: number;
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
  /** True where `signal` ended it: sources were left. */
  readonly interrupted: boolean;
}

/** Images whose ids are asked for at once. */
const idsPerQuery = 64;
/** Decoding, embedding and inserting wait for one another: four images a core keep all of them busy (bench/import). */
export const defaultImportConcurrency = Math.min(maxWaitingDecodes, 4 * availableParallelism());

interface IdentifiedSource {
  readonly source: ImportSource;
  readonly id: string;
}

/**
 * Sends what the target does not hold, several at once, and goes on after a bad file. An import that was cut off is run
 * again as it was: what arrived is recognised by its content and not sent again.
 * @throws SemblanceError where the target stays unavailable, is full or turns the importer away
 */
export async function importImages(options: ImportOptions): Promise<ImportSummary> {
  const { target, check, signal, onEvent } = options;
  const waitsMs = options.retryWaitsMs ?? defaultRetryWaitsMs;
  const failures: { path: string; reason: string }[] = [];
  let imported = 0;
  let known = 0;
  const report = (event: ImportEvent): void => {
    if (event.kind === 'imported') imported++;
    else if (event.kind === 'known') known++;
    else failures.push({ path: event.path, reason: event.reason });
    onEvent?.(event);
  };

  // Another's end stops every worker before its next image.
  const stop = new AbortController();
  const ended = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  const unknown = unknownSources({ ...options, signal: ended, report, waitsMs });

  /** Undefined where the import ended before this image had an answer. */
  const send = async ({ path, filename, metadata, read }: ImportSource): Promise<ImportEvent | undefined> => {
    try {
      const bytes = await read();
      if (check !== undefined) {
        await check(bytes);
        return { kind: 'imported', path };
      }
      const { created } = await retrying(() => target.upload({ bytes, filename, metadata }), waitsMs, ended);
      return { kind: created ? 'imported' : 'known', path };
    } catch (error) {
      if (ended.aborted && !isAnswer(error)) return undefined;
      if (endsAll(error)) throw error;
      return { kind: 'failed', path, reason: reasonOf(error) };
    }
  };

  const outcomes = new Map<string, Promise<ImportEvent | undefined>>();
  const work = async (): Promise<void> => {
    // An async generator queues concurrent calls of next, so workers share it without a lock.
    for (let next = await unknown.next(); next.done !== true; next = await unknown.next()) {
      const { source, id } = next.value;
      const earlier = outcomes.get(id);
      const outcome = earlier ?? send(source);
      outcomes.set(id, outcome);
      const event = await outcome;
      if (event === undefined) return;
      if (earlier === undefined) report(event);
      else report(event.kind === 'failed' ? { ...event, path: source.path } : { kind: 'known', path: source.path });
    }
  };
  // The first is the cause: the others stop because of it, and say no more than that.
  let failure: { readonly error: unknown } | undefined;
  const guarded = (): Promise<void> =>
    work().catch((error: unknown) => {
      if (signal === undefined || !isInterruption(error, signal)) failure ??= { error };
      stop.abort();
    });
  await Promise.all(Array.from({ length: options.concurrency ?? defaultImportConcurrency }, guarded));
  if (failure !== undefined) throw failure.error;
  return { imported, known, failures, interrupted: signal?.aborted === true };
}

/** Reads, identifies and asks for one batch while the workers are busy with the one before. */
async function* unknownSources(
  options: ImportOptions & { readonly report: (event: ImportEvent) => void; readonly waitsMs: readonly number[] },
): AsyncGenerator<IdentifiedSource, void, undefined> {
  const { target, signal, report } = options;
  const identify = async (batch: readonly ImportSource[]): Promise<readonly IdentifiedSource[]> => {
    const identified: IdentifiedSource[] = [];
    for (const source of batch) {
      if (signal?.aborted === true) return [];
      try {
        identified.push({ source, id: imageIdOf(sha256Hex(await source.read())) });
      } catch (error) {
        report({ kind: 'failed', path: source.path, reason: reasonOf(error) });
      }
    }
    if (identified.length === 0) return [];
    const ids = identified.map(({ id }) => id);
    const stored = await retrying(() => target.existingIds(ids), options.waitsMs, signal);
    for (const { source } of identified.filter(({ id }) => stored.has(id)))
      report({ kind: 'known', path: source.path });
    return identified.filter(({ id }) => !stored.has(id));
  };

  let ahead: Promise<readonly IdentifiedSource[]> | undefined;
  for await (const batch of inBatches(options.sources)) {
    const current = ahead;
    ahead = identify(batch);
    // It is awaited one batch later; a rejection until then is no unhandled one.
    ahead.catch(() => undefined);
    if (current !== undefined) yield* untilAborted(await current, signal);
    if (signal?.aborted === true) return;
  }
  if (ahead !== undefined) yield* untilAborted(await ahead, signal);
}

function* untilAborted<T>(items: readonly T[], signal: AbortSignal | undefined): Generator<T, void, undefined> {
  for (const item of items) {
    if (signal?.aborted === true) return;
    yield item;
  }
}

async function* inBatches(
  sources: AsyncIterable<ImportSource> | Iterable<ImportSource>,
): AsyncGenerator<readonly ImportSource[], void, undefined> {
  let batch: ImportSource[] = [];
  for await (const source of sources) {
    batch.push(source);
    if (batch.length < idsPerQuery) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function reasonOf(error: unknown): string {
  return error instanceof SemblanceError ? error.message : describeFileError(error);
}
