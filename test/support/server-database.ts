import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { testDatabaseUrl } from './database.js';

/** A database of its own on the test server, for what changes more than a schema: extensions, roles, dumps. */
export interface ServerDatabase {
  readonly url: string;
  /** As the server's superuser. */
  query(sql: string): Promise<pg.QueryResult<Record<string, unknown>>>;
  /** A role without rights that may connect; its URL. It goes with the database. */
  createRole(): Promise<{ readonly name: string; readonly url: string }>;
  close(): Promise<void>;
}

/** @param options of CREATE DATABASE */
export async function createServerDatabase(options = ''): Promise<ServerDatabase> {
  const serverUrl = testDatabaseUrl;
  if (serverUrl === undefined) throw new Error('Set TEST_DATABASE_URL to a Postgres with pgvector.');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const roles: string[] = [];
  await asSuperuser(serverUrl, `CREATE DATABASE ${name} ${options}`);
  const url = withPath(serverUrl, name);
  return {
    url,
    query: (sql) => asSuperuser(url, sql),
    createRole: async () => {
      const role = `role_${randomBytes(6).toString('hex')}`;
      await asSuperuser(url, `CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
      roles.push(role);
      const roleUrl = new URL(url);
      roleUrl.username = role;
      roleUrl.password = 'secret';
      return { name: role, url: roleUrl.href };
    },
    close: async () => {
      await asSuperuser(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
      for (const role of roles) await asSuperuser(serverUrl, `DROP ROLE ${role}`);
    },
  };
}

async function asSuperuser(url: string, sql: string): Promise<pg.QueryResult<Record<string, unknown>>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query<Record<string, unknown>>(sql);
  } finally {
    await client.end();
  }
}

function withPath(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}
