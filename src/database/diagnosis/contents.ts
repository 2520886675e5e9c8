import type pg from 'pg';
import { ownName, type Schemas } from '../identifiers.js';
import { advice, problem, type Finding } from './finding.js';

/** Whether every image can be found in the spaces that searches use. */
export async function diagnoseSpaces(pool: pg.Pool, schemas: Schemas): Promise<readonly Finding[]> {
  const { rows } = await pool.query<{ readonly name: string; readonly state: string; readonly missing: string }>(
    `SELECT s.name, s.state, (SELECT count(*) FROM ${ownName(schemas, 'image')} i WHERE NOT EXISTS (
       SELECT FROM ${ownName(schemas, 'embedding')} e WHERE e.space_id = s.id AND e.image_id = i.id)) AS missing
     FROM ${ownName(schemas, 'embedding_space')} s WHERE s.state <> 'retired' ORDER BY s.id`,
  );
  const findings = rows.flatMap(({ name, state, missing }): Finding | [] => {
    if (missing === '0') return [];
    const message = `${missing} images have no embedding in the ${state} space ${JSON.stringify(name)}, and are not found in it.`;
    const remedy = `Run \`semblance spaces backfill ${name}\`.`;
    return state === 'building' ? advice('embeddings', message, remedy) : problem('embeddings', message, remedy);
  });
  if (rows.some(({ state }) => state === 'active')) return findings;
  const images = await pool.query<{ readonly any: boolean }>(
    `SELECT EXISTS (SELECT FROM ${ownName(schemas, 'image')}) AS any`,
  );
  if (images.rows[0]?.any !== true) return findings;
  return [
    problem(
      'active-space',
      'There are images, and no embedding space is active: nothing is found.',
      rows.length === 0
        ? 'Start the server, which makes one, and run `semblance spaces backfill` on it.'
        : `Run \`semblance spaces activate ${rows[0]?.name ?? 'NAME'}\`.`,
    ),
    ...findings,
  ];
}

interface JobRow {
  readonly id: string;
  readonly kind: string;
  readonly trouble: 'abandoned' | 'waiting' | 'failed';
  readonly message: string | null;
}

/** Failures of the last day; older ones have been seen. Waiting for longer than a server takes to look. */
export async function diagnoseJobs(pool: pg.Pool, schemas: Schemas): Promise<readonly Finding[]> {
  const { rows } = await pool.query<JobRow>(
    `SELECT j.id, j.kind, j.error ->> 'message' AS message,
       CASE j.state WHEN 'running' THEN 'abandoned' WHEN 'queued' THEN 'waiting' ELSE 'failed' END AS trouble
     FROM ${ownName(schemas, 'job')} j
     WHERE (j.state = 'running' AND j.lease_until < now())
        OR (j.state = 'queued' AND j.created_at < now() - interval '1 minute')
        OR (j.state = 'failed' AND j.finished_at > now() - interval '1 day')
     ORDER BY j.created_at, j.id LIMIT 50`,
  );
  return rows.map(({ id, kind, trouble, message }) => {
    const job = `The job ${id} (${kind})`;
    switch (trouble) {
      case 'abandoned':
        return problem(
          'jobs',
          `${job} was left by the server that worked on it, and no other has taken it over.`,
          'Start a server, which goes on with it.',
        );
      case 'waiting':
        return advice('jobs', `${job} waits for a server.`, 'Start a server, which does it.');
      case 'failed':
        return advice('jobs', `${job} failed: ${message ?? 'no reason was kept'}.`, 'Mend that and begin it again.');
    }
  });
}
