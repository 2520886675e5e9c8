-- Long work that a client starts and asks after: a space is made or filled, two are compared, a sample is loaded.
--
-- Why: such work outlasts a request, and the server that began it. Any server on the database goes on with it.
-- When: at the first start of a version with jobs, or with `semblance migrate`. What is stored stays.
-- How: a row per job. A server claims the oldest that waits (FOR UPDATE SKIP LOCKED) for as long as its lease runs, and renews that
--   while it works; one whose lease ran out is claimed again. No advisory lock and no LISTEN: all connections to the embedded
--   database are one backend, and PgBouncer hands them on between transactions. Times are the database's own.
-- Bounds: one look at the few rows of embedding_space, behind uploads and searches. `job` is no shard's: the servers keep few jobs
--   that have ended, and take few that wait (src/limits.ts).

DO $$
BEGIN
  IF to_regclass('embedding_space') IS NULL OR to_regclass('region') IS NULL THEN
    RAISE EXCEPTION 'Semblance''s tables are missing: apply the migrations in their order'
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END
$$;

CREATE TABLE job (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  input jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(input) = 'object'),
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  stage text NOT NULL DEFAULT '',
  done integer NOT NULL DEFAULT 0 CHECK (done >= 0),
  total integer NOT NULL DEFAULT 0 CHECK (total >= 0),
  result jsonb,
  error jsonb,
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  lease_owner uuid,
  lease_until timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  started_at timestamptz(3),
  finished_at timestamptz(3),
  CHECK ((state = 'running') = (lease_owner IS NOT NULL) AND (state = 'running') = (lease_until IS NOT NULL)),
  CHECK ((state IN ('done', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
  CHECK ((state = 'done') = (result IS NOT NULL) AND (state = 'failed') = (error IS NOT NULL))
);
COMMENT ON TABLE job IS 'Long work that a client started. Deleting a row cancels it.';
COMMENT ON COLUMN job.stage IS 'What it is at, in words; done of total items of that stage, total 0 where its end is not known.';
COMMENT ON COLUMN job.error IS 'code and message, as clients may see them.';
COMMENT ON COLUMN job.attempts IS 'How often a server began with it; not counted where one stopped in order.';
COMMENT ON COLUMN job.lease_owner IS 'The server that works on it. Once lease_until has passed, another takes it over.';
-- Claiming looks at what has not ended alone, however many are kept.
CREATE INDEX job_open ON job (created_at, id) WHERE finished_at IS NULL;
CREATE INDEX job_newest ON job (created_at DESC, id DESC);

ALTER TABLE embedding_space ADD COLUMN job_id uuid;
COMMENT ON COLUMN embedding_space.job_id IS 'The job that made it: taken over, it knows its own space. No reference, for jobs that have ended are deleted.';
