import type pg from 'pg';
import { SemblanceError } from '../base/errors.js';
import { jobLeaseMs, maxEndedJobs, maxJobAttempts, maxOpenJobs } from '../base/limits.js';
import { ownName, type Schemas } from '../database/identifiers.js';
import { transaction } from '../database/transaction.js';
import type { JobError, JobOutcome, JobProgress, JobRecord, JobState, NewJob } from '../database/store.js';

interface JobRow {
  readonly id: string;
  readonly kind: string;
  readonly input: unknown;
  readonly state: JobState;
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly result: unknown;
  readonly error: JobError | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

const columns = `id, kind, input, state, coalesce(stage, '') AS stage, done, total, result, error, created_at, started_at, finished_at`;

/** The contract stands at Store.createJob. */
export async function createJob(pool: pg.Pool, schemas: Schemas, { id, kind, input }: NewJob): Promise<JobRecord> {
  const jobs = ownName(schemas, 'job');
  const row = await transaction(pool, async (client) => {
    // Those that are begun at the same time would not count each other.
    await client.query(`LOCK TABLE ${jobs} IN SHARE ROW EXCLUSIVE MODE`);
    const { rows } = await client.query<JobRow>(
      `INSERT INTO ${jobs} (id, kind, input)
       SELECT $1::uuid, $2, $3::jsonb WHERE (SELECT count(*) FROM ${jobs} WHERE finished_at IS NULL) < $4
       RETURNING ${columns}`,
      [id, kind, JSON.stringify(input), maxOpenJobs],
    );
    return rows[0];
  });
  if (row === undefined) {
    throw new SemblanceError(
      'OVERLOADED',
      `${maxOpenJobs} jobs wait or run: try again when one has ended, or cancel one`,
    );
  }
  await pool.query(
    `DELETE FROM ${jobs} WHERE id IN (
       SELECT id FROM ${jobs} WHERE finished_at IS NOT NULL ORDER BY finished_at DESC, id DESC OFFSET $1)`,
    [maxEndedJobs],
  );
  return toRecord(row);
}

/** The contract stands at Store.claimJob. */
export async function claimJob(
  pool: pg.Pool,
  schemas: Schemas,
  owner: string,
  kinds: readonly string[],
): Promise<JobRecord | undefined> {
  const jobs = ownName(schemas, 'job');
  const abandoned = `(state = 'running' AND lease_until < now())`;
  const givenUp: JobError = {
    code: 'INTERNAL_SERVER_ERROR',
    message: `Given up: ${maxJobAttempts} times the server that worked on it ended before it had done it`,
  };
  await pool.query(
    `UPDATE ${jobs} SET state = 'failed', error = $2, finished_at = now(), lease_owner = NULL, lease_until = NULL
     WHERE ${abandoned} AND attempts >= $1`,
    [maxJobAttempts, JSON.stringify(givenUp)],
  );
  // Another server's claim under way is passed over, and what it has claimed no longer matches.
  const { rows } = await pool.query<JobRow>(
    `UPDATE ${jobs} SET state = 'running', lease_owner = $1, lease_until = now() + make_interval(secs => $2),
       attempts = attempts + 1, started_at = coalesce(started_at, now()), stage = '', done = 0, total = 0
     WHERE id = (SELECT id FROM ${jobs}
                 WHERE finished_at IS NULL AND (state = 'queued' OR ${abandoned}) AND kind = ANY ($3)
                 ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING ${columns}`,
    [owner, jobLeaseMs / 1000, kinds],
  );
  return rows[0] && toRecord(rows[0]);
}

/** The contract stands at Store.renewJob. */
export async function renewJob(
  pool: pg.Pool,
  schemas: Schemas,
  id: string,
  owner: string,
  { stage, done, total }: JobProgress,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE ${ownName(schemas, 'job')}
     SET lease_until = now() + make_interval(secs => $3), stage = $4, done = $5, total = $6
     WHERE id = $1 AND lease_owner = $2`,
    [id, owner, jobLeaseMs / 1000, stage, done, total],
  );
  return rowCount === 1;
}

/** The contract stands at Store.releaseJob. */
export async function releaseJob(
  pool: pg.Pool,
  schemas: Schemas,
  id: string,
  owner: string,
  error: JobError | undefined,
): Promise<boolean> {
  const isLast = '$3::jsonb IS NOT NULL AND attempts >= $4';
  const { rowCount } = await pool.query(
    `UPDATE ${ownName(schemas, 'job')} SET lease_owner = NULL, lease_until = NULL,
       attempts = CASE WHEN $3::jsonb IS NULL THEN attempts - 1 ELSE attempts END,
       state = CASE WHEN ${isLast} THEN 'failed' ELSE 'queued' END,
       error = CASE WHEN ${isLast} THEN $3::jsonb END,
       finished_at = CASE WHEN ${isLast} THEN now() END
     WHERE id = $1 AND lease_owner = $2`,
    [id, owner, error === undefined ? null : JSON.stringify(error), maxJobAttempts],
  );
  return rowCount === 1;
}

/** The contract stands at Store.finishJob. */
export async function finishJob(
  pool: pg.Pool,
  schemas: Schemas,
  id: string,
  owner: string,
  outcome: JobOutcome,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE ${ownName(schemas, 'job')} SET state = $3, result = $4, error = $5, finished_at = now(), lease_owner = NULL, lease_until = NULL
     WHERE id = $1 AND lease_owner = $2`,
    [
      id,
      owner,
      outcome.state,
      outcome.state === 'done' ? JSON.stringify(outcome.result) : null,
      outcome.state === 'failed' ? JSON.stringify(outcome.error) : null,
    ],
  );
  return rowCount === 1;
}

/** The contract stands at Store.cancelJob. */
export async function cancelJob(pool: pg.Pool, schemas: Schemas, id: string): Promise<JobRecord | undefined> {
  const { rows } = await pool.query<JobRow>(
    `UPDATE ${ownName(schemas, 'job')} SET state = 'cancelled', finished_at = now(), lease_owner = NULL, lease_until = NULL
     WHERE id = $1 AND finished_at IS NULL RETURNING ${columns}`,
    [id],
  );
  return rows[0] === undefined ? findJob(pool, schemas, id) : toRecord(rows[0]);
}

export async function findJob(pool: pg.Pool, schemas: Schemas, id: string): Promise<JobRecord | undefined> {
  const { rows } = await pool.query<JobRow>(`SELECT ${columns} FROM ${ownName(schemas, 'job')} WHERE id = $1`, [id]);
  return rows[0] && toRecord(rows[0]);
}

export async function listJobs(pool: pg.Pool, schemas: Schemas, first: number): Promise<readonly JobRecord[]> {
  const { rows } = await pool.query<JobRow>(
    `SELECT ${columns} FROM ${ownName(schemas, 'job')} ORDER BY created_at DESC, id DESC LIMIT $1`,
    [first],
  );
  return rows.map(toRecord);
}

export async function countJobs(
  pool: pg.Pool,
  schemas: Schemas,
): Promise<readonly { readonly kind: string; readonly state: JobState; readonly count: number }[]> {
  const { rows } = await pool.query<{ readonly kind: string; readonly state: JobState; readonly count: number }>(
    `SELECT kind, state, count(*)::integer AS count FROM ${ownName(schemas, 'job')} GROUP BY kind, state`,
  );
  return rows;
}

function toRecord(row: JobRow): JobRecord {
  const { id, kind, input, state, stage, done, total, result, error } = row;
  return {
    id,
    kind,
    input,
    state,
    stage,
    done,
    total,
    result: result ?? undefined,
    error: error ?? undefined,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
  };
}
