import type pg from 'pg';
import { isServer } from '../connections/pool.js';
import { keptByPoolers } from '../connections/session-settings.js';
import { DatabaseSetupError } from './setup-error.js';

/** A setting that does harm though sessions begin with settings of ours, and the statement that mends it. */
export interface SettingProblem {
  /** A sentence. */
  readonly message: string;
  readonly statement: string;
}

/**
 * Settings whose wrong value does harm. A pooler may keep ours from the database, and session_replication_role is a superuser's to set.
 */
const harmful: readonly {
  readonly name: string;
  readonly right: RegExp;
  readonly value: string;
  readonly harm: string;
}[] = [
  {
    name: 'TimeZone',
    right: /^(Etc\/)?(UTC|UCT|GMT|Zulu|Universal)$/,
    value: keptByPoolers['TimeZone'] ?? '',
    harm: 'times are told wrong',
  },
  { name: 'DateStyle', right: /^ISO/, value: keptByPoolers['DateStyle'] ?? '', harm: 'times cannot be read' },
  { name: 'bytea_output', right: /^hex$/, value: 'hex', harm: 'images are read slowly' },
  { name: 'row_security', right: /^on$/, value: 'on', harm: 'every statement on a table with policies fails' },
  { name: 'gin_fuzzy_search_limit', right: /^0$/, value: '0', harm: 'filters by metadata leave images out' },
  {
    name: 'enable_indexscan',
    right: /^on$/,
    value: 'on',
    harm: 'searches compare all images, slower and no less right',
  },
  {
    name: 'session_replication_role',
    right: /^(origin|local)$/,
    value: 'origin',
    harm: 'what belongs to a deleted image stays, and no trigger or foreign key is heeded',
  },
];

/** Of the embedded database, which nobody else administers, there are none. */
export async function settingProblems(pool: pg.Pool): Promise<readonly SettingProblem[]> {
  if (!isServer(pool)) return [];
  type Row = { readonly name: string; readonly value: string; readonly role: string; readonly database: string };
  const { rows } = await pool.query<Row>(
    `SELECT n.name, current_setting(n.name) AS value, quote_ident(session_user) AS role, quote_ident(current_database()) AS database
     FROM unnest($1::text[]) AS n (name)`,
    [harmful.map(({ name }) => name)],
  );
  return harmful.flatMap(({ name, right, value, harm }): SettingProblem | [] => {
    const row = rows.find((candidate) => candidate.name === name);
    if (row === undefined || right.test(row.value)) return [];
    return {
      message: `The setting ${name} is ${JSON.stringify(row.value)} for the role ${row.role}, so ${harm}.`,
      statement: `ALTER ROLE ${row.role} IN DATABASE ${row.database} SET ${name} = '${value}';`,
    };
  });
}

/**
 * Filenames and metadata are any text.
 * @throws DatabaseSetupError
 */
export async function requireUtf8(pool: pg.Pool): Promise<void> {
  const encoding = await foreignEncoding(pool);
  if (encoding !== undefined) throw new DatabaseSetupError(`${encodingMessage(encoding)} ${encodingRemedy}`);
}

/** Undefined for UTF8. */
export async function foreignEncoding(pool: pg.Pool): Promise<string | undefined> {
  const { rows } = await pool.query<{ readonly encoding: string }>(
    `SELECT current_setting('server_encoding') AS encoding`,
  );
  return rows[0]?.encoding === 'UTF8' ? undefined : rows[0]?.encoding;
}

export function encodingMessage(encoding: string): string {
  return `The encoding of the database is ${encoding}, which does not hold every filename and all metadata: Semblance takes UTF8 alone.`;
}

/** The LC_CTYPE of a server's database that knows no letters but ASCII's, by which filters tell Ä from ä; undefined for others. */
export async function asciiOnlyCtype(pool: pg.Pool): Promise<string | undefined> {
  if (!isServer(pool)) return undefined;
  const { rows } = await pool.query<{ readonly ctype: string }>(
    `SELECT datctype AS ctype FROM pg_catalog.pg_database WHERE datname = current_database() AND lower($1::text) <> $2::text`,
    ['Ä', 'ä'],
  );
  return rows[0]?.ctype;
}

export const encodingRemedy = `Make another database with \`CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0\`, and name that one.`;
