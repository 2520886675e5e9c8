import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { migrationsFolder } from '../../base/paths.js';
import { sqlStateOf } from '../errors.js';
import { requireExtension, type Extension } from './extension.js';
import { migrationSearchPath, quoteIdentifier } from '../identifiers.js';
import { foreignOwner, missingServingRights } from './rights.js';
import { requireUtf8, settingProblems } from './server-settings.js';
import { DatabaseSetupError } from './setup-error.js';
import { transaction } from '../transaction.js';

export interface MigrationOptions {
  readonly pool: pg.Pool;
  /** Of the role that owns the tables, which gives the role of `pool` what serving takes; `pool` unless given. */
  readonly adminPool?: pg.Pool;
  readonly schema: string;
  /** False: refuse where a migration is pending instead of applying it. */
  readonly apply: boolean;
  /** Holds `<timestamp>_<name>/migration.sql`. */
  readonly folder?: string;
}

export interface MigrationReport extends Extension {
  /** Names of those applied by this call. */
  readonly applied: readonly string[];
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  /** Hex SHA-256 of the file, as Prisma keeps it. */
  readonly checksum: string;
}

interface Recorded {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

/** As Prisma Migrate makes it, so that its history is readable to Prisma's tools. */
const historyTableSql = (table: string) => `
  CREATE TABLE IF NOT EXISTS ${table} (
    id VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum VARCHAR(64) NOT NULL,
    finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL,
    logs TEXT,
    rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0
  )`;

/**
 * Brings the schema up to date. Several servers may do so at once: a lock on the history table, held for one transaction
 * per migration, lets one of them apply each. No advisory lock is used: the embedded database grants it twice, and behind
 * PgBouncer it would outlive its transaction on somebody else's connection.
 * @throws DatabaseSetupError where rights or the extension are missing, an applied migration was changed, or the
 * database is of a newer version
 */
export async function migrate(options: MigrationOptions): Promise<MigrationReport> {
  const { pool, adminPool = pool, schema } = options;
  const migrations = await readMigrations(options.folder ?? migrationsFolder);
  const table = `${quoteIdentifier(schema)}."_prisma_migrations"`;
  const grants = adminPool !== pool && options.apply;

  await requireUtf8(pool);
  const lacking = (await missingServingRights(pool, schema)) ?? [];
  if (lacking.length > 0 && !grants) throw new DatabaseSetupError('The database role lacks rights.', lacking);
  const recorded = await readHistory(lacking.length > 0 ? adminPool : pool, schema, table);
  const pending = pendingOf(migrations, recorded ?? []);
  if (pending.length === 0 && lacking.length === 0) return report(pool, schema, []);
  if (pending.length > 0 && !options.apply) {
    throw new DatabaseSetupError(
      `The database lacks ${pending.map(({ name }) => name).join(', ')}: run \`semblance migrate\`.`,
    );
  }

  const applied: string[] = [];
  if (pending.length > 0) {
    await requireOwner(adminPool, schema, pending);
    const extension = await requireExtension(adminPool, schema, true);
    if (recorded === undefined) await createHistory(adminPool, schema, table);
    for (;;) {
      const name = await applyNext(adminPool, table, migrations, extension);
      if (name === undefined) break;
      applied.push(name);
    }
  }
  if (grants) await grantServingRights(pool, adminPool, schema);
  return report(pool, schema, applied);
}

async function report(pool: pg.Pool, schema: string, applied: readonly string[]): Promise<MigrationReport> {
  const extension = await requireExtension(pool, schema, false);
  const settings = (await settingProblems(pool)).map(
    ({ message, statement }) => `${message} An administrator mends it: ${statement}`,
  );
  return { ...extension, warnings: [...extension.warnings, ...settings], applied };
}

/**
 * Looks at the history and changes nothing.
 * @returns names of the migrations that the schema lacks; undefined where none was ever applied
 * @throws DatabaseSetupError as `migrate`
 */
export async function pendingMigrations(pool: pg.Pool, schema: string): Promise<readonly string[] | undefined> {
  const recorded = await readHistory(pool, schema, `${quoteIdentifier(schema)}."_prisma_migrations"`);
  const pending = pendingOf(await readMigrations(migrationsFolder), recorded ?? []);
  return recorded && pending.map(({ name }) => name);
}

async function requireOwner(adminPool: pg.Pool, schema: string, pending: readonly Migration[]): Promise<void> {
  const owner = await foreignOwner(adminPool, schema);
  if (owner === undefined) return;
  throw new DatabaseSetupError(
    `The database lacks ${pending.map(({ name }) => name).join(', ')}, and the role at hand does not own its tables: set SEMBLANCE_ADMIN_DATABASE_URL to their owner, ${owner}, and run \`semblance migrate\`.`,
  );
}

async function grantServingRights(pool: pg.Pool, adminPool: pg.Pool, schema: string): Promise<void> {
  const lacking = await missingServingRights(pool, schema);
  if (lacking === undefined) {
    throw new DatabaseSetupError('DATABASE_URL and SEMBLANCE_ADMIN_DATABASE_URL lead to different databases.');
  }
  for (const statement of lacking) {
    await adminPool.query(statement).catch((error: unknown) => {
      // What is still missing is told below: a schema of the extension, say, which is another role's to give.
      if (sqlStateOf(error) !== '42501') throw error;
    });
  }
  const left = await missingServingRights(pool, schema);
  if (left === undefined || left.length > 0) throw new DatabaseSetupError('The database role lacks rights.', left);
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const bytes = await readFile(join(folder, name, 'migration.sql'));
      return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') };
    }),
  );
}

