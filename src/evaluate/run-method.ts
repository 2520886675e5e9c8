import { createReadStream, createWriteStream } from 'node:fs';
import { appendFile, mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';
import { percentile } from '../math/bootstrap.js';
import type { CostDocument } from './results/document.js';
import { resumePoint } from './trec/resume-run.js';
import { writeRunTopic } from './trec/run-file.js';
import type { CandidateSource, Candidates } from './candidates.js';
import { readKept, readKeptText } from './work-file.js';

/** What a run leaves beside its file, so that a later start knows what it is of and what it cost. */
type LogLine =
  | { readonly kind: 'begun'; readonly key: string }
  | { readonly kind: 'queries'; readonly ms: readonly number[] }
  | { readonly kind: 'index'; readonly insertMsPerImage: number; readonly bytes: number; readonly note: string }
  | { readonly kind: 'done'; readonly bytes: number };

export interface RunCost {
  readonly perQueryMs: CostDocument['perQueryMs'];
  readonly index: Extract<LogLine, { readonly kind: 'index' }> | undefined;
}

export interface RunMethodOptions {
  /** Of the run: its file, and the log that tells how far it is. */
  readonly runFile: string;
  readonly logFile: string;
  /** Changes with whatever could change a result; a file of another key is written anew. */
  readonly key: string;
  readonly tag: string;
  readonly queryIds: readonly string[];
  readonly documentIds: readonly string[];
  readonly depth: number;
  /** Opened only where there is something left to ask. An index of its own is built anew, and so is its run. */
  readonly open: () => Promise<OpenSearch>;
  /** Whether a run that was cut off goes on: only where the same query gets the same answer again. */
  readonly resumable: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

export interface OpenSearch {
  readonly candidates: CandidateSource;
  /** Positions in the order of their scores, the highest first. */
  readonly rank: (candidates: Candidates) => Promise<{
    readonly positions: readonly number[];
    readonly scores: readonly number[];
  }>;
  /** What the index cost; asked once every query has its answer. */
  readonly index?: () => Omit<Extract<LogLine, { readonly kind: 'index' }>, 'kind'>;
  close(): Promise<void>;
}

/** Asks every query and writes the run file; goes on where a run that was cut off stopped. */
export async function runMethod(options: RunMethodOptions): Promise<RunCost> {
  const { runFile, logFile, queryIds, onProgress } = options;
  const log = await readLog(logFile);
  const begun = log.some((line) => line.kind === 'begun' && line.key === options.key);
  const done = log.find((line) => line.kind === 'done');
  if (begun && done !== undefined && (await sizeOf(runFile)) === done.bytes) {
    onProgress(queryIds.length, queryIds.length);
    return costOf(log);
  }
  const first = begun && options.resumable ? await resumeAt(runFile, queryIds) : 0;
  const kept = first === 0 ? [] : log.filter(({ kind }) => kind === 'queries');
  await mkdir(dirname(runFile), { recursive: true });
  await mkdir(dirname(logFile), { recursive: true });
  if (first === 0) await rm(runFile, { force: true });
  await writeFile(logFile, lines([{ kind: 'begun', key: options.key }, ...kept]));
  await ask(options, first);
  return costOf(await readLog(logFile));
}

/** Queries between two lines of the log. */
const logEvery = 64;

async function ask(options: RunMethodOptions, first: number): Promise<void> {
  const { runFile, logFile, tag, queryIds, documentIds, depth, signal, onProgress } = options;
  onProgress(first, queryIds.length);
  const search = await options.open();
  const output = createWriteStream(runFile, { flags: 'a' });
  const written = finished(output);
  // A full disk is told by the next write or by the end; until then it is no unhandled rejection.
  written.catch(() => undefined);
  try {
    let times: number[] = [];
    for await (const candidates of search.candidates(first)) {
      signal.throwIfAborted();
      const startedMs = performance.now();
      const { positions, scores } = await search.rank(candidates);
      times.push(candidates.ms + performance.now() - startedMs);
      const shown = positions.slice(0, depth);
      const ranking = {
        topicId: queryIds[candidates.query]!,
        documentIds: shown.map((position) => documentIds[position]!),
        scores: scores.slice(0, depth),
      };
      await writeRunTopic(output, ranking, tag);
      onProgress(candidates.query + 1, queryIds.length);
      if (times.length < logEvery) continue;
      await appendFile(logFile, lines([{ kind: 'queries', ms: times }]));
      times = [];
    }
    output.end();
    await written;
    const ending: LogLine[] = times.length > 0 ? [{ kind: 'queries', ms: times }] : [];
    if (search.index !== undefined) ending.push({ kind: 'index', ...search.index() });
    await appendFile(logFile, lines([...ending, { kind: 'done', bytes: await sizeOf(runFile) }]));
  } finally {
    output.destroy();
    await search.close();
  }
}

/** Cuts the file behind the last query that is whole, and answers how many are. */
async function resumeAt(runFile: string, queryIds: readonly string[]): Promise<number> {
  if ((await sizeOf(runFile)) === 0) return 0;
  const { topicIds, byteLength } = await resumePoint(createReadStream(runFile));
  if (topicIds.some((id, at) => id !== queryIds[at])) return 0;
  await truncate(runFile, byteLength);
  return topicIds.length;
}

function costOf(log: readonly LogLine[]): RunCost {
  const times = log.flatMap((line) => (line.kind === 'queries' ? line.ms : [])).sort((a, b) => a - b);
  const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  return {
    perQueryMs: times.length === 0 ? undefined : { mean, median: percentile(times, 0.5), p95: percentile(times, 0.95) },
    index: log.find((line) => line.kind === 'index'),
  };
}

async function readLog(path: string): Promise<readonly LogLine[]> {
  const text = (await readKeptText(path)) ?? '';
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);
}

function lines(log: readonly LogLine[]): string {
  return log.map((line) => `${JSON.stringify(line)}\n`).join('');
}

async function sizeOf(path: string): Promise<number> {
  return (await readKept(path, (each) => stat(each)))?.size ?? 0;
}
