import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { GraphqlAnswer } from './client.js';
import type { MutatedFile } from './mutated-images.js';
import type { TestServer } from './server.js';

/** What a file may be answered with, beside success. */
const refusals: readonly unknown[] = ['BAD_USER_INPUT', 'UNSUPPORTED_MEDIA_TYPE', 'INVALID_IMAGE', 'IMAGE_TOO_LARGE'];

/** No file may hold its request up for longer, of time in which the program got the processors that it wanted. */
const maxHeldUpMs = 10_000;
/** However busy the machine is. */
const maxWallMs = 60_000;
const lookMs = 100;

export interface CorpusOutcome {
  /** Answers by code, `ok` among them. */
  readonly counts: Readonly<Record<string, number>>;
  /** As maxHeldUpMs counts. */
  readonly slowest: { readonly name: string; readonly ms: number };
  /** Sent again, for the connection was refused. Nothing else is. */
  readonly resent: number;
  /** Processes that decoded. More than were needed at once: some have ended. */
  readonly decoders: number;
  /** Highest resident memory, in bytes. */
  readonly serverPeakBytes: number;
  readonly decoderPeakBytes: number;
}

/**
 * Sends every file to the server, and holds each answer to success or a typed error within 10 s.
 * @param options.concurrency requests on their way at the same time; fewer than any queue refuses
 */
export async function sendCorpus(
  server: TestServer,
  files: Iterable<MutatedFile>,
  { concurrency }: { readonly concurrency: number },
): Promise<CorpusOutcome> {
  const counts: Record<string, number> = {};
  const decoders = new Set<number>();
  let slowest = { name: 'none', ms: 0 };
  let decoderPeakBytes = 0;
  let sent = 0;
  let resent = 0;
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
    // Every tenth is to be stored; searches alone would leave the way into the database out.
    const isStored = sent++ % 10 === 0;
    const ask = (): Promise<GraphqlAnswer<unknown>> =>
      isStored ? server.client.uploadAnswer(file.bytes) : server.client.searchAnswer(file.bytes, { k: 1 });
    const asking = ask().catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
      resent += 1;
      return ask();
    });
    const { answer, heldUpMs } = await heldUp(asking, pid, file.name);
    if (heldUpMs > slowest.ms) slowest = { name: file.name, ms: heldUpMs };
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
  return { counts, slowest, resent, decoders: decoders.size, serverPeakBytes: peakBytes(pid) ?? 0, decoderPeakBytes };
}

/**
 * How long an answer took, without the time in which a thread of the program waited for a processor: on a machine that others keep
 * busy, that is nothing that the file does. @throws Error beyond maxHeldUpMs, or maxWallMs in any case
 */
async function heldUp<T>(
  asking: Promise<T>,
  pid: number,
  name: string,
): Promise<{ readonly answer: T; readonly heldUpMs: number }> {
  const startMs = performance.now();
  const delays = new Map<string, number>();
  let starvedMs = 0;
  let lookedMs = startMs;
  let stolenBeforeMs = stolenMs();
  for (;;) {
    const answered = await Promise.race([asking.then((answer) => ({ answer })), delay(lookMs)]);
    const nowMs = performance.now();
    if (answered !== undefined) return { answer: answered.answer, heldUpMs: nowMs - startMs - starvedMs };
    const stolenNowMs = stolenMs();
    const waitedMs = longestDelayMs([pid, ...childrenOf(pid)], delays) + stolenNowMs - stolenBeforeMs;
    starvedMs += Math.min(nowMs - lookedMs, waitedMs);
    [lookedMs, stolenBeforeMs] = [nowMs, stolenNowMs];
    const heldUpMs = nowMs - startMs - starvedMs;
    if (heldUpMs > maxHeldUpMs || nowMs - startMs > maxWallMs) {
      throw new Error(
        `No answer to ${name} after ${Math.round(heldUpMs)} ms, and ${Math.round(starvedMs)} ms without a processor`,
      );
    }
  }
}

/** Since the last look, of the thread that waited longest for a processor: schedstat, see Linux' sched-stats. */
function longestDelayMs(pids: readonly number[], delays: Map<string, number>): number {
  let longest = 0;
  for (const pid of pids) {
    for (const thread of threadsOf(pid)) {
      const [, nanoseconds] = readOptional(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ') ?? [];
      const delayMs = Number(nanoseconds ?? 0) / 1e6;
      longest = Math.max(longest, delayMs - (delays.get(thread) ?? delayMs));
      delays.set(thread, delayMs);
    }
  }
  return longest;
}

/** What other guests of this machine took, of all its processors: the eighth column of proc_stat(5), in hundredths of a second. */
function stolenMs(): number {
  const [all = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  return 10 * Number(all.split(/ +/)[8]);
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has ended.
    return [];
  }
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
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
