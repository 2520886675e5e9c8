import type pg from 'pg';
import { SemblanceError } from '../../base/errors.js';
import { quoteIdentifier, type Schemas } from '../identifiers.js';

/** What a server reads and writes; partitions go by the rights on their parents. A test holds it against the migrations. */
export const servedTables = [
  'api_key',
  'embedding',
  'embedding_space',
  'image',
  'image_content',
  'job',
  'region',
  'scorer',
  'server_secret',
] as const;

/** What searches run. Postgres lets everybody execute a function, unless an administrator has forbidden that. */
export const servedFunctions = [
  'filter_images',
  'has_hnsw_index',
  'search_images',
  'search_plan',
  'search_regions',
  'search_regions_statement',
  'search_statement',
  'similar_images',
] as const;

interface Lacking {
  readonly role: string;
  readonly own_schema: string;
  readonly may_use_schema: boolean;
  readonly vector_schema: string | null;
  readonly may_use_vector_schema: boolean | null;
  readonly may_read_history: boolean;
  /** Quoted and qualified, as are the functions with the types of their arguments. */
  readonly tables: readonly string[] | null;
  readonly functions: readonly string[] | null;
}

const lackingSql = `
  SELECT quote_ident(current_user) AS role, quote_ident(n.nspname) AS own_schema,
    has_schema_privilege(n.oid, 'USAGE') AS may_use_schema,
    quote_ident(v.nspname) AS vector_schema, has_schema_privilege(v.oid, 'USAGE') AS may_use_vector_schema,
    has_table_privilege(h.oid, 'SELECT') AS may_read_history,
    (SELECT array_agg(format('%I.%I', n.nspname, c.relname) ORDER BY c.relname) FROM pg_catalog.pg_class c
     WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND c.relname = ANY ($2)
       AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
         AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))) AS tables,
    (SELECT array_agg(format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) ORDER BY p.proname, p.oid)
     FROM pg_catalog.pg_proc p
     WHERE p.pronamespace = n.oid AND p.proname = ANY ($3) AND NOT has_function_privilege(p.oid, 'EXECUTE')) AS functions
  FROM pg_catalog.pg_namespace n
  JOIN pg_catalog.pg_class h ON h.relnamespace = n.oid AND h.relname = '_prisma_migrations'
  LEFT JOIN pg_catalog.pg_extension e ON e.extname = 'vector'
  LEFT JOIN pg_catalog.pg_namespace v ON v.oid = e.extnamespace
  WHERE n.nspname = $1`;

/**
 * The statements that give the pool's role what serving takes: rows, and the functions over them. It needs to own nothing.
 * @returns undefined where the schema holds no tables yet
 */
export async function missingServingRights(pool: pg.Pool, schema: string): Promise<readonly string[] | undefined> {
  const { rows } = await pool.query<Lacking>(lackingSql, [schema, servedTables, servedFunctions]);
  const [facts] = rows;
  if (facts === undefined) return undefined;
  const { role, own_schema: own, tables, functions } = facts;
  return [
    ...(facts.may_use_schema ? [] : [`GRANT USAGE ON SCHEMA ${own} TO ${role};`]),
    ...(facts.may_use_vector_schema === false
      ? [`GRANT USAGE ON SCHEMA ${facts.vector_schema ?? ''} TO ${role};`]
      : []),
    ...(facts.may_read_history ? [] : [`GRANT SELECT ON ${own}._prisma_migrations TO ${role};`]),
    ...(tables === null ? [] : [`GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables.join(', ')} TO ${role};`]),
    ...(functions === null ? [] : [`GRANT EXECUTE ON FUNCTION ${functions.join(', ')} TO ${role};`]),
  ];
}

/** The role that owns Semblance's tables, where the pool's role may not act as it; undefined where it may, or there are none. */
export async function foreignOwner(pool: pg.Pool, schema: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ readonly owner: string }>(
    `SELECT quote_ident(pg_get_userbyid(c.relowner)) AS owner
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = '_prisma_migrations' AND NOT pg_has_role(c.relowner, 'USAGE')`,
    [schema],
  );
  return rows[0]?.owner;
}

/**
 * A space has partitions of its own, which only the owner of the tables may make and drop, in a schema where it may create.
 * @param problem the beginning of the sentence
 * @param then its end: what is to be done besides
 * @throws SemblanceError FORBIDDEN
 */
export async function requirePartitionRights(
  pool: pg.Pool,
  schemas: Schemas,
  problem: string,
  then = '',
): Promise<void> {
  const { rows } = await pool.query<{ readonly may: boolean }>(
    `SELECT has_schema_privilege($1, 'CREATE') AND bool_and(pg_has_role(c.relowner, 'USAGE')) AS may
     FROM pg_catalog.pg_class c WHERE c.relnamespace = to_regnamespace($2) AND c.relname IN ('embedding', 'region')`,
    [schemas.own, quoteIdentifier(schemas.own)],
  );
  if (rows[0]?.may === true) return;
  throw new SemblanceError(
    'FORBIDDEN',
    `${problem}, for the database role may not make or drop tables: set SEMBLANCE_ADMIN_DATABASE_URL to the role that owns Semblance's tables${then}`,
  );
}
