import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { maxEndedJobs, maxJobAttempts, maxOpenJobs } from '../../../src/base/limits.js';
import type { JobRecord } from '../../../src/database/store.js';
import { testStoreKinds } from '../../support/database.js';
import { openTestStore, testSpace, type TestStore } from '../../support/store.js';

const unknownId = '00000000-0000-4000-8000-000000000000';
const knownKind = 'backfill_space';
const idle = { stage: '', done: 0, total: 0 };

describe.each(testStoreKinds())('jobs on the %s store', (kind) => {
  let opened: TestStore;
  beforeAll(async () => {
    opened = await openTestStore(kind);
  });
  afterAll(async () => opened.close());
  afterEach(async () => {
    await run(`DELETE FROM ${opened.name('job')}`);
  });

  const run = async (sql: string, values: readonly unknown[] = []) => opened.database.pool.query(sql, [...values]);
  const create = async (input: Readonly<Record<string, unknown>> = {}) =>
    opened.store.createJob({ id: randomUUID(), kind: knownKind, input });
  /** As if its server had died long ago. */
  const expire = async ({ id }: JobRecord) =>
    run(`UPDATE ${opened.name('job')} SET lease_until = now() - interval '1 second' WHERE id = $1`, [id]);
  const stateOf = async ({ id }: JobRecord) => (await opened.store.findJob(id))?.state;
  const claim = async (owner: string) => opened.store.claimJob(owner, [knownKind]);
  const claimed = async (owner: string): Promise<JobRecord> => {
    const job = await claim(owner);
    if (job === undefined) throw new Error('Nothing was there to claim');
    return job;
  };

  test('one is kept as it was begun, claimed, followed and finished', async () => {
    const owner = randomUUID();
    const made = await create({ name: 'second' });
    expect(made).toMatchObject({ kind: 'backfill_space', input: { name: 'second' }, state: 'queued', ...idle });
    expect(made.createdAt).toBeInstanceOf(Date);
    expect([made.startedAt, made.finishedAt, made.result, made.error]).toEqual(Array(4).fill(undefined));

    const running = await claimed(owner);
    expect(running).toMatchObject({ id: made.id, state: 'running', input: { name: 'second' } });
    expect(running.startedAt).toBeInstanceOf(Date);
    expect(await opened.store.renewJob(made.id, owner, { stage: 'embedding', done: 3, total: 9 })).toBe(true);
    expect(await opened.store.findJob(made.id)).toMatchObject({ stage: 'embedding', done: 3, total: 9 });

    const result = { space: 'second', embedded: 9 };
    expect(await opened.store.finishJob(made.id, owner, { state: 'done', result })).toBe(true);
    const done = await opened.store.findJob(made.id);
    expect(done).toMatchObject({ state: 'done', result, error: undefined, startedAt: running.startedAt });
    expect(done?.finishedAt).toBeInstanceOf(Date);
    expect(await claim(owner)).toBeUndefined();
    expect(await opened.store.findJob(unknownId)).toBeUndefined();
  });

  test('each is claimed once, the oldest first, however many claim at the same time', async () => {
    const made = [await create(), await create(), await create()];
    await run(`UPDATE ${opened.name('job')} SET created_at = created_at - interval '1 hour' WHERE id = $1`, [
      made[1]?.id,
    ]);
    expect((await claimed(randomUUID())).id).toBe(made[1]?.id);
    const answers = await Promise.all(Array.from({ length: 8 }, async () => claim(randomUUID())));
    // One that met another's claim under way may have come away with nothing; asked again, it gets what is left.
    const ids = answers.flatMap((job) => job?.id ?? []);
    for (let job = await claim(randomUUID()); job !== undefined;) {
      ids.push(job.id);
      job = await claim(randomUUID());
    }
    expect(ids.toSorted()).toEqual([made[0]?.id, made[2]?.id].toSorted());
  });

  test('one of a newer version is left to a newer server, also where its own died', async () => {
    const newer = await opened.store.createJob({ id: randomUUID(), kind: 'newer', input: {} });
    const job = await create();
    expect((await claimed(randomUUID())).id).toBe(job.id);
    expect(await claim(randomUUID())).toBeUndefined();
    expect(await opened.store.claimJob(randomUUID(), [knownKind, 'newer'])).toMatchObject({ id: newer.id });
    await expire(newer);
    expect(await claim(randomUUID())).toBeUndefined();
    expect(await stateOf(newer)).toBe('running');
  });

  test('one whose server died is taken over once its lease is out, and that server has no say any more', async () => {
    const [dead, heir] = [randomUUID(), randomUUID()];
    const job = await create();
    await claimed(dead);
    await opened.store.renewJob(job.id, dead, { stage: 'embedding', done: 5, total: 9 });
    expect(await claim(heir)).toBeUndefined();
    await expire(job);
    const first = await opened.store.findJob(job.id);
    const taken = await claimed(heir);
    expect(taken).toMatchObject({ id: job.id, state: 'running', startedAt: first?.startedAt, ...idle });
    expect(await opened.store.renewJob(job.id, dead, idle)).toBe(false);
    expect(await opened.store.finishJob(job.id, dead, { state: 'done', result: {} })).toBe(false);
    expect(await opened.store.releaseJob(job.id, dead)).toBe(false);
    expect(await stateOf(job)).toBe('running');
    expect(await opened.store.renewJob(job.id, heir, idle)).toBe(true);
    expect(await claim(dead)).toBeUndefined();
  });

  test('a lease that is out but that nobody took over is renewed', async () => {
    const owner = randomUUID();
    const job = await create();
    await claimed(owner);
    await expire(job);
    expect(await opened.store.renewJob(job.id, owner, idle)).toBe(true);
    expect(await claim(randomUUID())).toBeUndefined();
  });

  test('one that kills its server each time is given up', async () => {
    const job = await create();
    for (let attempt = 1; attempt <= maxJobAttempts; attempt++) {
      expect((await claimed(randomUUID())).id).toBe(job.id);
      await expire(job);
    }
    expect(await claim(randomUUID())).toBeUndefined();
    expect(await opened.store.findJob(job.id)).toMatchObject({
      state: 'failed',
      error: {
        code: 'INTERNAL_SERVER_ERROR',
        message: `Given up: ${maxJobAttempts} times the server that worked on it ended before it had done it`,
      },
    });
  });

  test('one that is given back is claimed again; that counts as an attempt where it stumbled', async () => {
    const job = await create();
    for (let stop = 0; stop < 2 * maxJobAttempts; stop++) {
      const owner = randomUUID();
      await claimed(owner);
      expect(await opened.store.releaseJob(job.id, owner)).toBe(true);
      expect(await stateOf(job)).toBe('queued');
    }
    const error = { code: 'OVERLOADED', message: 'The database took too long to answer' } as const;
    for (let attempt = 1; attempt <= maxJobAttempts; attempt++) {
      const owner = randomUUID();
      await claimed(owner);
      expect(await opened.store.releaseJob(job.id, owner, error)).toBe(true);
      expect(await stateOf(job)).toBe(attempt < maxJobAttempts ? 'queued' : 'failed');
    }
    expect(await opened.store.findJob(job.id)).toMatchObject({ error });
  });

  test('one is cancelled while it waits and while it runs, and one that has ended stays as it is', async () => {
    const waiting = await create();
    expect(await opened.store.cancelJob(waiting.id)).toMatchObject({ id: waiting.id, state: 'cancelled' });
    const owner = randomUUID();
    expect(await claim(owner)).toBeUndefined();

    const running = await create();
    await claimed(owner);
    const cancelled = await opened.store.cancelJob(running.id);
    expect(cancelled?.state).toBe('cancelled');
    expect(cancelled?.finishedAt).toBeInstanceOf(Date);
    expect(await opened.store.renewJob(running.id, owner, idle)).toBe(false);
    expect(await opened.store.finishJob(running.id, owner, { state: 'done', result: {} })).toBe(false);

    const failed = await create();
    await claimed(owner);
    const error = { code: 'NOT_FOUND', message: 'There is no space "x"' } as const;
    await opened.store.finishJob(failed.id, owner, { state: 'failed', error });
    expect(await opened.store.cancelJob(failed.id)).toMatchObject({ state: 'failed', error });
    expect(await opened.store.cancelJob(unknownId)).toBeUndefined();
  });

  test(`no more than ${maxOpenJobs} wait, however many are begun at the same time`, async () => {
    const begun = await Promise.allSettled(Array.from({ length: 3 * maxOpenJobs }, () => create()));
    const refusals = begun.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason as unknown);
    expect(refusals).toHaveLength(2 * maxOpenJobs);
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'OVERLOADED' });
    const { rows } = await run(`SELECT count(*)::int AS open FROM ${opened.name('job')}`);
    expect(rows).toEqual([{ open: maxOpenJobs }]);
  });

  test(`no more than ${maxOpenJobs} wait, and of those that have ended the newest ${maxEndedJobs} are kept`, async () => {
    await run(
      `INSERT INTO ${opened.name('job')} (id, kind, state, finished_at, created_at)
       SELECT gen_random_uuid(), 'load_sample', 'cancelled', now() - i * interval '1 hour', now() - i * interval '1 hour'
       FROM generate_series(1, $1) i`,
      [maxEndedJobs + 3],
    );
    for (let n = 0; n < maxOpenJobs; n++) await create();
    await expect(create()).rejects.toMatchObject({
      code: 'OVERLOADED',
      message: `${maxOpenJobs} jobs wait or run: try again when one has ended, or cancel one`,
    });
    const { rows } = await run(
      `SELECT count(*)::int AS ended, max(now() - finished_at) < make_interval(hours => $1) AS newest
       FROM ${opened.name('job')} WHERE finished_at IS NOT NULL`,
      [maxEndedJobs + 1],
    );
    expect(rows).toEqual([{ ended: maxEndedJobs, newest: true }]);
    const listed = await opened.store.listJobs(maxOpenJobs + 2);
    expect(listed.map(({ state }) => state)).toEqual([
      ...Array<string>(maxOpenJobs).fill('queued'),
      'cancelled',
      'cancelled',
    ]);
  });

  test('a space remembers the job that made it, and lists when it was made and what it lacks', async () => {
    const jobId = randomUUID();
    const made = await opened.store.createSpace({ ...testSpace, name: 'by a job', jobId });
    expect(await opened.store.listSpaces()).toMatchObject([
      { name: 'test', jobId: undefined, missingCount: 0 },
      { name: 'by a job', jobId, missingCount: 0, createdAt: expect.any(Date) as Date },
    ]);
    await opened.store.removeSpace(made.id);
  });
});
