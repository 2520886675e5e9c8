import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { maxUploadRequests } from '../../src/base/limits.js';
import { makeJpeg } from '../support/make-image.js';
import {
  another,
  offer,
  residentBytes,
  searchQuery,
  sendFile,
  sendSimilar,
  uploadMutation,
  type Answer,
} from '../support/overload.js';
import { cleanUp, startServer, testStores, type TestServer } from '../support/server.js';

/** TEST_SOAK_SECONDS=60 for a try. */
const seconds = Number(process.env['TEST_SOAK_SECONDS'] ?? 600);
const overload = 10;
/** Seconds in which the capacity is measured, one request after another on each of as many connections as there are turns. */
const measuredSeconds = 10;
const workers = 8;
/** A caller's bound is the capacity divided by so many. */
const shareholders = 4;
/** Half of the load is one caller's, who goes beyond its bound; the other half that of callers who stay within theirs. */
const greedy = '127.0.0.2';
const modest = Array.from({ length: 10 }, (_, index) => `127.0.0.${index + 10}`);
/** Somebody else who looks at the gallery meanwhile. */
const visitor = '127.0.0.5';
const visitsPerSecond = 5;

afterAll(cleanUp);

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

const isAccepted = ({ status, code }: Answer): boolean => status === 200 && code === undefined;
const isRefused = ({ status }: Answer): boolean => status === 429 || status === 503;
const parts = [0, 1, 2] as const;

/** Those that began in one third of the time. */
function third<T extends { readonly startedMs: number }>(of: readonly T[], part: (typeof parts)[number]): readonly T[] {
  return of.filter(({ startedMs }) => Math.floor((startedMs * 3) / (seconds * 1000)) === part);
}

/** Milliseconds in each third. */
function latencies(answers: readonly Answer[], q: number): readonly number[] {
  return parts.map((part) =>
    Math.round(
      quantile(
        third(answers, part).map(({ latencyMs }) => latencyMs),
        q,
      ),
    ),
  );
}

/** Four searches by a file, then an upload. */
function sendNext(server: TestServer, jpeg: Buffer, turn: number, address: string, beganMs: number): Promise<Answer> {
  return turn % 5 === 4
    ? sendFile(server, uploadMutation, another(jpeg), { address, beganMs })
    : sendFile(server, searchQuery, jpeg, { address, beganMs });
}

