import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, type Database } from '../../src/database/database.js';
import type { StoreKind } from '../../src/database/store.js';

/** A Postgres with pgvector, and a role that may create schemas in it. scripts/test-postgres.sh starts one. */
export const testDatabaseUrl = process.env['TEST_DATABASE_URL'];

/** TEST_STORES=server leaves out the embedded store, for a run that comes after one without a server. */
export const serverOnly = process.env['TEST_STORES'] === 'server';

/** What a suite for every store runs on: `describe.each(testStoreKinds())`. */
export function testStoreKinds(): readonly StoreKind[] {
  if (testDatabaseUrl !== undefined && testDatabaseUrl !== '') return serverOnly ? ['server'] : ['memory', 'server'];
  console.warn(
    'TEST_DATABASE_URL is not set: this suite runs on the embedded Postgres only. See scripts/test-postgres.sh.',
  );
  return ['memory'];
}

export interface TestDatabase extends Database {
  readonly dataDir: string;
}

/** A fresh one: an empty data folder, or a random schema; gone after `close`. */
export async function openTestDatabase(
  kind: StoreKind,
  options: { readonly connections?: number } = {},
): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'semblance-test-'));
  const schema = `test_${randomBytes(6).toString('hex')}`;
  const database = await openDatabase({
    database: kind === 'server' ? { kind, url: requireTestUrl() } : { kind },
    schema,
    dataDir,
    databaseConnections: options.connections ?? 10,
  });
  return {
    kind: database.kind,
    pool: database.pool,
    adminPool: database.adminPool,
    schema,
    dataDir,
    recordServerUrl: (url) => database.recordServerUrl(url),
    close: async () => {
      if (kind === 'server') await database.pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      await database.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function requireTestUrl(): string {
  if (testDatabaseUrl === undefined || testDatabaseUrl === '')
    throw new Error('Set TEST_DATABASE_URL to a Postgres with pgvector.');
  return testDatabaseUrl;
}
