import type pg from 'pg';
import { ownName, vectorName, type Schemas } from './identifiers.js';
import type { EmbeddingSpace, NewEmbeddingSpace } from './store.js';
import { transaction } from './transaction.js';

export interface SpaceRow {
  readonly id: number;
  readonly name: string;
  readonly model: string;
  readonly model_sha256: string;
  readonly preprocessing_sha256: string;
  readonly dimensions: number;
}

/** Makes and activates the first space with its partition and index, unless one is active; answers the active one. */
export async function ensureSpace(pool: pg.Pool, schemas: Schemas, space: NewEmbeddingSpace): Promise<EmbeddingSpace> {
  return transaction(pool, async (client) => {
    // Two servers that start at once make one space. Readers and uploads, which lock rows alone, are not held up.
    await client.query(`LOCK TABLE ${ownName(schemas, 'embedding_space')} IN SHARE ROW EXCLUSIVE MODE`);
    const active = await client.query<SpaceRow>(
      `SELECT * FROM ${ownName(schemas, 'embedding_space')} WHERE state = 'active'`,
    );
    if (active.rows[0] !== undefined) return toSpace(active.rows[0]);
    const made = await client.query<SpaceRow>(
      `INSERT INTO ${ownName(schemas, 'embedding_space')} (name, model, model_sha256, preprocessing_sha256, dimensions, state)
       VALUES ($1, $2, $3, $4, $5, 'active') RETURNING *`,
      [space.name, space.model, space.modelSha256, space.preprocessingSha256, space.dimensions],
    );
    const row = made.rows[0];
    if (row === undefined) throw new Error('One row was expected');
    await createPartition(client, schemas, row.id);
    return toSpace(row);
  });
}

/**
 * CREATE TABLE and ATTACH, for PARTITION OF would lock searches out. The check spares ATTACH its scan, and the index is made
 * while the partition is empty.
 */
async function createPartition(client: pg.PoolClient, schemas: Schemas, spaceId: number): Promise<void> {
  const parent = ownName(schemas, 'embedding');
  const partition = ownName(schemas, `embedding_${spaceId}`);
  await client.query(
    `CREATE TABLE ${partition} (LIKE ${parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE,
       CONSTRAINT embedding_space_only CHECK (space_id = ${spaceId}))`,
  );
  await client.query(`ALTER TABLE ${parent} ATTACH PARTITION ${partition} FOR VALUES IN (${spaceId})`);
  await client.query(`ALTER TABLE ${partition} DROP CONSTRAINT embedding_space_only`);
  await client.query(
    `CREATE INDEX embedding_${spaceId}_hnsw ON ${partition} USING hnsw (embedding ${vectorName(schemas, 'vector_cosine_ops')})`,
  );
}

export function toSpace(row: SpaceRow): EmbeddingSpace {
  return {
    id: row.id,
    name: row.name,
    model: row.model,
    modelSha256: row.model_sha256,
    preprocessingSha256: row.preprocessing_sha256,
    dimensions: row.dimensions,
  };
}
