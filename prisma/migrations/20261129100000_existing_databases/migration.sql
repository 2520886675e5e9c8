-- Searches, filters and jobs that hold in a database which others administer and add to.
--
-- Why: a column that somebody added to `image` broke filter_images, whose answer was the whole row as it was once. A row that a policy
--   hides was found by searches, which looked at embeddings alone. `mode` said hnsw where the index was of another operator class,
--   of another column, partial, or not hnsw. A default of '' on job.stage and two functions of one name are more than some tools
--   for other languages read.
-- When: at the first start of a version that says so, or with `semblance migrate`. What is stored stays.
-- How: filter_images names its columns. The searches go through it, as they do for a filter, where row-level security applies to the
--   role that searches; elsewhere they run the statements that they ran. similar_images takes a space or none. What changes its answer
--   keeps its former self under another name where objects of the user's own depend on it.
-- Bounds: no look at any row. A moment's lock on `job`. Stays shardable: a search joins `image` by its id and nothing else.

DO $$
BEGIN
  IF to_regclass('job') IS NULL
    OR to_regprocedure('search_plan(integer, jsonb, text, text, timestamptz, timestamptz, integer)') IS NULL
  THEN
    RAISE EXCEPTION 'Semblance''s tables are missing: apply the migrations in their order'
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END
$$;

ALTER TABLE job ALTER COLUMN stage DROP DEFAULT, ALTER COLUMN stage DROP NOT NULL;
COMMENT ON COLUMN job.stage IS 'What it is at, in words, NULL before it is begun; done of total items of that stage, total 0 where its end is not known.';

DO $$
BEGIN
  DROP FUNCTION filter_images(jsonb, text, text, timestamptz, timestamptz);
EXCEPTION WHEN dependent_objects_still_exist THEN
  ALTER FUNCTION filter_images(jsonb, text, text, timestamptz, timestamptz) RENAME TO filter_images_1;
  COMMENT ON FUNCTION filter_images_1(jsonb, text, text, timestamptz, timestamptz) IS
    'filter_images as it was before it named its columns, kept for the objects of this database that depend on it. Fails once image has another column. May be dropped once none does.';
END
$$;

CREATE FUNCTION filter_images(
  metadata_contains jsonb DEFAULT NULL,
  filename_contains text DEFAULT NULL,
  sha256_equals text DEFAULT NULL,
  created_after timestamptz DEFAULT NULL,
  created_before timestamptz DEFAULT NULL
) RETURNS TABLE (
  id uuid,
  sha256 text,
  filename text,
  media_type text,
  width integer,
  height integer,
  byte_size integer,
  metadata jsonb,
  created_at timestamptz
) LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  -- The planner puts this body in place of the call and drops the conditions whose argument is NULL.
  SELECT i.id, i.sha256, i.filename, i.media_type, i.width, i.height, i.byte_size, i.metadata, i.created_at
  FROM image i
  WHERE (metadata_contains IS NULL OR i.metadata @> metadata_contains)
    AND (filename_contains IS NULL OR strpos(lower(i.filename), lower(filename_contains)) > 0)
    AND (sha256_equals IS NULL OR i.sha256 = sha256_equals)
    AND (created_after IS NULL OR i.created_at >= created_after)
    AND (created_before IS NULL OR i.created_at <= created_before);
END;
COMMENT ON FUNCTION filter_images(jsonb, text, text, timestamptz, timestamptz) IS
  'The images for which every argument that is not NULL holds: metadata containment, case-insensitive substring of the filename without wildcards, SHA-256, and both times inclusive. Semblance''s own columns of image; join image by id for others.';

CREATE FUNCTION has_hnsw_index(partition regclass) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  found boolean;
BEGIN
  -- Where another kind of index gives the same order, the planner may prefer it. This is asked on every search: a definition costs less
  -- than the catalogues that it comes from, and a partition that the planner does not know spares planning anew.
  SELECT bool_and(d.definition LIKE '% USING hnsw %') INTO found
  FROM (
    SELECT replace(pg_catalog.pg_get_indexdef(x.indexrelid), '"', '') AS definition FROM pg_catalog.pg_index x
    WHERE x.indrelid = (SELECT partition) AND x.indisvalid AND x.indpred IS NULL AND x.indnatts = 1) d
  WHERE d.definition LIKE '%(embedding %vector_cosine_ops)%';
  RETURN coalesce(found, false);
END
$$;
COMMENT ON FUNCTION has_hnsw_index(regclass) IS
  'Whether the order of distances in a partition of embedding or region comes from an HNSW index and from nothing else: it is valid, by cosine, over all rows.';

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
  partition regclass := to_regclass('embedding_' || search_plan.space_id);
  few boolean;
