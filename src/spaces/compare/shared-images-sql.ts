import type pg from 'pg';
import { ownName, type Schemas } from '../../database/identifiers.js';
import type { SharedSample, Store } from '../../database/store.js';

interface SampleRow {
  readonly stored: string;
  readonly in_a: string;
  readonly in_b: string;
  readonly shared: string;
  /** Null with all that follows where the spaces share no image. */
  readonly id: string | null;
  readonly filename: string;
  readonly label: string | null;
  readonly same_label: string | null;
}

/**
 * The contract stands at Store.sampleShared. One statement, so that its counts fit each other. The draw goes by a hash of seed
 * and id: one pass without a state, and images that are stored later change little of it.
 */
export async function sampleShared(
  pool: pg.Pool,
  schemas: Schemas,
  [a, b]: readonly [number, number],
  { count, seed }: Parameters<Store['sampleShared']>[1],
): Promise<SharedSample> {
  const embeddings = ownName(schemas, 'embedding');
  const { rows } = await pool.query<SampleRow>(
    `WITH held AS MATERIALIZED (
       SELECT i.id, i.filename, a.image_id IS NOT NULL AS in_a, b.image_id IS NOT NULL AS in_b,
         CASE WHEN jsonb_typeof(i.metadata -> 'label') = 'string' THEN nullif(i.metadata ->> 'label', '') END AS label
       FROM ${ownName(schemas, 'image')} i
       LEFT JOIN ${embeddings} a ON a.space_id = $1::integer AND a.image_id = i.id
       LEFT JOIN ${embeddings} b ON b.space_id = $2::integer AND b.image_id = i.id),
     sums AS (
       SELECT count(*) AS stored, count(*) FILTER (WHERE in_a) AS in_a, count(*) FILTER (WHERE in_b) AS in_b,
         count(*) FILTER (WHERE in_a AND in_b) AS shared
       FROM held),
     labels AS (
       SELECT label, count(*) AS images FROM held WHERE in_a AND in_b AND label IS NOT NULL GROUP BY label),
     sample AS (
       SELECT id, filename, label, md5($3::text || ':' || id::text) AS place FROM held WHERE in_a AND in_b
       ORDER BY place, id LIMIT $4::integer)
     SELECT sums.stored, sums.in_a, sums.in_b, sums.shared, s.id, s.filename, s.label, l.images - 1 AS same_label
     FROM sums LEFT JOIN sample s ON true LEFT JOIN labels l ON l.label = s.label
     ORDER BY s.place, s.id`,
    [a, b, String(seed), count],
  );
  const [sums] = rows;
  return {
    stored: Number(sums?.stored),
    held: [Number(sums?.in_a), Number(sums?.in_b)],
    shared: Number(sums?.shared),
    images: rows.flatMap(({ id, filename, label, same_label: sameLabel }) =>
      id === null ? [] : [{ id, filename, label: label ?? undefined, sameLabel: Number(sameLabel ?? 0) }],
    ),
  };
}

/** The contract stands at Store.heldIn. */
export async function heldIn(
  pool: pg.Pool,
  schemas: Schemas,
  spaceId: number,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ readonly image_id: string }>(
    `SELECT image_id FROM ${ownName(schemas, 'embedding')} WHERE space_id = $1 AND image_id = ANY ($2::uuid[])`,
    [spaceId, ids],
  );
  return new Set(rows.map(({ image_id: id }) => id));
}
