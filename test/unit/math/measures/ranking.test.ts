import { describe, expect, it } from 'vitest';
import { orderDocuments } from '../../../../src/math/measures/ranking.js';
import { compareIds, fromTrecId, toTrecId } from '../../../../src/math/measures/trec-id.js';

const order = (documentIds: readonly string[], scores: ArrayLike<number>): readonly string[] =>
  orderDocuments({ topicId: 'q', documentIds, scores });

describe('order of a ranking', () => {
  it('keeps one that is in order as it is, without a copy', () => {
    const documentIds = ['c', 'b', 'a'];
    expect(order(documentIds, [2, 1, 1])).toBe(documentIds);
  });

  it('sorts ties by id descending, and ids as bytes', () => {
    expect(order(['img1', 'img10', 'img2', 'Z', '\u{1F600}', '\uFFEE', 'é'], [1, 1, 1, 1, 1, 1, 1])).toEqual([
      '\u{1F600}',
      '\uFFEE',
      'é',
      'img2',
      'img10',
      'img1',
      'Z',
    ]);
  });

  it('takes scores that differ only beyond float32 as ties', () => {
    expect(order(['a', 'b'], [0.7 + 1e-9, 0.7])).toEqual(['b', 'a']);
    expect(order(['a', 'b'], [0.7 + 1e-6, 0.7])).toEqual(['a', 'b']);
  });

  it('takes infinite scores', () => {
    expect(order(['a', 'b', 'c'], [-Infinity, 1, Infinity])).toEqual(['c', 'b', 'a']);
  });

  it('refuses a document that stands twice, whatever its scores', () => {
    expect(() => order(['a', 'b', 'a'], [3, 2, 1])).toThrow('Topic q holds the document a twice');
    expect(() => order(['a', 'a'], [1, 1])).toThrow('Topic q holds the document a twice');
  });

  it('refuses a score that is not a number', () => {
    expect(() => order(['a', 'b'], [1, NaN])).toThrow('Topic q: the score of b is not a number');
  });

  it('refuses a missing score', () => {
    expect(() => order(['a', 'b'], [1])).toThrow('Topic q has 2 documents but 1 scores');
  });
});

describe('ids', () => {
  it('orders any two as their UTF-8 bytes', () => {
    const ids = [
      '',
      'a',
      'ab',
      'b',
      'é',
      '\uD7FF',
      '\uE000',
      '\uFFFF',
      '\u{10000}',
      '\u{1F600}',
      'a\u{1F600}',
      'a\uFFEE',
    ];
    for (const a of ids) {
      for (const b of ids) {
        expect(Math.sign(compareIds(a, b)), `${a} and ${b}`).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }
    }
  });

  it('makes one field of any name, and the name of it again', () => {
    const name = 'my cats/100 % #1\t\u2003\u{1F600}é.jpg';
    expect(toTrecId(name)).toBe('my%20cats/100%20%25%20%231%09%E2%80%83\u{1F600}é.jpg');
    expect(fromTrecId(toTrecId(name))).toBe(name);
    expect(fromTrecId('50%')).toBe('50%');
  });
});
