import { describe, expect, test } from 'vitest';
import { Gate } from '../../../../src/database/embedded/gate.js';

/** Lets every promise that is already decided reach its listeners. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function owners(...names: string[]) {
  return names.map((name) => ({ name }));
}

describe('the gate before the one backend', () => {
  test('admits the first at once and the others in order of arrival, one at a time', async () => {
    const gate = new Gate<{ name: string }>();
    const admitted: string[] = [];
    const all = owners('a', 'b', 'c');
    for (const owner of all) void gate.enter(owner).then(() => admitted.push(owner.name));
    await settle();
    expect(admitted).toEqual(['a']);
    for (const owner of all) {
      gate.leave(owner);
      await settle();
    }
    expect(admitted).toEqual(['a', 'b', 'c']);
    expect(gate.holder).toBeUndefined();
  });

  test('admits its holder again at once, ahead of those who wait', async () => {
    const gate = new Gate<object>();
    const [a, b] = owners('a', 'b') as [object, object];
    await gate.enter(a);
    const waiting = gate.enter(b);
    expect(await gate.enter(a)).toBe(true);
    expect(gate.holder).toBe(a);
    gate.leave(a);
    expect(await waiting).toBe(true);
    expect(gate.holder).toBe(b);
  });

  test('does not let anybody but its holder leave', async () => {
    const gate = new Gate<object>();
    const [a, b] = owners('a', 'b') as [object, object];
    await gate.enter(a);
    void gate.enter(b);
    gate.leave(b);
    expect(gate.holder).toBe(a);
    expect(gate.waiting).toBe(1);
  });

  test('passes over one that was withdrawn, and tells it so', async () => {
    const gate = new Gate<object>();
    const [a, b, c] = owners('a', 'b', 'c') as [object, object, object];
    await gate.enter(a);
    const second = gate.enter(b);
    const third = gate.enter(c);
    gate.withdraw(b);
    expect(await second).toBe(false);
    gate.leave(a);
    expect(await third).toBe(true);
    expect(gate.holder).toBe(c);
  });

  test('keeps the backend for a holder that is withdrawn: it has yet to roll back', async () => {
    const gate = new Gate<object>();
    const [a, b] = owners('a', 'b') as [object, object];
    await gate.enter(a);
    void gate.enter(b);
    gate.withdraw(a);
    expect(gate.holder).toBe(a);
  });
});
