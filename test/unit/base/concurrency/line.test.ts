import { describe, expect, it } from 'vitest';
import { Line } from '../../../../src/base/concurrency/line.js';
import { maxBulkWaitMs } from '../../../../src/base/limits.js';

function openLine() {
  let nowMs = 0;
  const line = new Line<string>(() => nowMs);
  return {
    line,
    pass: (ms: number) => {
      nowMs += ms;
    },
    /** One after another, until nobody waits. */
    drain: () => {
      const taken: string[] = [];
      for (let next = line.take(1); next.length > 0; next = line.take(1)) taken.push(...next);
      return taken.join(' ');
    },
  };
}

describe('a line', () => {
  it('lets queries go before bulk, each in the order of arrival', () => {
    const { line, drain } = openLine();
    line.add('b1', 'bulk');
    for (const query of ['q1', 'q2', 'q3']) line.add(query, 'query');
    line.add('b2', 'bulk');
    expect(line.waiting).toEqual({ query: 3, bulk: 2 });
    expect(drain()).toBe('q1 q2 q3 b1 b2');
    expect(line.waiting).toEqual({ query: 0, bulk: 0 });
  });

  it('lets bulk that has waited for long take turns with queries, and no other bulk', () => {
    const { line, pass, drain } = openLine();
    line.add('b1', 'bulk');
    line.add('b2', 'bulk');
    pass(maxBulkWaitMs - 1);
    line.add('b3', 'bulk');
    for (const query of ['q1', 'q2', 'q3', 'q4']) line.add(query, 'query');
    expect(line.take(1)).toEqual(['q1']);
    pass(1);
    expect(drain()).toBe('b1 q2 b2 q3 q4 b3');
  });

  it('holds no bulk up for ever, however many queries come', () => {
    const { line, pass } = openLine();
    line.add('b', 'bulk');
    const taken: string[] = [];
    for (let turn = 0; !taken.includes('b'); turn++) {
      line.add(`q${turn}`, 'query');
      pass(100);
      taken.push(...line.take(1));
      expect(taken.length).toBeLessThan(maxBulkWaitMs / 100 + 2);
    }
  });

  it('takes several of one priority, lets one leave, and clears', () => {
    const { line } = openLine();
    for (const query of ['q1', 'q2', 'q3']) line.add(query, 'query');
    line.add('b1', 'bulk');
    line.delete('q2', 'query');
    expect(line.take(8)).toEqual(['q1', 'q3']);
    line.add('q4', 'query');
    expect(line.clear()).toEqual(['q4', 'b1']);
    expect(line.take(1)).toEqual([]);
  });
});
