import type pg from 'pg';
import { ownName, quoteIdentifier, type Schemas } from '../identifiers.js';
import { listVectorIndexes } from '../indexes/indexes.js';
import type { VectorIndex } from '../store.js';
import { advice, problem, type Finding } from './finding.js';

interface PartitionRow {
  readonly space_id: number;
  readonly name: string;
  readonly state: string;
  readonly parent: string;
  readonly partition: string;
  readonly present: boolean;
  readonly attached: boolean;
}

const partitionsSql = (spaces: string) => `
  SELECT s.id AS space_id, s.name, s.state, p.parent, p.parent || '_' || s.id AS partition,
    c.oid IS NOT NULL AS present,
    EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid AND NOT h.inhdetachpending) AS attached
  FROM ${spaces} s CROSS JOIN (VALUES ('embedding'), ('region')) AS p (parent)
  LEFT JOIN pg_catalog.pg_class c
    ON c.relnamespace = to_regnamespace($1) AND c.relname = p.parent || '_' || s.id AND c.relkind = 'r'
  ORDER BY s.id, p.parent`;

/** Whether every space has its partitions with sound indexes, and every partition its space. */
export async function diagnosePartitions(pool: pg.Pool, schemas: Schemas): Promise<readonly Finding[]> {
  const own = quoteIdentifier(schemas.own);
  const spaces = ownName(schemas, 'embedding_space');
  const { rows } = await pool.query<PartitionRow>(partitionsSql(spaces), [own]);
  const orphans = await pool.query<{ readonly name: string }>(
    `SELECT c.relname AS name FROM pg_catalog.pg_class c
     WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r' AND c.relname ~ '^(embedding|region)_[0-9]+$'
       AND substring(c.relname FROM '[0-9]+$')::numeric NOT IN (SELECT s.id FROM ${spaces} s)
     ORDER BY c.relname`,
    [own],
  );
  return [
    ...rows.flatMap((row) => diagnosePartition(row) ?? []),
    ...(await listVectorIndexes(pool, schemas)).flatMap((index) => diagnoseIndex(index) ?? []),
    ...orphans.rows.map(({ name }) =>
      problem(
        'partition',
        `The table ${name} belongs to an embedding space that is gone.`,
        `Run \`DROP TABLE ${own}.${quoteIdentifier(name)};\` as the owner of the tables.`,
      ),
    ),
  ];
}

function diagnosePartition(row: PartitionRow): Finding | undefined {
  const space = JSON.stringify(row.name);
  if (!row.present || !row.attached) {
    // The last step but one of a removal.
    return row.state === 'retired'
      ? advice(
          'partition',
          `The removal of the space ${space} was cut off: its partition ${row.partition} is ${row.present ? 'detached' : 'gone'}.`,
          `Run \`semblance spaces remove ${row.name}\`, which finishes it.`,
        )
      : problem(
          'partition',
          `The space ${space} has lost its partition ${row.partition}: it takes no images.`,
          'Restore a backup, or retire and remove the space and create it anew.',
        );
  }
  return undefined;
}

function diagnoseIndex({ name, space, kind, state, competing, unfinished }: VectorIndex): Finding | undefined {
  const remedy = 'Run `semblance reindex`.';
  const of = `of the space ${JSON.stringify(space)}`;
  if (state !== 'valid') {
    const what = kind === 'embedding' ? 'images' : 'regions';
    return problem(
      'index',
      `The index ${name} ${of} is ${state}: searches compare all its ${what}, slower and no less right.`,
      remedy,
    );
  }
  if (competing.length > 0) {
    return problem(
      'index',
      `The index ${competing.join(', ')} ${of} gives the same order and is not HNSW: searches compare everything, slower and no less right.`,
      'Drop it.',
    );
  }
  if (unfinished.length === 0) return undefined;
  return problem('index', `The index ${unfinished.join(', ')} ${of} is unfinished, and slows uploads down.`, remedy);
}
