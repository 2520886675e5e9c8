import { expect, test } from 'vitest';
import { metadataTextOf, toImageRecord } from '../../../../src/images/sql/image-rows.js';
import { imageRow } from '../../../support/image-row.js';

const recordOf = (metadata: string) => toImageRecord(imageRow({ metadata }));

test.each([
  ['an empty object', '{}', '{}'],
  ['lists and objects', '{"a": [1, [], {"b": null}], "c": {}}', '{"a":[1,[],{"b":null}],"c":{}}'],
  ['numbers that JavaScript would round', '{"a": 9007199254740993, "b": 0.10}', '{"a":9007199254740993,"b":0.10}'],
  ['strings and keys with spaces', '{" a, b: ": ", : "}', '{" a, b: ":", : "}'],
  ['a quotation mark in a string', '{"a": "b\\" , \\"c", "d": 1}', '{"a":"b\\" , \\"c","d":1}'],
  ['a backslash at the end of a string', '{"a\\\\": "b, \\\\", "c": ", "}', '{"a\\\\":"b, \\\\","c":", "}'],
  ['both', '{"a": "b\\\\\\", c\\\\", "d": 1}', '{"a":"b\\\\\\", c\\\\","d":1}'],
])('metadata of Postgres is answered without the spaces between values: %s', (_, stored, answered) => {
  const record = recordOf(stored);
  expect(metadataTextOf(record)).toBe(answered);
  expect(metadataTextOf(record)).toBe(answered);
  expect(record.metadata).toEqual(JSON.parse(stored));
});

test('metadata of any length that another program stored is answered', () => {
  for (const character of ['x', '\\"', '\\\\', ' ']) {
    const text = `"${character.repeat(4_000_000)}"`;
    expect(metadataTextOf(recordOf(`{"a": ${text}, "b": 1}`)) === `{"a":${text},"b":1}`).toBe(true);
  }
});
