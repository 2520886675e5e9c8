import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { messageOf } from '../../base/errors.js';
import { isRefusedByPolicy, RefusedByRuleError, sqlStateOf, toStoreError } from '../errors.js';
import { ownName, vectorName, type Schemas } from '../identifiers.js';
import { isServer } from '../connections/pool.js';
import { transaction } from '../transaction.js';
import { advice, problem, type Finding } from './finding.js';

/** More than pages that are begun have room for, and little to clear away. */
const probeBytes = 1_000_000;

const takenBack = new Error('The rows of a probe are not kept');
/** Stands for the error that a trigger does not give where it passes a row over. */
const passedOver = new Error('a rule of this database passes the row over');

const ofImages: ReadonlySet<string> = new Set(['image', 'image_content', 'embedding']);
/** The tables that may have policies. Every server has to see all rows of the others: docs/postgres.md. */
const withPolicies: ReadonlySet<string> = new Set([...ofImages, 'region']);

interface Trial {
  readonly table: string;
  readonly sql: string;
  /** The same under what a stored row says of itself, for policies that go by that. */
  readonly likeStoredSql?: string;
  /** The table of the trial row that this one refers to. */
  readonly needs?: string;
}

/**
 * Whether a Postgres server takes an image, a job and what else is written, by rows that are stored and taken back: no SQL
 * tells how much room a disk has left, or what a constraint or trigger will refuse. Nobody sees the rows; their room is free at the next
 * vacuum. The disk of an embedded database is looked at itself, and nobody adds rules to it.
 */
export async function probeWrites(pool: pg.Pool, schemas: Schemas): Promise<readonly Finding[]> {
  if (!isServer(pool)) return [];
  const findings: Finding[] = [];
  try {
    await transaction(pool, async (client) => {
      const { rows } = await client.query<{ readonly id: number }>(wholeSpaceSql(schemas));
      const refused = new Set<string>();
      for (const trial of trials(schemas, randomUUID(), rows[0]?.id)) {
        // It would fail for want of that row, whatever the rules of its own table.
        const dependsOnRefused = trial.needs !== undefined && refused.has(trial.needs);
        const finding = dependsOnRefused ? undefined : await tryRow(client, schemas, trial);
        if (finding !== undefined) findings.push(finding);
        if (dependsOnRefused || finding !== undefined) refused.add(trial.table);
      }
      throw takenBack;
    });
  } catch (error) {
    if (error !== takenBack) findings.push(explainFailure(error));
  }
  return findings;
}

async function tryRow(client: pg.ClientBase, schemas: Schemas, trial: Trial): Promise<Finding | undefined> {
  const { table, sql, likeStoredSql } = trial;
  const error = await refusalOf(client, sql);
  if (error === undefined) return undefined;
  const isDecidedByPolicies =
    withPolicies.has(table) && isRefusedByPolicy(error) && (await hasPolicyForInserts(client, schemas, table));
  if (!isDecidedByPolicies) return explain(table, error);
  if (likeStoredSql !== undefined && (await refusalOf(client, likeStoredSql)) === undefined) return undefined;
  return advice(
    'writes',
    `A policy refuses the trial row of the table ${table}: ${messageOf(error)}.`,
    'Policies decide which images this role may store, so doctor cannot tell whether the database takes those: upload one that they allow.',
  );
}

/**
 * Why a rule keeps a row from being stored. The transaction goes on.
 * @throws what fails for another reason
 */
