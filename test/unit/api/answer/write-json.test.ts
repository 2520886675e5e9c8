import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AnswerBytes } from '../../../../src/api/answer/answer-bytes.js';
import { JsonText } from '../../../../src/base/graphql/json-text.js';
import { writeJson } from '../../../../src/api/answer/write-json.js';
import { ByteBudget } from '../../../../src/base/concurrency/byte-budget.js';

/** As graphql-js makes objects. */
const object = (fields: Readonly<Record<string, unknown>>): unknown =>
  Object.assign(Object.create(null) as object, fields);

const answer = object({
  empty: object({}),
  none: null,
  list: [],
  'odd "key"\u0001': [1, -0.5, 1e21, true, 'a "quoted" \\ \u0001 \u2028 é 猫 😀', ''],
  nested: [object({ a: [[object({ b: 1 })]], when: new Date(0) }), null],
  metadata: { plain: { deep: [1, { x: null }] }, gone: undefined },
});

async function written(root: unknown, onBytes: (bytes: number) => void = () => undefined): Promise<string> {
  return Buffer.concat(await writeJson(root, onBytes)).toString();
}

describe('an answer as JSON', () => {
  it('is what JSON.stringify makes of it', async () => {
    const bytes: number[] = [];
    const text = await written(answer, (count) => bytes.push(count));
    expect(text).toBe(JSON.stringify(answer));
    expect(bytes.at(-1)).toBe(Buffer.byteLength(text));
  });

  it('holds what is JSON already as it stands', async () => {
    const text = await written(object({ a: new JsonText('{"id":9007199254740993}') }));
    expect(text).toBe('{"a":{"id":9007199254740993}}');
  });

  it('is written in turns with other work', async () => {
    const rows = Array.from({ length: 300_000 }, (_, index) => object({ index, text: 'x'.repeat(20) }));
    let turns = 0;
    const ended = new AbortController();
    const others = (async () => {
      while (!ended.signal.aborted) {
        await setImmediate();
        turns += 1;
      }
    })();
    const text = await written(rows);
    ended.abort();
    await others;
    expect(JSON.parse(text)).toHaveLength(300_000);
    expect(turns).toBeGreaterThan(2);
  });

  it('is given up before it is written to its end', async () => {
    const budget = new ByteBudget({ maxBytes: 1e9, what: 'answers' });
    const hold = budget.open();
    let refused: unknown;
    const bytes = new AnswerBytes({
      maxBytes: 1_000_000,
      hold,
      onRefusal: (error) => {
        refused = error;
      },
    });
    const metadata = new JsonText(JSON.stringify('x'.repeat(8_000)));
    const writing = writeJson(Array(100_000).fill(metadata), (count) => {
      bytes.raiseTo(count);
    });
    await expect(writing).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(refused).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(budget.heldBytes).toBeLessThanOrEqual(1_000_000);
  });
});

describe('the bytes of an answer', () => {
  it('are counted once, while they are read and when they are written', () => {
    const budget = new ByteBudget({ maxBytes: 100, what: 'answers' });
    const bytes = new AnswerBytes({ maxBytes: 100, hold: budget.open(), onRefusal: () => undefined });
    bytes.add(40);
    bytes.raiseTo(30);
    expect(budget.heldBytes).toBe(40);
    bytes.raiseTo(90);
    expect(budget.heldBytes).toBe(90);
    expect(() => {
      bytes.add(11);
    }).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }));
  });

  it('find no room beside those of others', () => {
    const budget = new ByteBudget({ maxBytes: 100, what: 'answers' });
    budget.open().add(60);
    const bytes = new AnswerBytes({ maxBytes: 100, hold: budget.open(), onRefusal: () => undefined });
    expect(() => {
      bytes.add(50);
    }).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  });
});
