import { describe, expect, it } from 'vitest';
import { Batcher } from '../../../../src/models/embedder/batcher.js';
import { SemblanceError } from '../../../../src/base/errors.js';

interface Run {
  readonly items: readonly string[];
  succeed(): void;
  fail(error: Error): void;
}

/** A batcher whose runs end when the test says so; an item's result is the item in capitals. */
function controlled(options: { readonly batchSize?: () => number; readonly maxWaiting?: number } = {}) {
  const runs: Run[] = [];
  const batcher = new Batcher<string, string>({
    run: (items) =>
      new Promise((resolve, reject) => {
        runs.push({
          items,
          succeed: () => {
            resolve(items.map((item) => item.toUpperCase()));
          },
          fail: reject,
        });
      }),
    batchSize: options.batchSize ?? (() => 2),
    maxWaiting: options.maxWaiting ?? 10,
  });
  return { batcher, runs };
}

/** Lets every promise that can settle do so. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Batcher', () => {
  it('runs the first item at once and gathers the others while that run lasts', async () => {
    const { batcher, runs } = controlled();
    const results = Promise.all(['a', 'b', 'c', 'd'].map((item) => batcher.submit(item, 'bulk')));
    expect(runs.map(({ items }) => items)).toEqual([['a']]);
    for (let i = 0; i < 3; i += 1) {
      expect(runs).toHaveLength(i + 1);
      runs[i]?.succeed();
      await settle();
    }
    expect(runs.map(({ items }) => items)).toEqual([['a'], ['b', 'c'], ['d']]);
    expect(await results).toEqual(['A', 'B', 'C', 'D']);
  });

  it('serves a query after the one batch that is running, however many bulk items wait', async () => {
    const { batcher, runs } = controlled();
    const events: string[] = [];
    const submit = async (item: string, priority: 'query' | 'bulk') =>
      events.push(await batcher.submit(item, priority));
    const all = ['a', 'b', 'c', 'd', 'e'].map((item) => submit(item, 'bulk'));
    runs[0]?.succeed();
    await settle();
    expect(runs[1]?.items).toEqual(['b', 'c']);
    all.push(submit('query', 'query'));
    runs[1]?.succeed();
    await settle();
    expect(runs[2]?.items).toEqual(['query']);
    runs[2]?.succeed();
    await settle();
    runs[3]?.succeed();
    await Promise.all(all);
    expect(events).toEqual(['A', 'B', 'C', 'QUERY', 'D', 'E']);
  });

  it('asks for the batch size before each run and never runs an empty batch', async () => {
    let size = 0;
    const { batcher, runs } = controlled({ batchSize: () => size });
    const results = Promise.all(['a', 'b', 'c', 'd'].map((item) => batcher.submit(item, 'query')));
    size = 3;
    runs[0]?.succeed();
    await settle();
    expect(runs.map(({ items }) => items)).toEqual([['a'], ['b', 'c', 'd']]);
    runs[1]?.succeed();
    await results;
  });

  it('refuses what exceeds the queue of one priority, and still takes the other', async () => {
    const { batcher, runs } = controlled({ maxWaiting: 2 });
    const accepted = ['running', 'first', 'second'].map((item) => batcher.submit(item, 'bulk'));
    await expect(batcher.submit('third', 'bulk')).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(() => {
      batcher.assertRoom('bulk');
    }).toThrow(SemblanceError);
    accepted.push(batcher.submit('query', 'query'));
    for (const index of [0, 1, 2]) {
      runs[index]?.succeed();
      await settle();
    }
    expect(runs.map(({ items }) => items)).toEqual([['running'], ['query'], ['first', 'second']]);
    expect(await Promise.all(accepted)).toEqual(['RUNNING', 'FIRST', 'SECOND', 'QUERY']);
  });

  it('fails the items of a failed run only', async () => {
    const { batcher, runs } = controlled();
    const results = ['a', 'b', 'c', 'd'].map((item) => batcher.submit(item, 'bulk').catch((error: unknown) => error));
    runs[0]?.succeed();
    await settle();
    const failure = new Error('no');
    runs[1]?.fail(failure);
    await settle();
    runs[2]?.succeed();
    expect(await Promise.all(results)).toEqual(['A', failure, failure, 'D']);
  });

  it('drops an aborted item that waits, and answers an aborted one that runs at once', async () => {
    const { batcher, runs } = controlled();
    const running = new AbortController();
    const waiting = new AbortController();
    const reason = new Error('the client went away');
    const a = batcher.submit('a', 'bulk', running.signal);
    const b = batcher.submit('b', 'bulk', waiting.signal);
    const c = batcher.submit('c', 'bulk');
    running.abort(reason);
    waiting.abort(reason);
    await expect(a).rejects.toBe(reason);
    await expect(b).rejects.toBe(reason);
    runs[0]?.succeed();
    await settle();
    runs[1]?.succeed();
    expect(await c).toBe('C');
    expect(runs.map(({ items }) => items)).toEqual([['a'], ['c']]);
  });

  it('takes nothing whose signal was aborted before', async () => {
    const { batcher, runs } = controlled();
    const reason = new Error('too late');
    await expect(batcher.submit('a', 'query', AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(runs).toEqual([]);
  });

  it('rejects all that waits, while the running batch goes on', async () => {
    const { batcher, runs } = controlled();
    const results = ['a', 'b', 'c'].map((item) => batcher.submit(item, 'bulk').catch((error: unknown) => error));
    const query = batcher.submit('query', 'query').catch((error: unknown) => error);
    const closing = new Error('closing');
    batcher.rejectWaiting(closing);
    runs[0]?.succeed();
    expect(await Promise.all([...results, query])).toEqual(['A', closing, closing, closing]);
    expect(runs).toHaveLength(1);
  });
});
