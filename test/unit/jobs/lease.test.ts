import { beforeEach, describe, expect, test } from 'vitest';
import { jobLeaseMs, jobRenewIntervalMs } from '../../../src/base/limits.js';
import { JobLease } from '../../../src/jobs/lease.js';
import type { JobProgress } from '../../../src/database/store.js';

const step = (done: number): JobProgress => ({ stage: 'embedding', done, total: 9 });

describe('the lease of a job', () => {
  let nowMs: number;
  let lost: number;
  let written: JobProgress[];
  let answer: () => Promise<boolean>;
  let lease: JobLease;

  beforeEach(() => {
    nowMs = 1000;
    lost = 0;
    written = [];
    answer = () => Promise.resolve(true);
    lease = new JobLease({
      renew: (progress) => {
        written.push(progress);
        return answer();
      },
      onLost: () => {
        lost += 1;
      },
      now: () => nowMs,
    });
  });

  test('writes news at a tick, the latest alone, and nothing where there is none', async () => {
    await lease.tick();
    expect(written).toEqual([]);
    lease.report(step(1));
    lease.report(step(2));
    await lease.tick();
    await lease.tick();
    expect(written).toEqual([step(2)]);
  });

  test('is renewed without news before it runs out', async () => {
    expect(jobRenewIntervalMs).toBeLessThan(jobLeaseMs / 2);
    nowMs += jobRenewIntervalMs - 1;
    await lease.tick();
    expect(written).toHaveLength(0);
    nowMs += 1;
    await lease.tick();
    await lease.tick();
    expect(written).toHaveLength(1);
  });

  test('writes once at a time, and what came meanwhile afterwards', async () => {
    let release = (): void => undefined;
    answer = () =>
      new Promise((resolve) => {
        release = () => {
          resolve(true);
        };
      });
    lease.report(step(1));
    const first = lease.tick();
    lease.report(step(2));
    const second = lease.tick();
    expect(written).toEqual([step(1)]);
    release();
    await Promise.all([first, second]);
    const third = lease.tick();
    release();
    await third;
    expect(written).toEqual([step(1), step(2)]);
  });

  test('is lost once where the database says so, and asks no more', async () => {
    answer = () => Promise.resolve(false);
    lease.report(step(1));
    await lease.tick();
    lease.report(step(2));
    await lease.tick();
    expect([lost, written.length]).toEqual([1, 1]);
  });

  test('outlasts a database that is away for less than a lease, and no longer', async () => {
    answer = () => Promise.reject(new Error('away'));
    nowMs += jobLeaseMs - 1;
    await lease.tick();
    expect(lost).toBe(0);
    answer = () => Promise.resolve(true);
    await lease.tick();
    answer = () => Promise.reject(new Error('away'));
    nowMs += jobLeaseMs;
    await lease.tick();
    await lease.tick();
    expect(lost).toBe(1);
  });

  test('ends after the write under way, which then is no loss', async () => {
    let release = (): void => undefined;
    answer = () =>
      new Promise((resolve) => {
        release = () => {
          resolve(false);
        };
      });
    lease.report(step(1));
    void lease.tick();
    const order: string[] = [];
    const ended = lease.end().then(() => order.push('ended'));
    order.push('released');
    answer = () => Promise.resolve(false);
    release();
    await ended;
    await lease.tick();
    expect([order, lost, written.length]).toEqual([['released', 'ended'], 0, 2]);
  });

  test('ends with the latest news written, unless it is lost', async () => {
    lease.report(step(8));
    await lease.tick();
    lease.report(step(9));
    await lease.end();
    expect(written).toEqual([step(8), step(9)]);
  });

  test('writes nothing at its end once it is lost', async () => {
    answer = () => Promise.resolve(false);
    lease.report(step(1));
    await lease.tick();
    lease.report(step(2));
    await lease.end();
    expect([lost, written.length]).toEqual([1, 1]);
  });
});