async function refusalOf(client: pg.ClientBase, sql: string): Promise<unknown> {
  await client.query('SAVEPOINT trial');
  try {
    const { rowCount } = await client.query(sql);
    return rowCount === 0 ? passedOver : undefined;
  } catch (error) {
    if (!(toStoreError(error) instanceof RefusedByRuleError)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT trial');
    return error;
  }
}

/** Without one, row-level security refuses every row: https://www.postgresql.org/docs/current/ddl-rowsecurity.html */
async function hasPolicyForInserts(client: pg.ClientBase, schemas: Schemas, table: string): Promise<boolean> {
  const { rows } = await client.query<{ readonly found: boolean }>(
    `SELECT EXISTS (
       SELECT FROM pg_catalog.pg_policy p CROSS JOIN unnest(p.polroles) r (oid)
       WHERE p.polrelid = '${ownName(schemas, table)}'::regclass AND p.polpermissive AND p.polcmd IN ('*', 'a')
         AND CASE WHEN r.oid = 0 THEN true ELSE pg_catalog.pg_has_role(r.oid, 'USAGE') END) AS found`,
  );
  return rows[0]?.found === true;
}

/** A space that has both partitions: diagnosePartitions tells of those that lack one. */
function wholeSpaceSql(schemas: Schemas): string {
  return `
    SELECT s.id FROM ${ownName(schemas, 'embedding_space')} s
    WHERE 2 = (
      SELECT count(*) FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
      WHERE NOT h.inhdetachpending AND (h.inhparent, c.relname) IN (
        ('${ownName(schemas, 'embedding')}'::regclass, 'embedding_' || s.id), ('${ownName(schemas, 'region')}'::regclass, 'region_' || s.id)))
    ORDER BY s.id LIMIT 1`;
}

function trials(schemas: Schemas, imageId: string, spaceId: number | undefined): readonly Trial[] {
  const insert = (table: string, columns: string, values: string, needs?: string): Trial => ({
    table,
    sql: `INSERT INTO ${ownName(schemas, table)} (${columns}) VALUES (${values})`,
    ...(needs === undefined ? {} : { needs }),
  });
  const imageTable = ownName(schemas, 'image');
  const image = `'${imageId}'`;
  const vector = `('[1' || repeat(',0', 767) || ']')::${vectorName(schemas, 'vector')}, 1`;
  const hash = `repeat('0', 64)`;
  const ofSpace =
    spaceId === undefined
      ? []
      : [
          insert('embedding', 'space_id, image_id, embedding, norm', `${spaceId}, ${image}, ${vector}`, 'image'),
          insert(
            'region',
            'space_id, image_id, number, x, y, width, height, embedding, norm',
            `${spaceId}, ${image}, 0, 0, 0, 1, 1, ${vector}`,
            'image',
          ),
        ];
  return [
    {
      ...insert(
        'image',
        'id, sha256, filename, media_type, width, height, byte_size',
        `${image}, ${hash}, 'doctor.png', 'image/png', 1, 1, ${probeBytes}`,
      ),
      likeStoredSql: `
        INSERT INTO ${imageTable} (id, sha256, filename, media_type, width, height, byte_size, metadata)
        SELECT ${image}, ${hash}, filename, media_type, width, height, ${probeBytes}, metadata
        FROM ${imageTable} ORDER BY created_at DESC LIMIT 1`,
    },
    insert(
      'image_content',
      'image_id, original, thumbnail, grey',
      `${image}, convert_to(repeat('x', ${probeBytes}), 'UTF8'), '', convert_to(repeat('x', 4096), 'UTF8')`,
      'image',
    ),
    ...ofSpace,
    // A number of its own: one that the sequence gave would be missing afterwards.
    insert(
      'embedding_space',
      'id, name, model, model_sha256, preprocessing_sha256, dimensions, state',
      `-1, 'doctor ' || ${image}, 'doctor', ${hash}, ${hash}, 1, 'retired'`,
    ),
    insert('scorer', 'space_id, kind, scorer', `-1, 'labels', '{}'`, 'embedding_space'),
    insert('job', 'id, kind, stage', `${image}, 'doctor', ''`),
    insert('api_key', 'id, name, scope, sha256', `repeat('0', 16), 'doctor', 'read', decode(${hash}, 'hex')`),
    insert('server_secret', 'name, secret', `'doctor ' || ${image}, decode(${hash}, 'hex')`),
  ];
}

function explain(table: string, error: unknown): Finding {
  const said = messageOf(error).replace(/\.$/, '');
  if (sqlStateOf(error) === '23502') {
    return problem(
      'columns',
      `The table ${table} has a column of yours that Semblance does not fill: ${said}.`,
      'Give it a default, or let it be NULL.',
    );
  }
  const what = ofImages.has(table) ? 'images' : `rows in the table ${table}`;
  return problem(
    'writes',
    `The database takes no ${what}: ${said}.`,
    'Change that rule, unless it is meant to refuse rows such as that of this trial: clients get CONFLICT for what it refuses.',
  );
}

function explainFailure(error: unknown): Finding {
  const said = messageOf(error).replace(/\.$/, '');
  switch (sqlStateOf(error)) {
    case '53100':
      return problem(
        'disk',
        `The disk of the database server is full, so it takes no images: ${said}.`,
        'Free some of it, or make it larger; nothing has to be restarted.',
      );
    case '25006':
      return problem(
        'read-only',
        `The database takes no writes: ${said}.`,
        'Point DATABASE_URL to the server that takes them.',
      );
    default:
      return problem('writes', `The database takes no images: ${said}.`, 'Mend that, and look again.');
  }
}
