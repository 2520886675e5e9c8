import type { Response } from 'express';
import { describe, expect, test } from 'vitest';
import { Places } from '../../../src/http/admission.js';

const places = (all: number, ofOne: number) => new Places({ all, ofOne, what: 'operations' });

describe('places', () => {
  test('are taken by whoever comes, until there is none', () => {
    const three = places(3, 3);
    const giveBack = ['a', 'b', 'a'].map((caller) => three.take(caller));
    expect(() => three.take('c')).toThrow(
      expect.objectContaining({ code: 'OVERLOADED', message: 'Too many operations are in work' }),
    );
    giveBack[1]?.();
    expect(three.taken).toBe(2);
    three.take('c');
    expect(three.refusals).toEqual({ full: 1, share: 0 });
  });

  test('are one caller’s up to its share, and the others’ all the same', () => {
    const three = places(3, 2);
    const giveBack = [three.take('greedy'), three.take('greedy')];
    expect(() => three.take('greedy')).toThrow(
      expect.objectContaining({
        code: 'RATE_LIMITED',
        message: 'You may have 2 operations in work at the same time',
        retryAfterSeconds: 1,
      }),
    );
    three.take('modest');
    giveBack[0]?.();
    three.take('greedy');
    expect(three.refusals).toEqual({ full: 0, share: 1 });
  });

  test('are given back once, however often that is said', () => {
    const two = places(2, 2);
    const giveBack = two.take('a');
    two.take('a');
    giveBack();
    giveBack();
    expect(two.taken).toBe(1);
  });

  test('are not taken for a client that has gone: nothing would give them back', () => {
    const one = places(1, 1);
    const gone: unknown = { destroyed: true };
    one.admit(gone as Response);
    expect(one.taken).toBe(0);
  });
});
