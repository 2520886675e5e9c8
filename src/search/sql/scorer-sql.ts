import type pg from 'pg';
import { SemblanceError } from '../../base/errors.js';
import { sqlStateOf } from '../../database/errors.js';
import { ownName, type Schemas } from '../../database/identifiers.js';
import type { ScorerKind, Store } from '../../database/store.js';

export async function saveScorer(
  pool: pg.Pool,
  schemas: Schemas,
  spaceId: number,
  kind: ScorerKind,
  scorer: unknown,
): Promise<void> {
  await pool
    .query(
      `INSERT INTO ${ownName(schemas, 'scorer')} (space_id, kind, scorer) VALUES ($1, $2, $3)
       ON CONFLICT (space_id, kind) DO UPDATE SET scorer = excluded.scorer, created_at = now()`,
      [spaceId, kind, JSON.stringify(scorer)],
    )
    .catch((error: unknown) => {
      if (sqlStateOf(error) !== '23503') throw error;
      throw new SemblanceError('NOT_FOUND', 'There is no such embedding space', { cause: error });
    });
}

export async function readScorer(pool: pg.Pool, schemas: Schemas, spaceId: number, kind: ScorerKind): Promise<unknown> {
  const { rows } = await pool.query<{ readonly scorer: unknown }>(
    `SELECT scorer FROM ${ownName(schemas, 'scorer')} WHERE space_id = $1 AND kind = $2`,
    [spaceId, kind],
  );
  return rows[0]?.scorer;
}

export async function listScorers(pool: pg.Pool, schemas: Schemas): ReturnType<Store['listScorers']> {
  const { rows } = await pool.query<{ readonly spaceId: number; readonly kind: ScorerKind }>(
    `SELECT space_id AS "spaceId", kind FROM ${ownName(schemas, 'scorer')} ORDER BY space_id, kind`,
  );
  return rows;
}