BEGIN
  mode := 'hnsw';
  IF row_security_active('image'::regclass)
    OR num_nonnulls(metadata_contains, filename_contains, sha256_equals, created_after, created_before) > 0
  THEN
    -- EXECUTE plans for the arguments at hand; a cached plan could keep the conditions that are NULL and lose the index.
    EXECUTE 'SELECT array_agg(c.id) FROM (SELECT i.id FROM filter_images($1, $2, $3, $4, $5) i LIMIT $6) c' INTO candidates
      USING metadata_contains, filename_contains, sha256_equals, created_after, created_before, exact_max_images + 1;
    IF coalesce(cardinality(candidates), 0) <= exact_max_images THEN mode := 'candidates'; END IF;
  ELSE
    -- The planner's estimate saves counting on every search; it is taken for no more than a hint that the table is large.
    few := coalesce((SELECT c.reltuples FROM pg_catalog.pg_class c WHERE c.oid = partition), 0) <= exact_max_images;
    IF few THEN
      SELECT count(*) <= exact_max_images INTO few FROM (
        SELECT FROM embedding e WHERE e.space_id = search_plan.space_id LIMIT exact_max_images + 1) c;
    END IF;
    IF few THEN mode := 'exact'; END IF;
  END IF;
  IF mode = 'hnsw' AND NOT (current_setting('enable_indexscan')::boolean AND has_hnsw_index(partition)) THEN mode := 'exact'; END IF;
END
$$;
COMMENT ON FUNCTION search_plan(integer, jsonb, text, text, timestamptz, timestamptz, integer) IS
  'How search_images and search_regions go about a search: candidates, by comparing those ids, where at most exact_max_images pass the filter and row-level security; exact, by comparing all, where the space holds no more or has_hnsw_index is false; hnsw otherwise.';

CREATE OR REPLACE FUNCTION search_images(
  query_image_id uuid,
  query vector,
  k integer,
  metadata_contains jsonb DEFAULT NULL,
  filename_contains text DEFAULT NULL,
  sha256_equals text DEFAULT NULL,
  created_after timestamptz DEFAULT NULL,
  created_before timestamptz DEFAULT NULL,
  exact_max_images integer DEFAULT 2000,
  space_id integer DEFAULT NULL
) RETURNS TABLE (image_id uuid, similarity double precision, rank integer, mode text)
LANGUAGE plpgsql STABLE ROWS 20 SET search_path FROM CURRENT AS $$
DECLARE
  searched_space_id integer := space_id;
  hides boolean := row_security_active('image'::regclass);
  filtered boolean := hides OR num_nonnulls(metadata_contains, filename_contains, sha256_equals, created_after, created_before) > 0;
  candidates uuid[];
  used text;
  ids uuid[];
  distances double precision[];
  former_ef_search text;
  former_iterative_scan text;
  former_enable_sort text;
