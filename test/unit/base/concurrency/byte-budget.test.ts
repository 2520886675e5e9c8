import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ByteBudget } from '../../../../src/base/concurrency/byte-budget.js';
import { readUpload } from '../../../../src/images/read-upload.js';

const makeBudget = (maxBytes: number): ByteBudget => new ByteBudget({ maxBytes, what: 'uploads' });

describe('ByteBudget', () => {
  test('bounds what all hold together, to the byte', () => {
    const budget = makeBudget(100);
    const [first, second] = [budget.open(), budget.open()];
    first.add(60);
    expect(() => {
      second.add(41);
    }).toThrow(expect.objectContaining({ code: 'OVERLOADED', message: 'There is no room for more uploads' }));
    second.add(40);
    expect(budget.heldBytes).toBe(100);
    first.release();
    first.release();
    expect(budget.heldBytes).toBe(40);
    second.add(60);
  });

  test('leaves to others what one owner may not have', () => {
    const budget = new ByteBudget({ maxBytes: 100, maxBytesOfOne: 60, what: 'uploads' });
    const held = budget.open('greedy');
    held.add(50);
    const more = budget.open('greedy');
    expect(() => {
      more.add(11);
    }).toThrow(expect.objectContaining({ code: 'RATE_LIMITED', retryAfterSeconds: 1 }));
    budget.open('modest').add(50);
    held.release();
    more.add(50);
    expect(budget.heldBytes).toBe(100);
  });

  test('takes whatever is alone: a bound on all is none on each', () => {
    const budget = makeBudget(100);
    const alone = budget.open();
    alone.add(80);
    alone.add(80);
    expect(() => {
      budget.open().add(1);
    }).toThrow('There is no room');
  });

  test('gets everything back, however the work ended', async () => {
    const budget = makeBudget(100);
    await budget.use((hold) => {
      hold.add(100);
      return Promise.resolve();
    });
    const failed = budget.use((hold) => {
      hold.add(100);
      return Promise.reject(new Error('failed'));
    });
    await expect(failed).rejects.toThrow('failed');
    expect(budget.heldBytes).toBe(0);
  });
});

describe('readUpload', () => {
  const chunks = (): Readable => Readable.from([Buffer.alloc(30), Buffer.alloc(30)]);

  test('refuses at the chunk that does not fit beside the uploads of others', async () => {
    const budget = makeBudget(100);
    const other = budget.open();
    other.add(50);
    const read = () => budget.use((hold) => readUpload(chunks(), { maxUploadBytes: 1000, hold }));
    await expect(read()).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(budget.heldBytes).toBe(50);
    other.release();
    expect((await read()).bytes).toHaveLength(60);
  });

  test('counts no bytes that were in memory before', async () => {
    const budget = makeBudget(1);
    budget.open().add(1);
    const { bytes } = await budget.use((hold) => readUpload(Buffer.alloc(30), { maxUploadBytes: 1000, hold }));
    expect(bytes).toHaveLength(30);
  });
});
