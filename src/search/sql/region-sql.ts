import type pg from 'pg';
import { holdSpaceFor } from '../../spaces/sql/embedding-sql.js';
import { ownName, vectorName, type Schemas } from '../../database/identifiers.js';
import { requireRoom } from '../../database/room.js';
import { transaction } from '../../database/transaction.js';
import type { RegionEmbedding } from '../../database/types.js';
import { toUnitVector } from '../../database/vector.js';

/** The contract stands at Store.insertRegions. */
export async function insertRegions(
  pool: pg.Pool,
  schemas: Schemas,
  spaceId: number,
  imageId: string,
  regions: readonly RegionEmbedding[],
): Promise<boolean> {
  const rows = regions.map(({ region, embedding }) => ({ region, ...toUnitVector(embedding) }));
  if (rows.length === 0) return false;
  return transaction(pool, async (client) => {
    await requireRoom(pool);
    await holdSpaceFor(client, schemas, spaceId, regions);
    // Of two that index the same image, the second waits here and finds the regions of the first.
    const image = await client.query(`SELECT FROM ${ownName(schemas, 'image')} WHERE id = $1 FOR NO KEY UPDATE`, [
      imageId,
    ]);
    if (image.rowCount !== 1) return false;
    const present = await client.query(
      `SELECT FROM ${ownName(schemas, 'region')} WHERE space_id = $1 AND image_id = $2 LIMIT 1`,
      [spaceId, imageId],
    );
    if (present.rowCount !== 0) return false;
    const values = rows.map((_, index) => {
      const first = 6 * index + 3;
      const box = [first, first + 1, first + 2, first + 3].map((number) => `$${number}::real`).join(', ');
      return `($1::integer, $2::uuid, ${index}, ${box}, $${first + 4}::${vectorName(schemas, 'vector')}, $${first + 5}::real)`;
    });
    await client.query(
      `INSERT INTO ${ownName(schemas, 'region')} (space_id, image_id, number, x, y, width, height, embedding, norm)
       VALUES ${values.join(', ')}`,
      [
        spaceId,
        imageId,
        ...rows.flatMap(({ region: { x, y, width, height }, wire, norm }) => [x, y, width, height, wire, norm]),
      ],
    );
    return true;
  });
}
