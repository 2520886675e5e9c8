import type pg from 'pg';
import { quoteIdentifier, type Schemas } from '../identifiers.js';
import type { VectorIndex } from '../store.js';

interface IndexRow {
  readonly space_id: number;
  readonly space: string;
  readonly kind: VectorIndex['kind'];
  readonly partition: string;
  readonly index_name: string | null;
  readonly method: string | null;
  readonly valid: boolean | null;
}

/**
 * Every index that gives all embeddings of a partition in the order of their distance, as the function has_hnsw_index looks for them.
 * Others, which a user made, are theirs; a partition that is being taken off is nobody's any more.
 */
const indexesSql = `
  SELECT s.id AS space_id, s.name AS space, t.kind, p.relname AS partition, i.relname AS index_name, a.amname AS method,
    x.indisvalid AND x.indisready AND x.indislive AS valid
  FROM %own%.embedding_space s
  CROSS JOIN (VALUES ('embedding'), ('region')) AS t (kind)
  JOIN pg_catalog.pg_class p ON p.relnamespace = $1::regnamespace AND p.relname = t.kind || '_' || s.id AND p.relispartition
  LEFT JOIN (
    pg_catalog.pg_index x
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    JOIN pg_catalog.pg_am a ON a.oid = i.relam
    JOIN pg_catalog.pg_opclass o ON o.oid = x.indclass[0] AND o.opcname = 'vector_cosine_ops'
    JOIN pg_catalog.pg_attribute c ON c.attrelid = x.indrelid AND c.attnum = x.indkey[0] AND c.attname = 'embedding'
  ) ON x.indrelid = p.oid AND x.indpred IS NULL
  ORDER BY s.id, t.kind, i.relname`;

/** What REINDEX CONCURRENTLY calls the index that it makes, and the one that it puts aside. */
const unfinishedSuffix = /^_cc(new|old)\d*$/;

/** The contract stands at Store.listVectorIndexes. */
export async function listVectorIndexes(pool: pg.Pool, schemas: Schemas): Promise<readonly VectorIndex[]> {
  const own = quoteIdentifier(schemas.own);
  const { rows } = await pool.query<IndexRow>(indexesSql.replace('%own%', own), [own]);
  const partitions = new Map<string, IndexRow[]>();
  for (const row of rows) partitions.set(row.partition, [...(partitions.get(row.partition) ?? []), row]);
  return [...partitions].map(([partition, found]) => toIndex(partition, found));
}

function toIndex(partition: string, rows: readonly IndexRow[]): VectorIndex {
  const [{ space_id: spaceId, space, kind }] = rows as readonly [IndexRow];
  const usual = `${partition}_hnsw`;
  const isUnfinished = (name: string): boolean =>
    name.startsWith(usual) && unfinishedSuffix.test(name.slice(usual.length));
  const names = (test: (row: IndexRow) => boolean): readonly string[] =>
    rows.filter(test).flatMap(({ index_name: name }) => name ?? []);
  const valid = names((row) => row.valid === true && row.method === 'hnsw');
  const broken = names((row) => row.valid === false && row.method === 'hnsw');
  // A search may use any valid one: one that was made by hand, under another name, serves as well, and the usual one beside it,
  // broken, is of no use.
  const name = valid.includes(usual) ? usual : (valid[0] ?? usual);
  return {
    spaceId,
    space,
    kind,
    name,
    state: valid.length > 0 ? 'valid' : broken.includes(usual) ? 'invalid' : 'missing',
    competing: names((row) => row.valid === true && row.method !== 'hnsw'),
    unfinished: broken.filter((each) => isUnfinished(each) || (each === usual && valid.length > 0)),
  };
}

/** A sentence for the operator; undefined where nothing is wrong. */
export function indexProblem({ name, space, kind, state, competing, unfinished }: VectorIndex): string | undefined {
  const remedy = 'run `semblance reindex`';
  if (state !== 'valid') {
    const what = kind === 'embedding' ? 'images' : 'regions';
    return `the index ${name} of the space ${JSON.stringify(space)} is ${state}: searches compare all its ${what}, slower and no less right; ${remedy}`;
  }
  if (competing.length > 0) {
    return `the space ${JSON.stringify(space)} has a second index for the same order, ${competing.join(', ')}, which is not HNSW: searches compare everything, slower and no less right; drop it`;
  }
  if (unfinished.length > 0) {
    return `the space ${JSON.stringify(space)} has an unfinished index, ${unfinished.join(', ')}, which slows uploads down: ${remedy}`;
  }
  return undefined;
}
