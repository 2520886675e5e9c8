import type pg from 'pg';
import { SemblanceError } from '../../base/errors.js';
import { sqlStateOf } from '../../database/errors.js';
import { ownName, type Schemas } from '../../database/identifiers.js';
import { createPartitions } from './partition-sql.js';
import { requirePartitionRights } from '../../database/setup/rights.js';
import type { EmbeddingSpace, ListedSpace, NewEmbeddingSpace, SpaceState } from '../../database/store.js';
import { transaction } from '../../database/transaction.js';

export interface SpaceRow {
  readonly id: number;
  readonly name: string;
  readonly model: string;
  readonly model_sha256: string;
  readonly preprocessing_sha256: string;
  readonly dimensions: number;
  readonly state: SpaceState;
}

/** Without `fitted`, which is megabytes of some spaces. */
export const spaceColumns = 's.id, s.name, s.model, s.model_sha256, s.preprocessing_sha256, s.dimensions, s.state';

export const liveSpaceOrder = `s.state = 'active' DESC, s.id`;

export function toSpace(row: SpaceRow): EmbeddingSpace {
  return {
    id: row.id,
    name: row.name,
    model: row.model,
    modelSha256: row.model_sha256,
    preprocessingSha256: row.preprocessing_sha256,
    dimensions: row.dimensions,
    state: row.state,
  };
}

/**
 * Waits until no upload is on its way that began with the former set of spaces (each holds rows FOR SHARE), and makes new ones
 * wait. Readers are not held up. Every transaction takes this lock before any other, so that none waits in a circle.
 */
export async function lockOutUploads(client: pg.PoolClient, schemas: Schemas): Promise<void> {
  await client.query(`LOCK TABLE ${ownName(schemas, 'embedding_space')} IN EXCLUSIVE MODE`);
}

/**
 * The live spaces, which stay as they are until the commit: an embedding made for a former set and committed after a switch
 * would never be found. In order, so that two such locks cannot wait for each other.
 */
export async function holdLiveSpaces(
  client: pg.PoolClient,
  schemas: Schemas,
): Promise<readonly { readonly id: number; readonly dimensions: number }[]> {
  const { rows } = await client.query<{ readonly id: number; readonly dimensions: number }>(
    `SELECT id, dimensions FROM ${ownName(schemas, 'embedding_space')} WHERE state <> 'retired' ORDER BY id FOR SHARE`,
  );
  return rows;
}

/** Makes and activates the first space with its partitions and indexes, unless one is active; answers the active one. */
export async function ensureSpace(pool: pg.Pool, schemas: Schemas, space: NewEmbeddingSpace): Promise<EmbeddingSpace> {
  await requirePartitionRights(
    pool,
    schemas,
    'The database has no embedding space yet, and the first cannot be made',
    ', and run `semblance migrate`',
  );
  return transaction(pool, async (client) => {
    // Two servers that start at once make one space.
    await lockOutUploads(client, schemas);
    const { rows } = await client.query<SpaceRow>(
      `SELECT ${spaceColumns} FROM ${ownName(schemas, 'embedding_space')} s WHERE s.state = 'active'`,
    );
    return rows[0] === undefined ? insertSpace(client, schemas, space, 'active') : toSpace(rows[0]);
  });
}

/** The contract stands at Store.createSpace. */
export async function createSpace(pool: pg.Pool, schemas: Schemas, space: NewEmbeddingSpace): Promise<EmbeddingSpace> {
  await requirePartitionRights(pool, schemas, 'The embedding space cannot be made');
  return transaction(pool, async (client) => {
    await lockOutUploads(client, schemas);
    return insertSpace(client, schemas, space, 'building');
  });
}

async function insertSpace(
  client: pg.PoolClient,
  schemas: Schemas,
  space: NewEmbeddingSpace,
  state: SpaceState,
): Promise<EmbeddingSpace> {
  const { rows } = await client
    .query<SpaceRow>(
      `INSERT INTO ${ownName(schemas, 'embedding_space')} AS s
         (name, model, model_sha256, preprocessing_sha256, dimensions, fitted, state, job_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${spaceColumns}`,
      [
        space.name,
        space.model,
        space.modelSha256,
        space.preprocessingSha256,
        space.dimensions,
        JSON.stringify(space.fitted ?? {}),
        state,
        space.jobId,
      ],
    )
    .catch((error: unknown) => {
      if (sqlStateOf(error) !== '23505') throw error;
      throw new SemblanceError('CONFLICT', `There is an embedding space of the name ${space.name}`, { cause: error });
    });
  const [row] = rows;
  if (row === undefined) throw new Error('One row was expected');
  await createPartitions(client, schemas, row.id);
  return toSpace(row);
}

export async function liveSpaces(pool: pg.Pool, schemas: Schemas): Promise<readonly EmbeddingSpace[]> {
  const { rows } = await pool.query<SpaceRow>(
    `SELECT ${spaceColumns} FROM ${ownName(schemas, 'embedding_space')} s WHERE s.state <> 'retired' ORDER BY ${liveSpaceOrder}`,
  );
  return rows.map(toSpace);
}

export async function listSpaces(pool: pg.Pool, schemas: Schemas): Promise<readonly ListedSpace[]> {
  type Row = SpaceRow & {
    readonly created_at: Date;
    readonly job_id: string | null;
    readonly stored: string;
    readonly images: string;
    readonly regions: string;
  };
  const count = (table: string) => `(SELECT count(*) FROM ${ownName(schemas, table)} t WHERE t.space_id = s.id)`;
  const { rows } = await pool.query<Row>(
    `SELECT ${spaceColumns}, s.created_at, s.job_id, (SELECT count(*) FROM ${ownName(schemas, 'image')}) AS stored,
       ${count('embedding')} AS images, ${count('region')} AS regions
     FROM ${ownName(schemas, 'embedding_space')} s ORDER BY s.id`,
  );
  return rows.map((row) => ({
    ...toSpace(row),
    createdAt: row.created_at,
    jobId: row.job_id ?? undefined,
    imageCount: Number(row.images),
    // Of one snapshot: an embedding is of a stored image, which a policy may hide.
    missingCount: Math.max(0, Number(row.stored) - Number(row.images)),
    regionCount: Number(row.regions),
  }));
}

export async function readFitted(pool: pg.Pool, schemas: Schemas, spaceId: number): Promise<unknown> {
  const { rows } = await pool.query<{ readonly fitted: unknown }>(
    `SELECT nullif(fitted, '{}') AS fitted FROM ${ownName(schemas, 'embedding_space')} WHERE id = $1`,
    [spaceId],
  );
  return rows[0]?.fitted ?? undefined;
}
