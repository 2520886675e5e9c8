import type pg from 'pg';
import { opaqueMediaType } from '../../pixels/transparency.js';
import { ownName, type Schemas } from '../../database/identifiers.js';

/**
 * SQL for rows of `image` under the alias `i` and of `image_content` under `c`: whether a grey rendition shows what is transparent on a
 * background that contrasts with it. Those of earlier versions show it on white, and a JPEG has nothing transparent.
 */
export const greyIsOnContrast = `(c.grey_on_contrast OR i.media_type = '${opaqueMediaType}')`;

export async function readGreys(
  pool: pg.Pool,
  schemas: Schemas,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Buffer>> {
  const { rows } = await pool.query<{ readonly image_id: string; readonly grey: Buffer }>(
    `SELECT c.image_id, c.grey
     FROM ${ownName(schemas, 'image')} i JOIN ${ownName(schemas, 'image_content')} c ON c.image_id = i.id
     WHERE i.id = ANY ($1::uuid[]) AND c.grey IS NOT NULL AND ${greyIsOnContrast}`,
    [ids],
  );
  return new Map(rows.map(({ image_id: id, grey }) => [id, grey]));
}

/** Nothing where the image is gone. */
export async function writeGrey(pool: pg.Pool, schemas: Schemas, imageId: string, grey: Buffer): Promise<void> {
  await pool.query(
    `UPDATE ${ownName(schemas, 'image_content')} SET grey = $2, grey_on_contrast = true WHERE image_id = $1`,
    [imageId, grey],
  );
}
