import { mkdir, mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openExactSearch, type ExactSearch } from '../../../src/models/session/nearest.js';
import { cosine } from '../../../src/math/vector.js';
import { Random } from '../../../src/math/random.js';
import { exactCandidates, type Candidates } from '../../../src/evaluate/candidates.js';
import { rankBySimilarity } from '../../../src/evaluate/rerank-candidates.js';
import { runMethod, type RunMethodOptions } from '../../../src/evaluate/run-method.js';

const dimensions = 16;
const count = 700;
const depth = 12;

/** Leave-one-out over 700 random vectors. */
describe('the run of a method', () => {
  let folder: string;
  let search: ExactSearch;
  const random = new Random(5);
  const vectors = Float32Array.from({ length: count * dimensions }, () => random.normal());
  const rows = Array.from({ length: count }, (_, row) => row);
  const ids = rows.map((row) => `image-${count - row}`);
  const images = {
    rowOf: new Map(rows.map((row) => [row, row])),
    numbers: rows,
    judgedRows: count,
    sha256: ids,
    unreadable: new Map<number, string>(),
    folder: '',
    use: () => Promise.reject(new Error('No image is read')),
  };
  const parts = { images, gallery: rows, queries: rows };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'semblance-run-'));
    search = await openExactSearch(1);
  });
  afterEach(async () => {
    await search.close();
    await rm(folder, { recursive: true });
  });

  function optionsFor(name: string, changes: Partial<RunMethodOptions> = {}): RunMethodOptions & { opened: number } {
    const { signal } = new AbortController();
    const options = {
      opened: 0,
      runFile: join(folder, `${name}.run`),
      logFile: join(folder, `${name}.log`),
      key: 'one',
      tag: 'random',
      queryIds: ids,
      documentIds: ids,
      depth,
      resumable: true,
      signal,
      onProgress: () => undefined,
      open: () => {
        options.opened++;
        return Promise.resolve({
          candidates: exactCandidates({ parts, vectors, dimensions, search, count: depth, signal }),
          rank: rankBySimilarity,
          close: () => Promise.resolve(),
        });
      },
      ...changes,
    };
    return options;
  }

  it('names the nearest by cosine, the query itself left out', async () => {
    const options = optionsFor('whole');
    const { perQueryMs } = await runMethod(options);
    expect(perQueryMs?.mean).toBeGreaterThan(0);
    const lines = (await readFile(options.runFile, 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(count * depth);
    const vector = (row: number): Float32Array => vectors.subarray(row * dimensions, (row + 1) * dimensions);
    for (const query of [0, 299, 699]) {
      const expected = rows
        .filter((row) => row !== query)
        .map((row) => ({ row, similarity: cosine(vector(query), vector(row)) }))
        .sort((a, b) => b.similarity - a.similarity)
        .slice(0, depth);
      const found = lines.slice(query * depth, (query + 1) * depth).map((line) => line.split(' '));
      expect(found.map(([topic]) => topic)).toEqual(Array<string>(depth).fill(ids[query] ?? ''));
      expect(found.map(([, , document]) => document)).toEqual(expected.map(({ row }) => ids[row]));
      expect(Number(found[0]?.[4])).toBeCloseTo(expected[0]?.similarity ?? NaN, 6);
    }
  });

  it.each([1_000, 20_003, 150_001])('goes on after a cut at byte %i to the same file', async (bytes) => {
    const whole = optionsFor('whole');
    await runMethod(whole);
    const expected = await readFile(whole.runFile);
    const cut = optionsFor('cut');
    await runMethod(cut);
    await truncate(cut.runFile, bytes);
    const asked: number[] = [];
    const open = async () => {
      const opened = await whole.open();
      const rank = (candidates: Candidates) => {
        asked.push(candidates.query);
        return opened.rank(candidates);
      };
      return { ...opened, rank };
    };
    await runMethod({ ...cut, open });
    expect(await readFile(cut.runFile)).toEqual(expected);
    const wholeQueries = asked[0] ?? NaN;
    expect(asked).toEqual(rows.slice(wholeQueries));
    // All but the query that was cut in two, and the one before it, which may have been.
    expect(expected.subarray(0, bytes).toString().split('\n').length / depth).toBeLessThan(wholeQueries + 2);
  });

  it('ends at an abort with what is whole on disk, and goes on there', async () => {
    const whole = optionsFor('whole');
    await runMethod(whole);
    const interrupt = new AbortController();
    const cut = optionsFor('cut', {
      signal: interrupt.signal,
      onProgress: (done) => {
        if (done === 400) interrupt.abort();
      },
    });
    await expect(runMethod(cut)).rejects.toThrow('aborted');
    const again = optionsFor('cut');
    await runMethod(again);
    expect(await readFile(again.runFile)).toEqual(await readFile(whole.runFile));
  });

  it('keeps its file where its log is there and cannot be read', async () => {
    const whole = optionsFor('whole');
    await runMethod(whole);
    const expected = await readFile(whole.runFile);
    await rm(whole.logFile);
    await mkdir(whole.logFile);
    await expect(runMethod(optionsFor('whole'))).rejects.toThrow(`${whole.logFile} cannot be read (EISDIR)`);
    expect(await readFile(whole.runFile)).toEqual(expected);
  });

  it('asks nothing again once it is whole, and everything once something changed', async () => {
    await runMethod(optionsFor('whole'));
    const again = optionsFor('whole');
    const cost = await runMethod(again);
    expect(again.opened).toBe(0);
    expect(cost.perQueryMs?.median).toBeGreaterThan(0);
    const changed = optionsFor('whole', { key: 'two', depth: 3 });
    await runMethod(changed);
    expect(changed.opened).toBe(1);
    expect((await readFile(changed.runFile, 'utf8')).trimEnd().split('\n')).toHaveLength(count * 3);
  });
});
