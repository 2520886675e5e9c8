import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { SemblanceError } from '../../base/errors.js';
import { indexProgressIntervalMs } from '../../base/limits.js';
import { sqlStateOf } from '../errors.js';
import { ownName, vectorName, type Schemas } from '../identifiers.js';
import { listVectorIndexes } from './indexes.js';
import { requirePartitionRights } from '../setup/rights.js';
import type { Store, VectorIndex } from '../store.js';

/** The longest that a timer takes: the index of a large gallery is built for hours. */
const unbounded = { query_timeout: 2 ** 31 - 1 } as const;

type Queryable = Pick<pg.ClientBase, 'query'>;
type Options = Parameters<Store['rebuildVectorIndex']>[1];

/**
 * The contract stands at Store.rebuildVectorIndex.
 * @param concurrently for a server: searches and uploads go on. The embedded database has one backend, which can do nothing
 * beside building, and builds in one transaction.
 */
export async function rebuildVectorIndex(
  pool: pg.Pool,
  schemas: Schemas,
  index: VectorIndex,
  options: Options & { readonly concurrently: boolean },
): Promise<boolean> {
  await requirePartitionRights(pool, schemas, 'The index cannot be built');
  if (!options.concurrently) {
    options.signal?.throwIfAborted();
    return unlessGone(() => build(pool, schemas, index, options, ''));
  }
  await requireAlone(pool, schemas, index);
  const client = await connectForHours(pool);
  try {
    return await unlessGone(() => buildWatched(pool, client, schemas, index, options));
  } finally {
    await client.end();
  }
}

async function build(
  database: Queryable,
  schemas: Schemas,
  index: VectorIndex,
  { keepsSound = false }: Options,
  concurrently: '' | 'CONCURRENTLY',
): Promise<void> {
  const name = ownName(schemas, index.name);
  for (const left of index.unfinished) {
    await database.query({ text: `DROP INDEX ${concurrently} IF EXISTS ${ownName(schemas, left)}`, ...unbounded });
  }
  if (keepsSound && index.state === 'valid') return;
  await database.query({ text: buildSql(schemas, index, name, concurrently), ...unbounded });
}

function buildSql(schemas: Schemas, index: VectorIndex, name: string, concurrently: '' | 'CONCURRENTLY'): string {
  if (index.state !== 'missing') return `REINDEX INDEX ${concurrently} ${name}`;
  return `CREATE INDEX ${concurrently} "${index.name}" ON ${partitionOf(schemas, index)} USING hnsw (embedding ${vectorName(schemas, 'vector_cosine_ops')})`;
}

/** Says how far it is, ends it where `signal` is aborted, and removes what it left where it failed. */
async function buildWatched(
  pool: pg.Pool,
  client: pg.Client,
  schemas: Schemas,
  index: VectorIndex,
  options: Options,
): Promise<void> {
  const { signal, onProgress } = options;
  const { rows } = await client.query<{ readonly pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid;
  const ended = new AbortController();
  const watching = watch(pool, pid, ended.signal, signal, onProgress);
  try {
    await build(client, schemas, index, options, 'CONCURRENTLY');
  } catch (error) {
    await removeUnfinished(pool, schemas, index).catch(() => undefined);
    signal?.throwIfAborted();
    throw explainTimeout(error);
  } finally {
    ended.abort();
    await watching;
  }
}

/** Never rejects: that nobody hears how far it is, is no reason to fail. */
async function watch(
  pool: pg.Pool,
  pid: number | undefined,
  ended: AbortSignal,
  signal: AbortSignal | undefined,
  onProgress: Options['onProgress'],
): Promise<void> {
  for (;;) {
    await setTimeout(indexProgressIntervalMs, undefined, { signal: ended }).catch(() => undefined);
    if (ended.aborted) return;
    try {
      // By its pid where it is at work on an index: behind a pooler that backend may be somebody else's by now.
      const { rows } = await pool.query<{ readonly done: string; readonly total: string }>(
        `SELECT blocks_done AS done, blocks_total AS total${signal?.aborted === true ? ', pg_cancel_backend(pid)' : ''}
         FROM pg_catalog.pg_stat_progress_create_index WHERE pid = $1`,
        [pid],
      );
      const [progress] = rows;
      if (progress !== undefined) onProgress?.({ done: Number(progress.done), total: Number(progress.total) });
    } catch {
      // Asked again in a moment.
    }
  }
}

/** What a build that was cut short has left: an index that no search uses and that every upload pays for. */
async function removeUnfinished(pool: pg.Pool, schemas: Schemas, index: VectorIndex): Promise<void> {
  const found = (await listVectorIndexes(pool, schemas)).find(
    ({ spaceId, kind }) => spaceId === index.spaceId && kind === index.kind,
  );
  const own = index.state === 'missing' && found?.state === 'invalid' ? [index.name] : [];
  for (const name of [...own, ...(found?.unfinished ?? [])]) {
    await pool.query({ text: `DROP INDEX CONCURRENTLY IF EXISTS ${ownName(schemas, name)}`, ...unbounded });
  }
}

/**
 * Two builds on one table wait for each other until Postgres ends one of them.
 * @throws SemblanceError CONFLICT
 */
async function requireAlone(pool: pg.Pool, schemas: Schemas, index: VectorIndex): Promise<void> {
  const { rows } = await pool.query(
    'SELECT FROM pg_catalog.pg_stat_progress_create_index WHERE datname = current_database() AND relid = to_regclass($1)',
    [partitionOf(schemas, index)],
  );
  if (rows.length === 0) return;
  throw new SemblanceError('CONFLICT', `Somebody builds an index of the space ${JSON.stringify(index.space)} already`);
}

/**
 * A connection of its own, without the statement_timeout that a role may have: CONCURRENTLY allows no transaction, so no SET LOCAL.
 * A pooler that knows no start-up options gets none.
 */
async function connectForHours(pool: pg.Pool): Promise<pg.Client> {
  const connect = async (options: string | undefined): Promise<pg.Client> => {
    const client = new pg.Client({ ...pool.options, ...(options !== undefined && { options }) });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  try {
    return await connect('-c statement_timeout=0');
  } catch (error) {
    if (sqlStateOf(error) !== '08P01') throw error;
    return connect(undefined);
  }
}

function explainTimeout(error: unknown): unknown {
  if (sqlStateOf(error) !== '57014') return error;
  return new SemblanceError(
    'OVERLOADED',
    'The index was not built: somebody cancelled it, or the statement_timeout of the role ended it. Set SEMBLANCE_ADMIN_DATABASE_URL to an address that leads to Postgres itself, past any pooler',
    { cause: error },
  );
}

/** False where the space was removed meanwhile. */
async function unlessGone(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (['42P01', '42704'].includes(sqlStateOf(error) ?? '')) return false;
    throw error;
  }
}

function partitionOf(schemas: Schemas, { kind, spaceId }: VectorIndex): string {
  return ownName(schemas, `${kind}_${spaceId}`);
}