/** Requests a second that the server answers where nobody asks for more. */
async function measureCapacity(server: TestServer, jpeg: Buffer): Promise<number> {
  const beganMs = performance.now();
  const answers: Answer[] = [];
  const work = async (): Promise<void> => {
    while (performance.now() - beganMs < measuredSeconds * 1000) {
      answers.push(await sendNext(server, jpeg, answers.length, '127.0.0.3', beganMs));
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  expect(answers.filter((answer) => !isAccepted(answer))).toEqual([]);
  return answers.length / ((performance.now() - beganMs) / 1000);
}

it.each(testStores)(
  `at ${overload} times capacity what is accepted is answered as fast at the end as at the beginning, in the same memory ($name)`,
  async (store) => {
    const jpeg = await makeJpeg(1, { width: 1600, height: 1200 });
    const unbounded = await startServer({ store });
    const capacity = await measureCapacity(unbounded, jpeg);
    await unbounded.stop();
    const server = await startServer({
      store,
      env: {
        SEMBLANCE_EMBEDDINGS_PER_MINUTE: String(Math.ceil((capacity / shareholders) * 60)),
        SEMBLANCE_LOG_LEVEL: 'error',
      },
    });
    const { image } = await server.client.upload(jpeg, 'a.jpg');

    const beganMs = performance.now();
    const memory: { readonly startedMs: number; readonly bytes: number }[] = [];
    const watchMemory = async (): Promise<void> => {
      for (let startedMs = 0; startedMs < seconds * 1000; startedMs = performance.now() - beganMs) {
        memory.push({ startedMs, bytes: await residentBytes(server.child.pid ?? 0) });
        await delay(1000);
      }
    };
    const [answers, visits] = await Promise.all([
      offer({
        seconds,
        perSecond: capacity * overload,
        send: (index) => {
          const address = index % 2 === 0 ? greedy : (modest[(index >> 1) % modest.length] ?? greedy);
          return sendNext(server, jpeg, index >> 1, address, beganMs);
        },
      }),
      offer({
        seconds,
        perSecond: visitsPerSecond,
        send: () => sendSimilar(server, image.id, { address: visitor, beganMs }),
      }),
      watchMemory(),
    ]);

    const accepted = answers.filter(isAccepted);
    const refused = answers.filter(isRefused);
    const slowest = (of: readonly Answer[]): number => Math.round(Math.max(...of.map(({ latencyMs }) => latencyMs)));
    const bytesIn = (part: (typeof parts)[number]): number =>
      quantile(
        third(memory, part).map(({ bytes }) => bytes),
        0.5,
      );
    const figures = {
      store: store.name,
      seconds,
      capacity: Math.round(capacity * 10) / 10,
      offered: Math.round((answers.length / seconds) * 10) / 10,
      accepted: accepted.length,
      acceptedPerSecond: Math.round((accepted.length / seconds) * 10) / 10,
      overloaded: refused.filter(({ status }) => status === 503).length,
      rateLimited: refused.filter(({ status }) => status === 429).length,
      p50Ms: latencies(accepted, 0.5),
      p99Ms: latencies(accepted, 0.99),
      slowestSearchMs: slowest(accepted.filter(({ kind }) => kind === 'search')),
      slowestUploadMs: slowest(accepted.filter(({ kind }) => kind === 'upload')),
      refusalP99Ms: latencies(refused, 0.99),
      visits: visits.length,
      visitP50Ms: latencies(visits, 0.5),
      visitP99Ms: latencies(visits, 0.99),
      memoryMb: parts.map((part) => Math.round(bytesIn(part) / 1e6)),
      peakMb: Math.round(Math.max(...memory.map(({ bytes }) => bytes)) / 1e6),
    };
    console.log(JSON.stringify(figures));

    // Nothing else comes: no broken connection, no other error.
    const odd = answers.filter((answer) => !isAccepted(answer) && !isRefused(answer));
    expect(odd.slice(0, 5)).toEqual([]);
    expect(refused.filter(({ retryAfter }) => !(Number(retryAfter) >= 1))).toEqual([]);
    expect(new Set(refused.map(({ status, code }) => `${status} ${String(code)}`))).toEqual(
      new Set(['503 OVERLOADED', '429 RATE_LIMITED']),
    );
    // Overload leaves a third of the capacity at least to work on what is accepted; refusing costs the rest.
    expect(accepted.length / seconds).toBeGreaterThan(capacity / 3);
    // Who is accepted waits for those before it at most, and they are as many as may be in work.
    expect(slowest(accepted)).toBeLessThan((maxUploadRequests / (capacity / 3)) * 1000 + 5_000);
    const [atFirst = NaN, , atLast = NaN] = latencies(accepted, 0.95);
    expect(atLast).toBeLessThan(atFirst * 1.5 + 500);
    // Who asks for what needs no decoding does not even wait for those.
    expect(visits.filter((answer) => !isAccepted(answer)).slice(0, 5)).toEqual([]);
    expect(Math.max(...latencies(visits, 0.99))).toBeLessThan(5_000);
    expect(bytesIn(2)).toBeLessThan(bytesIn(0) * 1.15 + 50e6);

    // And as if nothing had been.
    await server.ready();
    expect(await server.temporaryFiles()).toEqual([]);
    const after = { address: '127.0.0.4', beganMs };
    expect((await sendFile(server, searchQuery, jpeg, after)).status).toBe(200);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  },
  (seconds + 300) * 1000,
);
