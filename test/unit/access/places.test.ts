import { describe, expect, test } from 'vitest';
import { Places } from '../../../src/access/places.js';

const places = (all: number, ofOne: number) => new Places({ all, ofOne, what: 'operations' });

test('places are taken by whoever comes, until there is none', () => {
  const three = places(3, 3);
  const taken = ['a', 'b', 'a'].map((caller) => three.take(caller));
  expect(() => three.take('c')).toThrow(
    expect.objectContaining({ code: 'OVERLOADED', message: 'Too many operations are in work' }),
  );
  taken[1]?.end();
  expect(three.taken).toBe(2);
  three.take('c');
  expect(three.refusals).toEqual({ full: 1, share: 0 });
});

test('a caller takes its share of them, and leaves the rest to others', () => {
  const three = places(3, 2);
  const taken = [three.take('greedy'), three.take('greedy')];
  expect(() => three.take('greedy')).toThrow(
    expect.objectContaining({
      code: 'RATE_LIMITED',
      message: 'You may have 2 operations in work at the same time',
      retryAfterSeconds: 1,
    }),
  );
  three.take('modest');
  taken[0]?.end();
  three.take('greedy');
  expect(three.refusals).toEqual({ full: 0, share: 1 });
});

describe('a place', () => {
  test('is given back once, however often that is said', () => {
    const two = places(2, 2);
    const place = two.take('a');
    two.take('a');
    place.end();
    place.leave();
    place.end();
    place.begin();
    expect(two.taken).toBe(1);
  });

  test('is given back by a client that leaves before the work has begun', () => {
    const one = places(1, 1);
    one.take('a').leave();
    expect(one.taken).toBe(0);
  });

  test('is held by work that goes on without its client', () => {
    const one = places(1, 1);
    const place = one.take('a');
    place.begin();
    place.leave();
    expect(one.taken).toBe(1);
    place.end();
    expect(one.taken).toBe(0);
  });
});
