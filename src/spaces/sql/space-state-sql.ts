import type pg from 'pg';
import { SemblanceError } from '../../base/errors.js';
import { ownName, type Schemas } from '../../database/identifiers.js';
import { removePartitions } from './partition-sql.js';
import { requirePartitionRights } from '../../database/setup/rights.js';
import { lockOutUploads, spaceColumns, toSpace, type SpaceRow } from './space-sql.js';
import type { ActivatedSpace, EmbeddingSpace, SpaceState, Store } from '../../database/store.js';
import { transaction } from '../../database/transaction.js';

type Queryable = Pick<pg.Pool, 'query'>;

/** The contract stands at Store.completeSpace. */
export async function completeSpace(
  pool: pg.Pool,
  schemas: Schemas,
  spaceId: number,
): Promise<{ readonly missing: number }> {
  // Uploads need not wait for an answer that is plain without them.
  await requireLive(pool, schemas, spaceId);
  const missingAtFirst = await countMissing(pool, schemas, spaceId);
  if (missingAtFirst > 0) return { missing: missingAtFirst };
  return transaction(pool, async (client) => {
    await lockOutUploads(client, schemas);
    const { state } = await requireLive(client, schemas, spaceId);
    const missing = await countMissing(client, schemas, spaceId);
    if (missing === 0 && state === 'building') await setState(client, schemas, spaceId, 'ready');
    return { missing };
  });
}

/** The contract stands at Store.activateSpace. */
export async function activateSpace(
  pool: pg.Pool,
  schemas: Schemas,
  spaceId: number,
  { force }: Parameters<Store['activateSpace']>[1],
): Promise<ActivatedSpace> {
  const refuse = (space: EmbeddingSpace, missing: number): void => {
    if (space.state === 'active' || missing === 0 || force) return;
    throw new SemblanceError(
      'CONFLICT',
      `${missing} images have no embedding in the space ${JSON.stringify(space.name)}, and would not be found: \`semblance spaces backfill ${space.name}\` embeds them`,
    );
  };
  // Uploads need not wait for an answer that is plain without them.
  refuse(await requireLive(pool, schemas, spaceId), await countMissing(pool, schemas, spaceId));
  return transaction(pool, async (client) => {
    await lockOutUploads(client, schemas);
    const space = await requireLive(client, schemas, spaceId);
    const missing = await countMissing(client, schemas, spaceId);
    refuse(space, missing);
    const { rows } = await client.query<SpaceRow>(
      `SELECT ${spaceColumns} FROM ${ownName(schemas, 'embedding_space')} s WHERE s.state = 'active' AND s.id <> $1 FOR UPDATE`,
      [spaceId],
    );
    const former = rows[0] === undefined ? undefined : toSpace(rows[0]);
    // One that was activated by force may lack images still. It goes first: at no time are two active.
    if (former !== undefined) {
      const lacks = await countMissing(client, schemas, former.id);
      await setState(client, schemas, former.id, lacks > 0 ? 'building' : 'ready');
    }
    if (space.state !== 'active') await setState(client, schemas, spaceId, 'active');
    return { former, missing };
  });
}

/** The contract stands at Store.retireSpace. */
export async function retireSpace(pool: pg.Pool, schemas: Schemas, spaceId: number): Promise<void> {
  await retire(pool, schemas, spaceId, 'The active embedding space cannot be retired: activate another one first');
}

/**
 * The contract stands at Store.removeSpace. The space is retired first, so that nothing is written to it while its partitions
 * are taken off; what was cut short is finished by asking again.
 */
export async function removeSpace(pool: pg.Pool, schemas: Schemas, spaceId: number): Promise<boolean> {
  await requirePartitionRights(pool, schemas, 'The embedding space cannot be removed');
  try {
    await retire(pool, schemas, spaceId, 'The active embedding space cannot be removed: activate another one first');
  } catch (error) {
    if (error instanceof SemblanceError && error.code === 'NOT_FOUND') return false;
    throw error;
  }
  await removePartitions(pool, schemas, spaceId);
  await pool.query(`DELETE FROM ${ownName(schemas, 'embedding_space')} WHERE id = $1`, [spaceId]);
  return true;
}

/** @throws SemblanceError NOT_FOUND; CONFLICT with `refusal` for the active space */
async function retire(pool: pg.Pool, schemas: Schemas, spaceId: number, refusal: string): Promise<void> {
  await transaction(pool, async (client) => {
    await lockOutUploads(client, schemas);
    const { state } = await requireSpace(client, schemas, spaceId);
    if (state === 'active') throw new SemblanceError('CONFLICT', refusal);
    await setState(client, schemas, spaceId, 'retired');
  });
}

async function countMissing(database: Queryable, schemas: Schemas, spaceId: number): Promise<number> {
  const { rows } = await database.query<{ readonly count: string }>(
    `SELECT count(*) FROM ${ownName(schemas, 'image')} i WHERE NOT EXISTS (
       SELECT FROM ${ownName(schemas, 'embedding')} e WHERE e.space_id = $1 AND e.image_id = i.id)`,
    [spaceId],
  );
  return Number(rows[0]?.count);
}

/** @throws SemblanceError NOT_FOUND; CONFLICT where the space is retired */
async function requireLive(database: Queryable, schemas: Schemas, spaceId: number): Promise<EmbeddingSpace> {
  const space = await requireSpace(database, schemas, spaceId);
  if (space.state === 'retired')
    throw new SemblanceError('CONFLICT', `The embedding space ${JSON.stringify(space.name)} is retired`);
  return space;
}

/** @throws SemblanceError NOT_FOUND */
async function requireSpace(database: Queryable, schemas: Schemas, spaceId: number): Promise<EmbeddingSpace> {
  const { rows } = await database.query<SpaceRow>(
    `SELECT ${spaceColumns} FROM ${ownName(schemas, 'embedding_space')} s WHERE s.id = $1`,
    [spaceId],
  );
  const [row] = rows;
  if (row === undefined) throw new SemblanceError('NOT_FOUND', 'There is no such embedding space');
  return toSpace(row);
}

async function setState(client: pg.PoolClient, schemas: Schemas, spaceId: number, state: SpaceState): Promise<void> {
  await client.query(`UPDATE ${ownName(schemas, 'embedding_space')} SET state = $2 WHERE id = $1`, [spaceId, state]);
}
