import type pg from 'pg';
import { messageOf } from '../../base/errors.js';
import { sqlStateOf } from '../errors.js';
import { DatabaseSetupError } from './setup-error.js';
import type { Schemas } from '../identifiers.js';

/** Iterative index scans, without which a filtered search returns too little. */
const minPgvectorVersion = '0.8.0';
/** Before it, vacuum could corrupt an HNSW index. */
export const soundPgvectorVersion = '0.8.4';

export interface Extension {
  readonly schemas: Schemas;
  readonly pgvectorVersion: string;
  /** For the operator. */
  readonly warnings: readonly string[];
}

interface Facts {
  readonly role: string;
  readonly database: string;
  readonly own_schema: string;
  readonly may_create_schema: boolean;
  readonly schema_exists: boolean;
  readonly may_use_schema: boolean;
  readonly may_create_in_schema: boolean;
  readonly version: string | null;
  readonly vector_schema: string | null;
  readonly quoted_vector_schema: string | null;
  readonly may_use_vector_schema: boolean | null;
  readonly available_version: string | null;
  /** Where CREATE EXTENSION puts it unless told: the first schema of search_path that there is. */
  readonly current_schema: string | null;
  readonly has_public_schema: boolean;
}

const factsSql = `
  SELECT quote_ident(current_user) AS role, quote_ident(current_database()) AS database, quote_ident($1) AS own_schema,
    has_database_privilege(current_database(), 'CREATE') AS may_create_schema,
    own.oid IS NOT NULL AS schema_exists,
    coalesce(has_schema_privilege(own.oid, 'USAGE'), false) AS may_use_schema,
    coalesce(has_schema_privilege(own.oid, 'CREATE'), false) AS may_create_in_schema,
    e.extversion AS version, v.nspname AS vector_schema, quote_ident(v.nspname) AS quoted_vector_schema,
    has_schema_privilege(v.oid, 'USAGE') AS may_use_vector_schema,
    (SELECT a.default_version FROM pg_catalog.pg_available_extensions a WHERE a.name = 'vector') AS available_version,
    current_schema() AS current_schema, EXISTS (SELECT FROM pg_catalog.pg_namespace p WHERE p.nspname = 'public') AS has_public_schema
  FROM (SELECT 1) one
  LEFT JOIN pg_catalog.pg_namespace own ON own.nspname = $1
  LEFT JOIN pg_catalog.pg_extension e ON e.extname = 'vector'
  LEFT JOIN pg_catalog.pg_namespace v ON v.oid = e.extnamespace`;

/**
 * Finds the extension, and makes it where it is missing and that is allowed.
 * @param willCreate whether objects are about to be made in the schema `own`
 * @throws DatabaseSetupError with the SQL for everything that is missing at once
 */
export async function requireExtension(pool: pg.Pool, own: string, willCreate: boolean): Promise<Extension> {
  let facts = await readFacts(pool, own);
  let refusal: string | undefined;
  if (facts.version === null && facts.available_version !== null && willCreate) {
    refusal = await createExtension(pool, facts);
    facts = await readFacts(pool, own);
  }

  const missing = missingRights(facts, willCreate);
  if (facts.version === null || facts.vector_schema === null) {
    throw new DatabaseSetupError(
      facts.available_version === null
        ? `The database server has no pgvector: install version ${minPgvectorVersion} or newer on it first.`
        : `The database has no extension "vector"${refusal === undefined ? '' : `, and this role may not create it: ${refusal}`}.`,
      [...creationStatements(facts), ...missing],
    );
  }
  if (isOlder(facts.version, minPgvectorVersion)) {
    const upgradable = facts.available_version !== null && !isOlder(facts.available_version, minPgvectorVersion);
    throw new DatabaseSetupError(
      `pgvector ${facts.version} is too old: ${minPgvectorVersion} or newer is needed${upgradable ? '.' : ', and must be installed on the server first.'}`,
      ['ALTER EXTENSION vector UPDATE;', ...missing],
    );
  }
  if (missing.length > 0) throw new DatabaseSetupError('The database role lacks rights.', missing);

  return {
    schemas: { own, vector: facts.vector_schema },
    pgvectorVersion: facts.version,
    warnings: isOlder(facts.version, soundPgvectorVersion)
      ? [
          `pgvector ${facts.version} can lose rows of an index under VACUUM after deletions: ${soundPgvectorVersion} or newer is advised.`,
        ]
      : [],
  };
}

async function readFacts(pool: pg.Pool, own: string): Promise<Facts> {
  const { rows } = await pool.query<Facts>(factsSql, [own]);
  const facts = rows[0];
  if (facts === undefined) throw new Error('One row was expected');
  return facts;
}

/** @returns why not, in the words of Postgres, where the role lacks the right */
async function createExtension(pool: pg.Pool, facts: Facts): Promise<string | undefined> {
  try {
    for (const statement of creationStatements(facts)) await pool.query(statement);
    return undefined;
  } catch (error) {
    const state = sqlStateOf(error);
    // Another server made it at this moment.
    if (state === '23505' || state === '42710') return undefined;
    if (state === '42501') return messageOf(error);
    throw error;
  }
}

/** They name a schema where search_path names none that exists, or only that of the system, in which nothing can be made. */
function creationStatements(facts: Pick<Facts, 'current_schema' | 'has_public_schema'>): readonly string[] {
  if (facts.current_schema !== null && facts.current_schema !== 'pg_catalog') return ['CREATE EXTENSION vector;'];
  if (facts.has_public_schema) return ['CREATE EXTENSION vector SCHEMA public;'];
  return ['CREATE SCHEMA IF NOT EXISTS extensions;', 'CREATE EXTENSION vector SCHEMA extensions;'];
}

/** The statements that make the extension where it is missing and the server has it; undefined elsewhere. */
export async function missingExtension(pool: pg.Pool, own: string): Promise<readonly string[] | undefined> {
  const facts = await readFacts(pool, own);
  return facts.version === null && facts.available_version !== null ? creationStatements(facts) : undefined;
}

function missingRights(facts: Facts, willCreate: boolean): readonly string[] {
  const statements: string[] = [];
  if (!facts.schema_exists) {
    if (willCreate && !facts.may_create_schema) {
      statements.push(`CREATE SCHEMA ${facts.own_schema} AUTHORIZATION ${facts.role};`);
    }
  } else if (!facts.may_use_schema || (willCreate && !facts.may_create_in_schema)) {
    statements.push(`GRANT USAGE, CREATE ON SCHEMA ${facts.own_schema} TO ${facts.role};`);
  }
  if (facts.may_use_vector_schema === false) {
    statements.push(`GRANT USAGE ON SCHEMA ${facts.quoted_vector_schema ?? ''} TO ${facts.role};`);
  }
  return statements;
}

/** Compares dotted numbers; a suffix as in 0.9.0-dev counts for nothing. */
function isOlder(version: string, than: string): boolean {
  const numbers = (text: string) => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const left = numbers(version);
  const right = numbers(than);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
