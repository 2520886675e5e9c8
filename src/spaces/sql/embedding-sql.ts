import type pg from 'pg';
import { SemblanceError } from '../../base/errors.js';
import { ownName, vectorName, type Schemas } from '../../database/identifiers.js';
import { requireRoom } from '../../database/room.js';
import { holdLiveSpaces } from './space-sql.js';
import type { Store } from '../../database/store.js';
import { transaction } from '../../database/transaction.js';
import { fromWire, toUnitVector } from '../../database/vector.js';

/** Embeddings of one statement: the protocol counts parameters in 16 bits, and a row takes three. */
const embeddingsPerStatement = 500;

/** @throws SemblanceError MODEL_UNAVAILABLE */
export function requireDimensions(space: { readonly dimensions: number }, embedding: Float32Array): void {
  if (space.dimensions === embedding.length) return;
  throw new SemblanceError(
    'MODEL_UNAVAILABLE',
    `The model gives ${embedding.length} numbers and the embedding space holds ${space.dimensions}`,
  );
}

/**
 * Holds a live space as it is until the commit.
 * @throws SemblanceError NOT_FOUND; MODEL_UNAVAILABLE where an embedding has another length
 */
export async function holdSpaceFor(
  client: pg.PoolClient,
  schemas: Schemas,
  spaceId: number,
  embeddings: readonly { readonly embedding: Float32Array }[],
): Promise<void> {
  const space = (await holdLiveSpaces(client, schemas)).find(({ id }) => id === spaceId);
  if (space === undefined) throw new SemblanceError('NOT_FOUND', 'There is no such embedding space, or it is retired');
  for (const { embedding } of embeddings) requireDimensions(space, embedding);
}

/** The contract stands at Store.insertEmbeddings. */
export async function insertEmbeddings(
  pool: pg.Pool,
  schemas: Schemas,
  spaceId: number,
  embeddings: Parameters<Store['insertEmbeddings']>[1],
): Promise<number> {
  const rows = embeddings.map(({ imageId, embedding }) => ({ imageId, ...toUnitVector(embedding) }));
  if (rows.length === 0) return 0;
  return transaction(pool, async (client) => {
    await requireRoom(pool);
    await holdSpaceFor(client, schemas, spaceId, embeddings);
    let written = 0;
    for (let start = 0; start < rows.length; start += embeddingsPerStatement) {
      const part = rows.slice(start, start + embeddingsPerStatement);
      const values = part.map((_, index) => {
        const first = 3 * index + 2;
        return `($${first}::uuid, $${first + 1}::${vectorName(schemas, 'vector')}, $${first + 2}::real)`;
      });
      // The lock keeps the images until the commit; those that were deleted just now fall out.
      const { rowCount } = await client.query(
        `INSERT INTO ${ownName(schemas, 'embedding')} (space_id, image_id, embedding, norm)
         SELECT $1::integer, e.* FROM (VALUES ${values.join(', ')}) AS e (image_id, embedding, norm)
         JOIN ${ownName(schemas, 'image')} i ON i.id = e.image_id FOR KEY SHARE OF i
         ON CONFLICT (space_id, image_id) DO NOTHING`,
        [spaceId, ...part.flatMap(({ imageId, wire, norm }) => [imageId, wire, norm])],
      );
      written += rowCount ?? 0;
    }
    return written;
  });
}

/** The contract stands at Store.readEmbeddings. As bytea: reading the vector's text took eight times as long. */
export async function readEmbeddings(
  pool: pg.Pool,
  schemas: Schemas,
  spaceId: number,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Float32Array>> {
  type Row = { readonly image_id: string; readonly norm: Buffer; readonly wire: Buffer };
  const { rows } = await pool.query<Row>(
    `SELECT e.image_id, float4send(e.norm) AS norm,
       substring(${vectorName(schemas, 'vector_send')}(e.embedding) FROM 5 FOR 4 * s.dimensions) AS wire
     FROM ${ownName(schemas, 'embedding')} e JOIN ${ownName(schemas, 'embedding_space')} s ON s.id = e.space_id
     WHERE e.space_id = $1 AND e.image_id = ANY ($2::uuid[])`,
    [spaceId, ids],
  );
  return new Map(rows.map(({ image_id: id, norm, wire }) => [id, fromWire(wire, norm.readFloatBE())]));
}

/** Ids of images, by id, that have no row of the space in `table`. */
export async function imagesWithout(
  table: 'embedding' | 'region',
  pool: pg.Pool,
  schemas: Schemas,
  spaceId: number,
  { after, limit }: { readonly after?: string; readonly limit: number },
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ readonly id: string }>(
    `SELECT i.id FROM ${ownName(schemas, 'image')} i
     WHERE ($2::uuid IS NULL OR i.id > $2) AND NOT EXISTS (
       SELECT FROM ${ownName(schemas, table)} t WHERE t.space_id = $1 AND t.image_id = i.id)
     ORDER BY i.id LIMIT $3`,
    [spaceId, after ?? null, limit],
  );
  return rows.map(({ id }) => id);
}
