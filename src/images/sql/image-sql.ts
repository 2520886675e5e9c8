import type pg from 'pg';
import { SemblanceError } from '../../base/errors.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { sqlStateOf } from '../../database/errors.js';
import { ownName, type Schemas } from '../../database/identifiers.js';
import { filterParameters, filterValues, imageColumns, toImageRecord, type ImageRow } from './image-rows.js';
import type { Store } from '../../database/store.js';
import type { ImageFilter, ImagePage, ImageRecord } from '../../database/types.js';

/**
 * What Prisma cannot say goes here, through the function filter_images: containment of an object, and a substring in which
 * no character is a wildcard. So lists, counts and searches share one filter.
 */
export async function listImages(
  pool: pg.Pool,
  schemas: Schemas,
  { first, after, filter }: Parameters<Store['listImages']>[0],
): Promise<ImagePage> {
  const position = after === undefined ? undefined : decodeCursor(after);
  const from = `FROM ${ownName(schemas, 'filter_images')}(${filterParameters(1)}) i`;
  const parameters = [...filterValues(filter), ...(position === undefined ? [] : [position.createdAt, position.id])];
  const cursor = '($6::timestamptz, $7::uuid)';

  const page = await pool.query<ImageRow>(
    `SELECT ${imageColumns} ${from} ${position === undefined ? '' : `WHERE (i.created_at, i.id) < ${cursor}`}
     ORDER BY i.created_at DESC, i.id DESC LIMIT ${first + 1}`,
    parameters,
  );
  const earlier =
    position !== undefined &&
    (await pool.query(`SELECT ${from} WHERE (i.created_at, i.id) >= ${cursor} LIMIT 1`, parameters)).rows.length > 0;

  const nodes = page.rows.slice(0, first).map(toImageRecord);
  return {
    edges: nodes.map((node) => ({ cursor: encodeCursor(node), node })),
    hasNextPage: page.rows.length > first,
    hasPreviousPage: earlier,
  };
}

export async function countImages(pool: pg.Pool, schemas: Schemas, filter: ImageFilter | undefined): Promise<number> {
  const { rows } = await pool.query<{ readonly count: string }>(
    `SELECT count(*) FROM ${ownName(schemas, 'filter_images')}(${filterParameters(1)})`,
    [...filterValues(filter)],
  );
  return Number(rows[0]?.count);
}

/**
 * Through pg: Prisma does not tell a row that a policy refuses from a right that the role lacks.
 * @returns undefined where there is no such image
 */
export async function updateMetadata(
  pool: pg.Pool,
  schemas: Schemas,
  id: string,
  metadata: Readonly<Record<string, unknown>>,
): Promise<ImageRecord | undefined> {
  const { rows } = await pool.query<ImageRow>(
    `UPDATE ${ownName(schemas, 'image')} AS i SET metadata = $2 WHERE i.id = $1 RETURNING ${imageColumns}`,
    [id, JSON.stringify(metadata)],
  );
  return rows[0] && toImageRecord(rows[0]);
}

export async function existingIds(
  pool: pg.Pool,
  schemas: Schemas,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ readonly id: string }>(
    `SELECT id FROM ${ownName(schemas, 'image')} WHERE id = ANY ($1::uuid[])`,
    [ids],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Bytes, renditions, embeddings and regions go with the row. */
export async function deleteImage(pool: pg.Pool, schemas: Schemas, id: string): Promise<boolean> {
  try {
    const { rowCount } = await pool.query(`DELETE FROM ${ownName(schemas, 'image')} WHERE id = $1`, [id]);
    return rowCount === 1;
  } catch (error) {
    // foreign_key_violation; restrict_violation for ON DELETE RESTRICT from Postgres 18 on.
    if (!['23503', '23001'].includes(sqlStateOf(error) ?? '')) throw error;
    throw new SemblanceError(
      'CONFLICT',
      `Image ${id} is referenced by another table of this database: remove those rows first, or declare that reference ON DELETE CASCADE`,
      { cause: error },
    );
  }
}

/** Of Semblance's tables with their indexes, not of others in the same schema. */
export async function sizeBytes(pool: pg.Pool, schemas: Schemas): Promise<number> {
  const { rows } = await pool.query<{ readonly bytes: string }>(
    `SELECT coalesce(sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::text AS bytes
     FROM pg_catalog.pg_class c
     WHERE c.oid = ANY ($1::text[]::regclass[]::oid[])
        OR c.oid IN (
         SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = ANY ($2::text[]::regclass[]::oid[]))`,
    [
      ['image', 'image_content', 'embedding_space', 'scorer'].map((table) => ownName(schemas, table)),
      ['embedding', 'region'].map((table) => ownName(schemas, table)),
    ],
  );
  return Number(rows[0]?.bytes);
}
