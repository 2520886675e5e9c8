import { appendFile, mkdir, mkdtemp, readFile, rename, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../../src/base/errors.js';
import { RowCache } from '../../../src/evaluate/row-cache.js';

const rows = 300;
const rowOf = (row: number): Promise<Uint8Array | string> =>
  Promise.resolve(row % 7 === 3 ? `row ${row} is broken` : Uint8Array.of(row % 256, 1));

describe('a cache of rows', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'semblance-rows-'));
    path = join(folder, 'below', 'numbers');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('computes each row once, keeps why some have none, and reads them back', async () => {
    const asked: number[] = [];
    const cache = await RowCache.open(path, 2);
    const options = {
      rowOf: (row: number) => {
        asked.push(row);
        return rowOf(row);
      },
      concurrency: 4,
    };
    await cache.fill(rows, options);
    await cache.fill(rows, options);
    const again = await RowCache.open(path, 2);
    await again.fill(rows, options);
    expect(asked.toSorted((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, row) => row));
    expect(again.length).toBe(rows);
    expect(again.ms).toBe(cache.ms);
    expect(again.failures).toEqual(cache.failures);
    expect(again.failures.get(10)).toBe('row 10 is broken');
    const bytes = await again.read();
    expect([...bytes.subarray(18, 24)]).toEqual([9, 1, 0, 0, 11, 1]);
  });

  it('goes on behind the last whole chunk after a cut, to the same bytes', async () => {
    const whole = await RowCache.open(path, 2);
    await whole.fill(rows, { rowOf, concurrency: 1 });
    const expected = await readFile(`${path}.rows`);

    const cut = join(folder, 'cut');
    const first = await RowCache.open(cut, 2);
    const stop = new Error('cut');
    const failing = (row: number) => (row === 200 ? Promise.reject(stop) : rowOf(row));
    await expect(first.fill(rows, { rowOf: failing, concurrency: 3 })).rejects.toBe(stop);
    const kept = first.length;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(200);
    // What a kill leaves: rows that no line vouches for, and half a line.
    await appendFile(`${cut}.rows`, 'rubbish');
    await appendFile(`${cut}.log`, '{"rows":1');
    const second = await RowCache.open(cut, 2);
    expect(second.length).toBe(kept);
    const asked: number[] = [];
    await second.fill(rows, {
      rowOf: (row) => {
        asked.push(row);
        return rowOf(row);
      },
      concurrency: 1,
    });
    expect(asked[0]).toBe(kept);
    expect(await readFile(`${cut}.rows`)).toEqual(expected);
    expect(second.failures).toEqual(whole.failures);
  });

  it('begins anew without a whole line', async () => {
    const cache = await RowCache.open(path, 2);
    await cache.fill(5, { rowOf, concurrency: 1 });
    await truncate(`${path}.log`, 4);
    expect((await RowCache.open(path, 2)).length).toBe(0);
  });

  it.each([
    ['cut within a chunk', (rowsPath: string) => truncate(rowsPath, 2 * rows - 1)],
    ['away', (rowsPath: string) => rm(rowsPath)],
  ])('computes rows again whose file is %s, instead of zeros', async (_, damage) => {
    const cache = await RowCache.open(path, 2);
    await cache.fill(rows, { rowOf, concurrency: 1 });
    const expected = await readFile(`${path}.rows`);
    await damage(`${path}.rows`);
    const again = await RowCache.open(path, 2);
    expect(again.length).toBeLessThan(rows);
    await again.fill(rows, { rowOf, concurrency: 1 });
    expect(await readFile(`${path}.rows`)).toEqual(expected);
    expect(again.failures).toEqual(cache.failures);
    expect((await RowCache.open(path, 2)).length).toBe(rows);
  });

  it('removes nothing where its log is there and cannot be read, and names it', async () => {
    const cache = await RowCache.open(path, 2);
    await cache.fill(5, { rowOf, concurrency: 1 });
    await rename(`${path}.log`, `${path}.kept`);
    await mkdir(`${path}.log`);
    const opening = RowCache.open(path, 2);
    await expect(opening).rejects.toThrow(ConfigurationError);
    await expect(opening).rejects.toMatchObject({
      message: expect.stringContaining(`${path}.log cannot be read (EISDIR)`) as string,
      cause: { code: 'EISDIR' },
    });
    await rm(`${path}.log`, { recursive: true });
    await rename(`${path}.kept`, `${path}.log`);
    const again = await RowCache.open(path, 2);
    expect(again.length).toBe(5);
    expect(await again.read()).toEqual(await cache.read());
  });

  it('ends at an abort and at a row of another size', async () => {
    const interrupt = new AbortController();
    const cache = await RowCache.open(path, 2);
    const filling = cache.fill(rows, {
      rowOf: (row) => {
        if (row === 150) interrupt.abort();
        return rowOf(row);
      },
      concurrency: 1,
      signal: interrupt.signal,
    });
    await expect(filling).rejects.toThrow('aborted');
    const wide = await RowCache.open(join(folder, 'wide'), 3);
    await expect(wide.fill(1, { rowOf, concurrency: 1 })).rejects.toThrow('A row has 2 bytes, expected 3');
  });
});
