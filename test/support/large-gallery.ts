import { quoteIdentifier } from '../../src/database/identifiers.js';
import type { TestStore } from './store.js';

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Longer than the pool allows a statement, for busy machines; @types/pg does not know the field here. */
export const unhurried = { query_timeout: 600_000 };

/**
 * Images in families of 100: an embedding is a centre and two smaller parts out of pools, summed by the database, so that
 * only 900 vectors travel. metadata.n is 0 to 99, and half the images have metadata.half = 1; a filename is "img-<index>.png".
 *
 * The index is made again at the end, with a sparser graph than the product's: whether it is used does not hang on that, and
 * the embedded database builds the product's for minutes.
 */
export async function fillLargeGallery(
  { database, schemas, space, name }: TestStore,
  imageCount: number,
): Promise<void> {
  const { pool } = database;
  const random = seededRandom(7);
  const vector = (spread: number) =>
    `[${Array.from({ length: space.dimensions }, () => ((random() - 0.5) * spread).toFixed(3)).join(',')}]`;
  const type = quoteIdentifier(schemas.vector);
  const part = name('gallery_part');
  const index = name(`embedding_${space.id}_hnsw`);

  await pool.query(`CREATE TABLE ${part} (pool integer, i integer, v ${type}.vector NOT NULL, PRIMARY KEY (pool, i))`);
  for (const [family, size, spread] of [
    [0, Math.ceil(imageCount / 100), 1],
    [1, 200, 0.6],
    [2, 200, 0.4],
  ] as const) {
    for (let start = 0; start < size; start += 100) {
      await pool.query(
        `INSERT INTO ${part} SELECT $1::integer, $2::integer + o - 1, v::${type}.vector
         FROM unnest($3::text[]) WITH ORDINALITY u (v, o)`,
        [family, start, Array.from({ length: 100 }, () => vector(spread))],
      );
    }
  }
  const definition = await pool.query<{ definition: string }>(
    `SELECT pg_get_indexdef($1::text::regclass) AS definition`,
    [index],
  );
  await pool.query(`DROP INDEX ${index}`);
  await pool.query({
    text: `INSERT INTO ${name('image')} (id, sha256, filename, media_type, width, height, byte_size, metadata)
     SELECT md5('image ' || i)::uuid, encode(sha256(i::text::bytea), 'hex'), 'img-' || i || '.png', 'image/png', 10, 10, 10,
       jsonb_build_object('n', i % 100, 'half', i % 2)
     FROM generate_series(0, $1::integer - 1) i`,
    values: [imageCount],
    ...unhurried,
  });
  await pool.query({
    text: `INSERT INTO ${name('embedding')} (space_id, image_id, embedding, norm)
     SELECT $1::integer, md5('image ' || g)::uuid, ${type}.l2_normalize(a.v OPERATOR(${type}.+) b.v OPERATOR(${type}.+) c.v), 1
     FROM generate_series(0, $2::integer - 1) g
     JOIN ${part} a ON a.pool = 0 AND a.i = g / 100
     JOIN ${part} b ON b.pool = 1 AND b.i = (g * 7) % 197
     JOIN ${part} c ON c.pool = 2 AND c.i = (g * 11 + g / 197) % 199`,
    values: [space.id, imageCount],
    ...unhurried,
  });
  await pool.query({
    text: `BEGIN; SET LOCAL maintenance_work_mem = '512MB'; SET LOCAL statement_timeout = 0;
      ${definition.rows[0]?.definition ?? ''} WITH (m = 8, ef_construction = 32); COMMIT`,
    ...unhurried,
  });
  await pool.query(`ANALYZE ${name('image')}`);
  await pool.query(`ANALYZE ${name(`embedding_${space.id}`)}`);
}
