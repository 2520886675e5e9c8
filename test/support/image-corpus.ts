import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { GraphqlAnswer } from './client.js';
import type { MutatedFile } from './mutated-images.js';
import type { TestServer } from './server.js';

/** What a file may be answered with, beside success. */
const refusals: readonly unknown[] = ['BAD_USER_INPUT', 'UNSUPPORTED_MEDIA_TYPE', 'INVALID_IMAGE', 'IMAGE_TOO_LARGE'];

/** Requests on their way at the same time; fewer than any queue refuses. */
const concurrency = 4;

export interface CorpusOutcome {
  /** Answers by code, `ok` among them. */
  readonly counts: Readonly<Record<string, number>>;
  readonly slowest: { readonly name: string; readonly ms: number };
  /** Processes that decoded. More than were needed at once: some have ended. */
  readonly decoders: number;
  /** Highest resident memory, in bytes. */
  readonly serverPeakBytes: number;
  readonly decoderPeakBytes: number;
}

/** Sends every file to the server, and holds each answer to success or a typed error within `maxMs`, at the second attempt if need be. */
export async function sendCorpus(
  server: TestServer,
  files: Iterable<MutatedFile>,
  { maxMs }: { readonly maxMs: number },
): Promise<CorpusOutcome> {
  const counts: Record<string, number> = {};
  const decoders = new Set<number>();
  let slowest = { name: 'none', ms: 0 };
  let decoderPeakBytes = 0;
  let sent = 0;
  const { pid } = server.child;
  if (pid === undefined) throw new Error('The server has not started');

  const look = (): void => {
    for (const child of childrenOf(pid)) {
      const peak = peakBytes(child);
      if (peak === undefined) continue;
      decoders.add(child);
      decoderPeakBytes = Math.max(decoderPeakBytes, peak);
    }
  };
  const send = async (file: MutatedFile): Promise<void> => {
    const startMs = performance.now();
    // Every tenth is to be stored; searches alone would leave the way into the database out.
    const isStored = sent++ % 10 === 0;
    const ask = (): Promise<GraphqlAnswer<unknown>> =>
      isStored ? server.client.uploadAnswer(file.bytes) : server.client.searchAnswer(file.bytes, { k: 1 });
    // A machine that is busy with something else may hold one answer up; the same file, again, tells whether it was that.
    const answer = await within(ask(), maxMs, file.name).catch(() => within(ask(), maxMs, file.name));
    const ms = performance.now() - startMs;
    if (ms > slowest.ms) slowest = { name: file.name, ms };
    const codes = answer.errors?.map((error) => error.extensions?.['code']) ?? ['ok'];
    for (const code of codes) {
      counts[String(code)] = (counts[String(code)] ?? 0) + 1;
      if (code !== 'ok') expect(refusals, `${file.name}: ${JSON.stringify(answer.errors)}`).toContain(code);
    }
    if (sent % 50 === 0) look();
  };

  const left = files[Symbol.iterator]();
  const work = async (): Promise<void> => {
    // Shared by the workers, so never closed by one.
    for (let next = left.next(); next.done !== true; next = left.next()) await send(next.value);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  look();
  expect(server.running).toBe(true);
  expect((await server.client.get('/readyz')).status).toBe(200);
  expect(server.output).not.toMatch(/Request \S+ failed|INTERNAL/);
  return { counts, slowest, decoders: decoders.size, serverPeakBytes: peakBytes(pid) ?? 0, decoderPeakBytes };
}

async function within<T>(answering: Promise<T>, maxMs: number, name: string): Promise<T> {
  let timeout: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_resolve, reject) => {
    timeout = setTimeout(() => {
      reject(new Error(`No answer within ${maxMs} ms: ${name}`));
    }, maxMs);
  });
  return Promise.race([answering, hang]).finally(() => {
    clearTimeout(timeout);
  });
}

/** Process ids. */
export function childrenOf(pid: number): readonly number[] {
  try {
    return execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
      .split(/\s+/)
      .filter((text) => text !== '')
      .map(Number);
  } catch {
    // ps ends with 1 where there are none.
    return [];
  }
}

/** Of computing, user and system, in hundredths of a second: proc_pid_stat(5). */
export function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Undefined where the process is gone. */
function peakBytes(pid: number): number | undefined {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : 1024 * Number(kilobytes);
  } catch {
    return undefined;
  }
}
