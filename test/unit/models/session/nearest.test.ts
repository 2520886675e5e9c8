import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openExactSearch, type ExactSearch } from '../../../../src/models/session/nearest.js';
import { dot } from '../../../../src/math/vector.js';
import { Random } from '../../../../src/math/random.js';

const dimensions = 48;
const galleryRows = 700;
const queryRows = 9;

function randomRows(rows: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: rows * dimensions }, () => random.normal());
}

const row = (values: Float32Array, at: number): Float32Array => values.subarray(at * dimensions, (at + 1) * dimensions);

describe('exact search', () => {
  let search: ExactSearch;
  const gallery = randomRows(galleryRows, 1);
  // Rows 10 to 19 are the same vector: ties.
  for (let at = 10; at < 20; at++) gallery.set(row(gallery, 10), at * dimensions);
  const queries = randomRows(queryRows, 2);
  queries.set(row(gallery, 10), 0);

  beforeAll(async () => {
    search = await openExactSearch(2);
  });
  afterAll(() => search.close());

  it.each([1, 15, galleryRows])(
    'finds the %i nearest that a loop finds, equal ones in the order of the gallery',
    async (count) => {
      const found = await search.nearest({ values: gallery, dimensions }, { values: queries, dimensions }, count);
      expect(found.rows).toHaveLength(queryRows * count);
      for (let query = 0; query < queryRows; query++) {
        const products = Array.from({ length: galleryRows }, (_, at) => dot(row(queries, query), row(gallery, at)));
        const expected = products
          .map((product, at) => ({ product, at }))
          .sort((a, b) => b.product - a.product || a.at - b.at)
          .slice(0, count);
        const got = Array.from({ length: count }, (_, at) => found.rows[query * count + at] ?? -1);
        expect(new Set(got).size).toBe(count);
        expected.forEach(({ product }, at) => {
          expect(products[got[at] ?? -1]).toBeCloseTo(product, 4);
          expect(found.products[query * count + at]).toBeCloseTo(product, 4);
        });
      }
      expect([...found.rows.subarray(0, Math.min(count, 10))]).toEqual(
        Array.from({ length: Math.min(count, 10) }, (_, at) => 10 + at),
      );
    },
  );

  it('gives the same to the last bit when asked again', async () => {
    const once = await search.nearest({ values: gallery, dimensions }, { values: queries, dimensions }, 20);
    const again = await search.nearest({ values: gallery, dimensions }, { values: queries, dimensions }, 20);
    expect(again.rows).toEqual(once.rows);
    expect(again.products).toEqual(once.products);
  });

  it('refuses shapes that do not fit', async () => {
    const narrow = { values: new Float32Array(10), dimensions: 5 };
    await expect(search.nearest({ values: gallery, dimensions }, narrow, 1)).rejects.toThrow(RangeError);
    await expect(search.nearest(narrow, narrow, 3)).rejects.toThrow('3 of 2 rows');
  });
});
