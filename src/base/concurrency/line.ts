import { maxBulkWaitMs } from '../limits.js';
import type { Priority } from './priority.js';

/**
 * Who waits, in the order of arrival. Queries go before bulk; but where the first of bulk has waited for `maxBulkWaitMs`, the
 * two take turns: so many queries that none is ever last would else hold an upload up for as long as they come.
 */
export class Line<T> {
  /** With the time of arrival. Maps keep the order, and let whoever gives up leave from the middle. */
  readonly #entries = { query: new Map<T, number>(), bulk: new Map<T, number>() };
  readonly #now: () => number;
  #bulkHadTurn = false;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get waiting(): Readonly<Record<Priority, number>> {
    return { query: this.#entries.query.size, bulk: this.#entries.bulk.size };
  }

  add(entry: T, priority: Priority): void {
    this.#entries[priority].set(entry, this.#now());
  }

  delete(entry: T, priority: Priority): void {
    this.#entries[priority].delete(entry);
  }

  /** Takes out at most `count` of those whose turn it is, all of one priority; none where nobody waits. */
  take(count: number): readonly T[] {
    const waiting = this.#entries[this.#turn()];
    const taken = [...waiting.keys()].slice(0, count);
    for (const entry of taken) waiting.delete(entry);
    return taken;
  }

  /** Takes out all. */
  clear(): readonly T[] {
    const all = [...this.#entries.query.keys(), ...this.#entries.bulk.keys()];
    this.#entries.query.clear();
    this.#entries.bulk.clear();
    return all;
  }

  #turn(): Priority {
    const [oldestMs] = this.#entries.bulk.values();
    if (oldestMs === undefined) return 'query';
    if (this.#entries.query.size === 0) return 'bulk';
    const overdue = this.#now() - oldestMs >= maxBulkWaitMs;
    this.#bulkHadTurn = overdue && !this.#bulkHadTurn;
    return this.#bulkHadTurn ? 'bulk' : 'query';
  }
}
