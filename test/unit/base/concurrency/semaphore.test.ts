import { describe, expect, it } from 'vitest';
import { Semaphore } from '../../../../src/base/concurrency/semaphore.js';

interface Task {
  readonly run: () => Promise<string>;
  readonly finish: () => void;
  readonly fail: (error: Error) => void;
}

/** A task that goes on until it is told to end, and notes its start. */
function task(name: string, started: string[]): Task {
  let finish: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const done = new Promise<string>((resolve, reject) => {
    finish = () => {
      resolve(name);
    };
    fail = reject;
  });
  const run = (): Promise<string> => {
    started.push(name);
    return done;
  };
  return { run, finish, fail };
}

const settle = (): Promise<void> => new Promise(setImmediate);

describe('Semaphore', () => {
  it('runs as many at once as it has permits, the rest in order of arrival', async () => {
    const started: string[] = [];
    const semaphore = new Semaphore(2);
    const [a, b, c, d] = [task('a', started), task('b', started), task('c', started), task('d', started)];
    const results = Promise.all([a, b, c, d].map(({ run }) => semaphore.run(run)));
    await settle();
    expect(started).toEqual(['a', 'b']);
    expect(semaphore.waiting).toEqual({ query: 2, bulk: 0 });
    b.finish();
    await settle();
    expect(started).toEqual(['a', 'b', 'c']);
    a.finish();
    await settle();
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    c.finish();
    d.finish();
    expect(await results).toEqual(['a', 'b', 'c', 'd']);
    expect(semaphore.waiting).toEqual({ query: 0, bulk: 0 });
  });

  it('gives the permit back after a failure', async () => {
    const started: string[] = [];
    const semaphore = new Semaphore(1);
    const [a, b] = [task('a', started), task('b', started)];
    const first = semaphore.run(a.run);
    const second = semaphore.run(b.run);
    a.fail(new Error('broken'));
    await expect(first).rejects.toThrow('broken');
    b.finish();
    await expect(second).resolves.toBe('b');
  });

  it('lets go of who aborts while waiting, without losing the permit', async () => {
    const started: string[] = [];
    const semaphore = new Semaphore(1);
    const controller = new AbortController();
    const [a, b, c] = [task('a', started), task('b', started), task('c', started)];
    const first = semaphore.run(a.run);
    const second = semaphore.run(b.run, controller.signal);
    const third = semaphore.run(c.run);
    controller.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    expect(semaphore.waiting).toEqual({ query: 1, bulk: 0 });
    a.finish();
    c.finish();
    await expect(Promise.all([first, third])).resolves.toEqual(['a', 'c']);
    expect(started).toEqual(['a', 'c']);
  });

  it('does not begin for a signal that has aborted, nor end what has begun', async () => {
    const started: string[] = [];
    const semaphore = new Semaphore(1);
    await expect(semaphore.run(task('a', started).run, AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
    const controller = new AbortController();
    const b = task('b', started);
    const running = semaphore.run(b.run, controller.signal);
    await settle();
    controller.abort();
    b.finish();
    await expect(running).resolves.toBe('b');
    expect(started).toEqual(['b']);
  });

  it('starts queries before bulk that came earlier, each in order of arrival', async () => {
    const started: string[] = [];
    const semaphore = new Semaphore(1);
    const tasks = ['a', 'bulk 1', 'bulk 2', 'query 1', 'query 2'].map((name) => ({ name, ...task(name, started) }));
    const results = Promise.all(
      tasks.map(({ name, run }) => semaphore.run(run, undefined, name.startsWith('query') ? 'query' : 'bulk')),
    );
    for (const { finish } of tasks) finish();
    await results;
    expect(started).toEqual(['a', 'query 1', 'query 2', 'bulk 1', 'bulk 2']);
  });

  it('refuses what would wait beyond the bound of its priority, and takes it again once there is room', async () => {
    const started: string[] = [];
    const semaphore = new Semaphore(1, { maxWaiting: 1, refusal: 'Too many wait' });
    const [a, b, c, d] = [task('a', started), task('b', started), task('c', started), task('d', started)];
    const running = semaphore.run(a.run, undefined, 'bulk');
    semaphore.assertRoom('bulk');
    const left = new AbortController();
    const waiting = semaphore.run(b.run, left.signal, 'bulk');
    const refusal = { code: 'OVERLOADED', message: 'Too many wait' };
    await expect(semaphore.run(c.run, undefined, 'bulk')).rejects.toMatchObject(refusal);
    expect(() => {
      semaphore.assertRoom('bulk');
    }).toThrow(expect.objectContaining(refusal) as Error);
    const query = semaphore.run(d.run, undefined, 'query');
    left.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    semaphore.assertRoom('bulk');
    const again = semaphore.run(c.run, undefined, 'bulk');
    for (const { finish } of [a, c, d]) finish();
    await Promise.all([running, query, again]);
    expect(started).toEqual(['a', 'd', 'c']);
  });

  it.each([0, -1, 1.5, NaN])('refuses %d permits', (permits) => {
    expect(() => new Semaphore(permits)).toThrow(RangeError);
  });
});
