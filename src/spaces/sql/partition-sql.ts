import type pg from 'pg';
import { ownName, quoteIdentifier, vectorName, type Schemas } from '../../database/identifiers.js';
import { transaction } from '../../database/transaction.js';

/** Partitioned by space: each space has one partition of each, `<table>_<id>`, with its own HNSW index. */
const partitioned = ['embedding', 'region'] as const;

/**
 * CREATE TABLE and ATTACH, for PARTITION OF would lock searches out. The check spares ATTACH its scan, and the index is made
 * while the partition is empty.
 */
export async function createPartitions(client: pg.PoolClient, schemas: Schemas, spaceId: number): Promise<void> {
  for (const table of partitioned) {
    const parent = ownName(schemas, table);
    const partition = ownName(schemas, `${table}_${spaceId}`);
    await client.query(
      `CREATE TABLE ${partition} (LIKE ${parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE,
         CONSTRAINT ${table}_space_only CHECK (space_id = ${spaceId}))`,
    );
    await client.query(`ALTER TABLE ${parent} ATTACH PARTITION ${partition} FOR VALUES IN (${spaceId})`);
    await client.query(`ALTER TABLE ${partition} DROP CONSTRAINT ${table}_space_only`);
    await client.query(
      `CREATE INDEX ${table}_${spaceId}_hnsw ON ${partition} USING hnsw (embedding ${vectorName(schemas, 'vector_cosine_ops')})`,
    );
  }
}

/**
 * Nothing may write to the space any more. DETACH CONCURRENTLY, outside of a transaction, waits for searches instead of locking
 * them out, and one that was cut short is finished. To drop a foreign key locks readers of the referenced table out for a
 * moment; one at a time, for DROP TABLE would hold one of those tables while it waits for the other, and a reader of both
 * would be killed as a deadlock. The referenced table is locked first, as by a deletion, which cascades from there.
 */
export async function removePartitions(pool: pg.Pool, schemas: Schemas, spaceId: number): Promise<void> {
  for (const table of partitioned) {
    const parent = ownName(schemas, table);
    const partition = ownName(schemas, `${table}_${spaceId}`);
    const { rows } = await pool.query<{ readonly pending: boolean }>(
      `SELECT inhdetachpending AS pending FROM pg_catalog.pg_inherits
       WHERE inhparent = $1::text::regclass AND inhrelid = to_regclass($2)`,
      [parent, partition],
    );
    const [attached] = rows;
    if (attached !== undefined) {
      await pool.query(
        `ALTER TABLE ${parent} DETACH PARTITION ${partition} ${attached.pending ? 'FINALIZE' : 'CONCURRENTLY'}`,
      );
    }
    const foreignKeys = await pool.query<{ readonly conname: string; readonly referenced: string }>(
      `SELECT f.conname, r.relname AS referenced FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_class r ON r.oid = f.confrelid
       WHERE f.conrelid = to_regclass($1) AND f.contype = 'f'`,
      [partition],
    );
    for (const { conname, referenced } of foreignKeys.rows) {
      await transaction(pool, async (client) => {
        await client.query(`LOCK TABLE ${ownName(schemas, referenced)} IN ACCESS EXCLUSIVE MODE`);
        await client.query(`ALTER TABLE ${partition} DROP CONSTRAINT ${quoteIdentifier(conname)}`);
      });
    }
    await pool.query(`DROP TABLE IF EXISTS ${partition}`);
  }
}