BEGIN
  IF k IS NULL OR k NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'Expected an integer from 1 to 1000 for k but received %', coalesce(k::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF searched_space_id IS NULL THEN
    SELECT s.id INTO searched_space_id FROM embedding_space s WHERE s.state = 'active';
  END IF;
  -- Read first, then search: on shards a sub-select that fetched the vector inside the search would be refused.
  IF query IS NULL THEN
    SELECT e.embedding INTO query FROM embedding e WHERE e.space_id = searched_space_id AND e.image_id = query_image_id;
    -- Nested: an expression with a query in it is run as one, whatever stands before AND.
    IF hides THEN
      IF NOT EXISTS (SELECT FROM image i WHERE i.id = query_image_id) THEN query := NULL; END IF;
    END IF;
  END IF;
  IF query IS NULL OR searched_space_id IS NULL THEN
    RAISE EXCEPTION 'No image of id % has an embedding', coalesce(query_image_id::text, 'NULL')
      USING ERRCODE = 'no_data_found';
  END IF;

  SELECT p.mode, p.candidates INTO used, candidates
  FROM search_plan(searched_space_id, metadata_contains, filename_contains, sha256_equals, created_after, created_before, exact_max_images) p;

  IF used = 'hnsw' THEN
    former_ef_search := current_setting('hnsw.ef_search', true);
    former_iterative_scan := current_setting('hnsw.iterative_scan', true);
    former_enable_sort := current_setting('enable_sort');
    -- HNSW gives ef_search rows at most, one of which may be the query image. 100 finds 0.9987 of the 10 nearest among 50,000
    -- photographs, pgvector's 40 finds 0.9933, 200 finds 0.9990 in twice the time.
    PERFORM set_config('hnsw.ef_search', least(1000, greatest(100, k + 1))::text, true),
      -- Filters apply after the index: it goes on where too few rows passed.
      set_config('hnsw.iterative_scan', 'strict_order', true),
      -- The index alone gives the order without a sort, so the plan is the one that `mode` names.
      set_config('enable_sort', 'off', true);
    EXECUTE search_statement(searched_space_id, used, filtered) INTO ids, distances
      USING query, k, query_image_id, metadata_contains, filename_contains, sha256_equals, created_after, created_before, candidates;
    PERFORM set_config('hnsw.ef_search', coalesce(former_ef_search, '40'), true),
      set_config('hnsw.iterative_scan', coalesce(former_iterative_scan, 'off'), true),
      set_config('enable_sort', former_enable_sort, true);
    IF coalesce(cardinality(ids), 0) < k THEN used := 'exact'; END IF;
  END IF;
  IF used <> 'hnsw' THEN
    EXECUTE search_statement(searched_space_id, used, filtered) INTO ids, distances
      USING query, k, query_image_id, metadata_contains, filename_contains, sha256_equals, created_after, created_before, candidates;
  END IF;

  RETURN QUERY
    SELECT n.id, 1 - n.distance, (row_number() OVER (ORDER BY n.distance, n.id))::integer, CASE used WHEN 'hnsw' THEN 'hnsw' ELSE 'exact' END
    FROM unnest(ids, distances) AS n (id, distance)
    ORDER BY n.distance, n.id;
END
$$;

CREATE OR REPLACE FUNCTION search_regions(
  query_image_id uuid,
  query vector,
  k integer,
  metadata_contains jsonb DEFAULT NULL,
  filename_contains text DEFAULT NULL,
  sha256_equals text DEFAULT NULL,
  created_after timestamptz DEFAULT NULL,
  created_before timestamptz DEFAULT NULL,
  exact_max_images integer DEFAULT 2000,
  space_id integer DEFAULT NULL
) RETURNS TABLE (image_id uuid, similarity double precision, rank integer, mode text, x real, y real, width real, height real)
LANGUAGE plpgsql STABLE ROWS 20 SET search_path FROM CURRENT AS $$
DECLARE
  searched_space_id integer := space_id;
  hides boolean := row_security_active('image'::regclass);
  filtered boolean := hides OR num_nonnulls(metadata_contains, filename_contains, sha256_equals, created_after, created_before) > 0;
  candidates uuid[];
  used text;
  wanted integer;
  whole_ids uuid[];
  whole_distances double precision[];
  region_ids uuid[];
  region_distances double precision[];
  region_numbers smallint[];
  ids uuid[];
  distances double precision[];
  numbers smallint[];
  former_ef_search text;
  former_iterative_scan text;
  former_enable_sort text;
BEGIN
  IF k IS NULL OR k NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'Expected an integer from 1 to 1000 for k but received %', coalesce(k::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF searched_space_id IS NULL THEN
    SELECT s.id INTO searched_space_id FROM embedding_space s WHERE s.state = 'active';
  END IF;
  IF query IS NULL THEN
    SELECT e.embedding INTO query FROM embedding e WHERE e.space_id = searched_space_id AND e.image_id = query_image_id;
    -- Nested: an expression with a query in it is run as one, whatever stands before AND.
    IF hides THEN
      IF NOT EXISTS (SELECT FROM image i WHERE i.id = query_image_id) THEN query := NULL; END IF;
    END IF;
  END IF;
  IF query IS NULL OR searched_space_id IS NULL THEN
    RAISE EXCEPTION 'No image of id % has an embedding', coalesce(query_image_id::text, 'NULL')
      USING ERRCODE = 'no_data_found';
  END IF;

  SELECT p.mode, p.candidates INTO used, candidates
  FROM search_plan(searched_space_id, metadata_contains, filename_contains, sha256_equals, created_after, created_before, exact_max_images) p;
  -- A search of regions goes through two indexes.
  IF used = 'hnsw' AND NOT has_hnsw_index(to_regclass('region_' || searched_space_id)) THEN used := 'exact'; END IF;

  IF used = 'hnsw' THEN
    former_ef_search := current_setting('hnsw.ef_search', true);
    former_iterative_scan := current_setting('hnsw.iterative_scan', true);
    former_enable_sort := current_setting('enable_sort');
    PERFORM set_config('hnsw.ef_search', least(1000, greatest(100, k + 1))::text, true),
      set_config('hnsw.iterative_scan', 'strict_order', true),
      set_config('enable_sort', 'off', true);
    EXECUTE search_statement(searched_space_id, used, filtered) INTO whole_ids, whole_distances
      USING query, k, query_image_id, metadata_contains, filename_contains, sha256_equals, created_after, created_before, candidates;
    -- How many regions k images take is not known beforehand: ask for more until the next region could not enter the k.
    wanted := greatest(100, 4 * k);
    LOOP
      PERFORM set_config('hnsw.ef_search', least(1000, wanted)::text, true), set_config('enable_sort', 'off', true);
      EXECUTE search_regions_statement(searched_space_id, used, filtered) INTO region_ids, region_distances, region_numbers
        USING query, wanted, query_image_id, metadata_contains, filename_contains, sha256_equals, created_after, created_before, candidates;
      PERFORM set_config('enable_sort', former_enable_sort, true);
      SELECT array_agg(t.id ORDER BY t.distance, t.id), array_agg(t.distance ORDER BY t.distance, t.id), array_agg(t.number ORDER BY t.distance, t.id)
      INTO ids, distances, numbers
      FROM (
        SELECT b.id, b.distance, b.number FROM (
          SELECT DISTINCT ON (p.id) p.id, p.distance, p.number FROM (
            SELECT w.id, w.distance, NULL::smallint AS number FROM unnest(whole_ids, whole_distances) AS w (id, distance)
            UNION ALL
            SELECT r.id, r.distance, r.number FROM unnest(region_ids, region_distances, region_numbers) AS r (id, distance, number)) p
          ORDER BY p.id, p.distance, p.number NULLS FIRST) b
        ORDER BY b.distance, b.id LIMIT k) t;
      -- Fewer than asked for: the index has no more, or has looked at hnsw.max_scan_tuples rows.
      EXIT WHEN coalesce(cardinality(region_ids), 0) < wanted
        OR (cardinality(ids) = k AND distances[k] <= region_distances[wanted]);
      wanted := 4 * wanted;
    END LOOP;
    PERFORM set_config('hnsw.ef_search', coalesce(former_ef_search, '40'), true),
      set_config('hnsw.iterative_scan', coalesce(former_iterative_scan, 'off'), true),
      set_config('enable_sort', former_enable_sort, true);
    IF coalesce(cardinality(ids), 0) < k THEN used := 'exact'; END IF;
  END IF;
  IF used <> 'hnsw' THEN
    EXECUTE search_regions_statement(searched_space_id, used, filtered) INTO ids, distances, numbers
      USING query, k, query_image_id, metadata_contains, filename_contains, sha256_equals, created_after, created_before, candidates;
  END IF;

  RETURN QUERY
    SELECT n.id, 1 - n.distance, (row_number() OVER (ORDER BY n.distance, n.id))::integer, CASE used WHEN 'hnsw' THEN 'hnsw' ELSE 'exact' END,
      r.x, r.y, r.width, r.height
    FROM unnest(ids, distances, numbers) AS n (id, distance, number)
    LEFT JOIN region r ON r.space_id = searched_space_id AND r.image_id = n.id AND r.number = n.number
    ORDER BY n.distance, n.id;
END
$$;

DO $$
BEGIN
  DROP FUNCTION similar_images(uuid, integer);
EXCEPTION WHEN dependent_objects_still_exist THEN
  ALTER FUNCTION similar_images(uuid, integer) RENAME TO similar_images_1;
  COMMENT ON FUNCTION similar_images_1(uuid, integer) IS
    'similar_images as it was before it took a space, kept for the objects of this database that depend on it. May be dropped once none does.';
END
$$;

-- In place, so that what a user built on it stands.
CREATE OR REPLACE FUNCTION similar_images(image_id uuid, k integer DEFAULT 10, space text DEFAULT NULL)
RETURNS TABLE (id uuid, similarity double precision, rank integer)
LANGUAGE plpgsql STABLE ROWS 20 SET search_path FROM CURRENT AS $$
DECLARE
  named_space_id integer;
BEGIN
  IF space IS NOT NULL THEN
    SELECT e.id INTO named_space_id FROM embedding_space e WHERE e.name = space;
    IF named_space_id IS NULL THEN
      RAISE EXCEPTION 'There is no embedding space %', quote_literal(space) USING ERRCODE = 'no_data_found';
    END IF;
  END IF;
  RETURN QUERY
    SELECT s.image_id, s.similarity, s.rank
    FROM search_images(similar_images.image_id, NULL, similar_images.k, space_id => named_space_id) s ORDER BY s.rank;
END
$$;
COMMENT ON FUNCTION similar_images(uuid, integer, text) IS
  'The k stored images nearest to a stored one, nearest first, itself left out: as similarImages of the GraphQL API answers. k is 1 to 1000; space is the name of an embedding space, the active one unless given. similarity is the cosine of the two embeddings, -1 to 1; rank is 1 for the nearest, and equal similarities are ordered by id. A space that is building answers from the images that it holds so far. An unknown image_id or space raises no_data_found (P0002). Example: SELECT rank, similarity, filename FROM semblance.similar_images(''…'', 10) JOIN semblance.image USING (id) ORDER BY rank;';
