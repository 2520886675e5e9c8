import { expect, test } from 'vitest';
import { toImageFilter } from '../../../web/src/views/gallery/filter.js';

const metadataOf = (value: string): unknown => toImageFilter({ name: '', from: '', to: '', key: 'id', value }).metadata;

test('reads the value of a metadata filter as JSON, anything else as text', () => {
  for (const [text, value] of [
    ['5', 5],
    ['-0.5', -0.5],
    ['true', true],
    ['"5"', '5'],
    ['[1, 2]', [1, 2]],
    ['beach', 'beach'],
  ] as const)
    expect(metadataOf(text)).toEqual({ id: value });
});

test('keeps a number that JavaScript would round as the text that it is stored as', () => {
  expect(metadataOf('9007199254740991')).toEqual({ id: 9007199254740991 });
  expect(metadataOf('9007199254740993')).toEqual({ id: '9007199254740993' });
});
