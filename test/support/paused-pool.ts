import { setTimeout } from 'node:timers/promises';
import type pg from 'pg';
import { expect } from 'vitest';
import type { StoreKind } from '../../src/database/store.js';

export interface PausedPool {
  /** Stops the first transaction on it right before its COMMIT. */
  readonly pool: pg.Pool;
  /** The transaction stands before its COMMIT. */
  readonly reached: Promise<void>;
  readonly resume: () => void;
}

/** For races: a transaction that has done its work and not committed it. */
export function pausedPool(pool: pg.Pool): PausedPool {
  let reach = (): void => undefined;
  let resume = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const resumed = new Promise<void>((resolve) => (resume = resolve));
  const pause = (client: pg.PoolClient): pg.PoolClient =>
    new Proxy(client, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        const method = value.bind(target) as (...given: readonly unknown[]) => unknown;
        if (key !== 'query') return method;
        return async (...given: readonly unknown[]) => {
          if (given[0] === 'COMMIT') {
            reach();
            await resumed;
          }
          return method(...given);
        };
      },
    });
  return {
    pool: new Proxy(pool, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (key === 'connect') return async () => pause(await target.connect());
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    }),
    reached,
    resume,
  };
}

/**
 * Runs `first` up to its COMMIT, then `then` beside it, which must wait for that.
 * @returns what became of `then`. Not which of them ended first: a commit's answer may arrive after that of a waiter
 */
export async function race<Then>(
  { pool: realPool, kind }: { readonly pool: pg.Pool; readonly kind: StoreKind },
  first: (pool: pg.Pool) => Promise<unknown>,
  then: () => Promise<Then>,
): Promise<PromiseSettledResult<Then>> {
  const order: string[] = [];
  const { pool, reached, resume } = pausedPool(realPool);
  const one = first(pool);
  await reached;
  const settled = Promise.allSettled([then().finally(() => order.push('the second ended'))]);
  await untilOneWaits(realPool, kind);
  order.push('the first commits');
  resume();
  await one;
  const [outcome] = await settled;
  expect(order).toEqual(['the first commits', 'the second ended']);
  return outcome;
}

/**
 * Resolves once a statement of this database waits for a lock. The embedded database has one backend: there a statement waits for
 * the other's transaction before it reaches any lock, which nothing shows, so that a moment passes instead.
 */
export async function untilOneWaits(pool: pg.Pool, kind: StoreKind): Promise<void> {
  if (kind !== 'server') {
    await setTimeout(20);
    return;
  }
  for (;;) {
    const { rows } = await pool.query<{ count: string }>(
      `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (Number(rows[0]?.count) > 0) return;
    await setTimeout(5);
  }
}
