-- Searches that tell when their index is of no use.
--
-- Why: without a valid index (a REINDEX CONCURRENTLY that was cut off leaves one, or somebody dropped it) Postgres sorts all
--   distances instead: the answer is right, and was called hnsw.
-- When: at the first start of a version that reports such an index, or with `semblance migrate`. What is stored stays.
-- How: search_plan is replaced in place; its arguments and answer stay.
-- Bounds: no look at any row, and no lock that a search would wait for.

DO $$
BEGIN
  IF to_regprocedure('search_plan(integer, jsonb, text, text, timestamptz, timestamptz, integer)') IS NULL THEN
    RAISE EXCEPTION 'Semblance''s functions are missing: apply the migrations in their order'
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION search_plan(
  space_id integer,
  metadata_contains jsonb,
  filename_contains text,
  sha256_equals text,
  created_after timestamptz,
  created_before timestamptz,
  exact_max_images integer,
  OUT mode text,
  OUT candidates uuid[]
) LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
  few boolean;
BEGIN
  mode := 'hnsw';
  IF num_nonnulls(metadata_contains, filename_contains, sha256_equals, created_after, created_before) > 0 THEN
    -- EXECUTE plans for the arguments at hand; a cached plan could keep the conditions that are NULL and lose the index.
    EXECUTE 'SELECT array_agg(c.id) FROM (SELECT i.id FROM filter_images($1, $2, $3, $4, $5) i LIMIT $6) c' INTO candidates
      USING metadata_contains, filename_contains, sha256_equals, created_after, created_before, exact_max_images + 1;
    IF coalesce(cardinality(candidates), 0) <= exact_max_images THEN mode := 'candidates'; END IF;
  ELSE
    -- The planner's estimate saves counting on every search; it is taken for no more than a hint that the table is large.
    SELECT coalesce(max(c.reltuples), 0) <= exact_max_images INTO few
    FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
    WHERE h.inhparent = 'embedding'::regclass AND c.relname = 'embedding_' || search_plan.space_id;
    IF few THEN
      SELECT count(*) <= exact_max_images INTO few FROM (
        SELECT FROM embedding e WHERE e.space_id = search_plan.space_id LIMIT exact_max_images + 1) c;
    END IF;
    IF few THEN mode := 'exact'; END IF;
  END IF;
  IF mode = 'hnsw' AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid
    JOIN pg_catalog.pg_am a ON a.oid = c.relam
    WHERE x.indrelid = to_regclass('embedding_' || search_plan.space_id) AND x.indisvalid AND a.amname = 'hnsw')
  THEN
    mode := 'exact';
  END IF;
END
$$;
COMMENT ON FUNCTION search_plan(integer, jsonb, text, text, timestamptz, timestamptz, integer) IS
  'How search_images and search_regions go about a search: candidates, by comparing those ids, where at most exact_max_images pass the filter; exact, by comparing all, where the space holds no more or its index is missing or invalid; hnsw otherwise.';
