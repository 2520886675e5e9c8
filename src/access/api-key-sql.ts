import type pg from 'pg';
import { ownName, type Schemas } from '../database/identifiers.js';
import type { ApiKeyRecord, NewApiKey } from '../database/store.js';

interface ApiKeyRow {
  readonly id: string;
  readonly name: string;
  readonly scope: ApiKeyRecord['scope'];
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
}

const columns = 'id, name, scope, created_at, expires_at, revoked_at';

/** The contract stands at Store.createApiKey. */
export async function createApiKey(pool: pg.Pool, schemas: Schemas, key: NewApiKey): Promise<ApiKeyRecord> {
  const { rows } = await pool.query<ApiKeyRow>(
    `INSERT INTO ${ownName(schemas, 'api_key')} (id, name, scope, sha256, expires_at) VALUES ($1, $2, $3, $4, $5)
     RETURNING ${columns}`,
    [key.id, key.name, key.scope, key.sha256, key.expiresAt],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('The key was not written');
  return toRecord(row);
}

/** The contract stands at Store.findApiKey. */
export async function findApiKey(
  pool: pg.Pool,
  schemas: Schemas,
  id: string,
): Promise<{ readonly key: ApiKeyRecord; readonly sha256: Buffer; readonly usable: boolean } | undefined> {
  const { rows } = await pool.query<ApiKeyRow & { readonly sha256: Buffer; readonly usable: boolean }>(
    `SELECT ${columns}, sha256, revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AS usable
     FROM ${ownName(schemas, 'api_key')} WHERE id = $1`,
    [id],
  );
  const [row] = rows;
  return row && { key: toRecord(row), sha256: row.sha256, usable: row.usable };
}

/** The contract stands at Store.listApiKeys. */
export async function listApiKeys(pool: pg.Pool, schemas: Schemas): Promise<readonly ApiKeyRecord[]> {
  const { rows } = await pool.query<ApiKeyRow>(
    `SELECT ${columns} FROM ${ownName(schemas, 'api_key')} ORDER BY created_at, id`,
  );
  return rows.map(toRecord);
}

/** The contract stands at Store.revokeApiKey. */
export async function revokeApiKey(pool: pg.Pool, schemas: Schemas, id: string): Promise<ApiKeyRecord | undefined> {
  const { rows } = await pool.query<ApiKeyRow>(
    `UPDATE ${ownName(schemas, 'api_key')} SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING ${columns}`,
    [id],
  );
  return rows[0] && toRecord(rows[0]);
}

/** The contract stands at Store.ensureSecret. */
export async function ensureSecret(pool: pg.Pool, schemas: Schemas, name: string, proposed: Buffer): Promise<Buffer> {
  const table = ownName(schemas, 'server_secret');
  const select = `SELECT secret FROM ${table} WHERE name = $1`;
  const found = await pool.query<{ readonly secret: Buffer }>(select, [name]);
  if (found.rows[0] !== undefined) return found.rows[0].secret;
  await pool.query(`INSERT INTO ${table} (name, secret) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, [
    name,
    proposed,
  ]);
  // Another server may have been first: its secret counts.
  const { rows } = await pool.query<{ readonly secret: Buffer }>(select, [name]);
  if (rows[0] === undefined) throw new Error('The secret was not written');
  return rows[0].secret;
}

function toRecord(row: ApiKeyRow): ApiKeyRecord {
  return {
    id: row.id,
    name: row.name,
    scope: row.scope,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  };
}