/** Undefined where there is no history table. */
async function readHistory(pool: pg.Pool, schema: string, table: string): Promise<readonly Recorded[] | undefined> {
  const { rows } = await pool.query(
    `SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = '_prisma_migrations'`,
    [schema],
  );
  return rows.length === 0 ? undefined : readRecorded(pool, table);
}

async function readRecorded(database: Pick<pg.Pool, 'query'>, table: string): Promise<readonly Recorded[]> {
  const { rows } = await database.query<Recorded>(
    `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished FROM ${table}
     WHERE rolled_back_at IS NULL ORDER BY migration_name`,
  );
  return rows;
}

function pendingOf(migrations: readonly Migration[], recorded: readonly Recorded[]): readonly Migration[] {
  for (const { migration_name: name, checksum, finished } of recorded) {
    const migration = migrations.find((candidate) => candidate.name === name);
    if (migration === undefined) {
      throw new DatabaseSetupError(`The database was migrated by a newer version (${name}): upgrade this program.`);
    }
    if (!finished) {
      throw new DatabaseSetupError(
        `The migration ${name} was begun by another tool and never finished: restore a backup.`,
      );
    }
    if (migration.checksum !== checksum) {
      throw new DatabaseSetupError(
        `The migration ${name} was changed after it was applied to this database: put its file back as it was.`,
      );
    }
  }
  const names = new Set(recorded.map((row) => row.migration_name));
  return migrations.filter(({ name }) => !names.has(name));
}

async function createHistory(pool: pg.Pool, schema: string, table: string): Promise<void> {
  const { rows } = await pool.query('SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1', [schema]);
  // IF NOT EXISTS asks for the right to create schemas even where this one exists.
  if (rows.length === 0)
    await unlessMadeMeanwhile(pool.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`));
  await unlessMadeMeanwhile(pool.query(historyTableSql(table)));
}

/** IF NOT EXISTS can still meet another session's commit: then the catalogue's unique indexes refuse. */
async function unlessMadeMeanwhile(created: Promise<unknown>): Promise<void> {
  try {
    await created;
  } catch (error) {
    if (!['23505', '42P06', '42P07', '42710'].includes(sqlStateOf(error) ?? '')) throw error;
  }
}

/** The longest that a timer takes: a migration of a large table, or waiting for another server's, may last. */
const unbounded = { query_timeout: 2 ** 31 - 1 } as const;

/** Applies the first pending migration and records it, in one transaction. Answers its name, or undefined for none. */
async function applyNext(
  pool: pg.Pool,
  table: string,
  migrations: readonly Migration[],
  { schemas }: Extension,
): Promise<string | undefined> {
  return transaction(pool, async (client) => {
    await client.query({
      text: `SET LOCAL statement_timeout = 0; LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`,
      ...unbounded,
    });
    const next = pendingOf(migrations, await readRecorded(client, table))[0];
    if (next === undefined) return undefined;
    const startedAt = new Date();
    await client.query(`SET LOCAL search_path = ${migrationSearchPath(schemas)}`);
    await client.query({ text: next.sql, ...unbounded });
    await client.query(
      `INSERT INTO ${table} (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
       VALUES ($1, $2, clock_timestamp(), $3, $4, 1)`,
      [randomUUID(), next.checksum, next.name, startedAt],
    );
    return next.name;
  });
}
