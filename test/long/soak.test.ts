import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { maxWaitingDecodes } from '../../src/limits.js';
import { makeJpeg } from '../support/make-image.js';
import { another, residentBytes, searchQuery, sendFile, uploadMutation, type Answer } from '../support/overload.js';
import { cleanUp, startServer, testStores, type TestServer } from '../support/server.js';

/** TEST_SOAK_SECONDS=60 for a try. */
const seconds = Number(process.env['TEST_SOAK_SECONDS'] ?? 600);
const overload = 10;
const tickMs = 20;
/** Seconds in which the capacity is measured, one request after another on each of as many connections as there are turns. */
const measuredSeconds = 10;
const workers = 8;
/** Half of the load is one caller's, who goes beyond its bound; the other half that of callers who stay within theirs. */
const greedy = '127.0.0.2';
const modest = Array.from({ length: 10 }, (_, index) => `127.0.0.${index + 10}`);

afterAll(cleanUp);

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
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
  expect(answers.filter(({ status, code }) => status !== 200 || code !== undefined)).toEqual([]);
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
      env: { SEMBLANCE_EMBEDDINGS_PER_MINUTE: String(Math.ceil(capacity * 60)), SEMBLANCE_LOG_LEVEL: 'error' },
    });

    const beganMs = performance.now();
    const answers: Answer[] = [];
    const memory: { readonly atMs: number; readonly bytes: number }[] = [];
    const inFlight = new Set<Promise<void>>();
    let sent = 0;
    let nextSampleMs = 0;
    for (;;) {
      const atMs = performance.now() - beganMs;
      if (atMs >= seconds * 1000) break;
      // As many as are due, however late the timer is: the load does not wait for the server.
      for (const due = (atMs / 1000) * capacity * overload; sent < due; sent++) {
        const address = sent % 2 === 0 ? greedy : (modest[(sent >> 1) % modest.length] ?? greedy);
        const answered: Promise<void> = sendNext(server, jpeg, sent >> 1, address, beganMs).then((answer) => {
          answers.push(answer);
          inFlight.delete(answered);
        });
        inFlight.add(answered);
      }
      if (atMs >= nextSampleMs) {
        nextSampleMs = atMs + 1000;
        memory.push({ atMs, bytes: await residentBytes(server.child.pid ?? 0) });
      }
      await delay(tickMs);
    }
    await Promise.all(inFlight);

    const accepted = answers.filter(({ status, code }) => status === 200 && code === undefined);
    const refused = answers.filter(({ status }) => status === 429 || status === 503);
    const third = (of: readonly { readonly startedMs: number; readonly latencyMs: number }[], part: 0 | 1 | 2) =>
      of.filter(({ startedMs }) => Math.floor((startedMs * 3) / (seconds * 1000)) === part);
    const latencies = (part: 0 | 1 | 2) => third(accepted, part).map(({ latencyMs }) => latencyMs);
    const bytesIn = (part: 0 | 2) =>
      quantile(
        memory.filter(({ atMs }) => Math.floor((atMs * 3) / (seconds * 1000)) === part).map(({ bytes }) => bytes),
        0.5,
      );
    const figures = {
      store: store.name,
      seconds,
      capacity: Math.round(capacity * 10) / 10,
      offered: Math.round((sent / seconds) * 10) / 10,
      accepted: accepted.length,
      overloaded: refused.filter(({ status }) => status === 503).length,
      rateLimited: refused.filter(({ status }) => status === 429).length,
      acceptedPerSecond: Math.round((accepted.length / seconds) * 10) / 10,
      searches: accepted.filter(({ kind }) => kind === 'search').length,
      slowestSearchMs: Math.round(
        Math.max(...accepted.map(({ kind, latencyMs }) => (kind === 'search' ? latencyMs : 0))),
      ),
      p50Ms: [0, 1, 2].map((part) => Math.round(quantile(latencies(part as 0 | 1 | 2), 0.5))),
      p99Ms: [0, 1, 2].map((part) => Math.round(quantile(latencies(part as 0 | 1 | 2), 0.99))),
      slowestMs: Math.round(Math.max(...accepted.map(({ latencyMs }) => latencyMs))),
      memoryMb: [0, 2].map((part) => Math.round(bytesIn(part as 0 | 2) / 1e6)),
      peakMb: Math.round(Math.max(...memory.map(({ bytes }) => bytes)) / 1e6),
    };
    console.log(JSON.stringify(figures));

    // Nothing else comes: no broken connection, no other error.
    expect(answers).toHaveLength(sent);
    const odd = answers.filter((answer) => !accepted.includes(answer) && !refused.includes(answer));
    expect(odd.slice(0, 5)).toEqual([]);
    expect(refused.filter(({ retryAfter }) => !(Number(retryAfter) >= 1))).toEqual([]);
    expect(new Set(refused.map(({ status, code }) => `${status} ${String(code)}`))).toEqual(
      new Set(['503 OVERLOADED', '429 RATE_LIMITED']),
    );
    // Overload leaves a third of the capacity at least to work on what is accepted; refusing costs the rest.
    expect(accepted.length / seconds).toBeGreaterThan(capacity / 3);
    // Who is accepted waits for those before it at most, and they are as many as may wait.
    expect(figures.slowestMs).toBeLessThan(((maxWaitingDecodes * 2 + workers) / (capacity / 3)) * 1000 + 5_000);
    expect(quantile(latencies(2), 0.95)).toBeLessThan(quantile(latencies(0), 0.95) * 1.5 + 500);
    expect(bytesIn(2)).toBeLessThan(bytesIn(0) * 1.15 + 50e6);

    // And as if nothing had been.
    await server.ready();
    expect(await server.temporaryFiles()).toEqual([]);
    expect((await sendFile(server, searchQuery, jpeg, { address: '127.0.0.4', beganMs })).status).toBe(200);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  },
  (seconds + 300) * 1000,
);
