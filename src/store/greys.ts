import type pg from 'pg';
import { ownName, type Schemas } from './identifiers.js';

export async function readGreys(
  pool: pg.Pool,
  schemas: Schemas,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Buffer>> {
  const { rows } = await pool.query<{ readonly image_id: string; readonly grey: Buffer }>(
    `SELECT image_id, grey FROM ${ownName(schemas, 'image_content')}
     WHERE image_id = ANY ($1::uuid[]) AND grey IS NOT NULL`,
    [ids],
  );
  return new Map(rows.map(({ image_id: id, grey }) => [id, grey]));
}

/** Nothing where the image is gone. */
export async function writeGrey(pool: pg.Pool, schemas: Schemas, imageId: string, grey: Buffer): Promise<void> {
  await pool.query(`UPDATE ${ownName(schemas, 'image_content')} SET grey = $2 WHERE image_id = $1`, [imageId, grey]);
}
