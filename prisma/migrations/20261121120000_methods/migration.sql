-- Several embedding spaces, grey renditions, learned similarities, and the regions of images; searches that name a space.
--
-- Why: a method of retrieval is a space of its own, or re-ranks the candidates of one.
-- When: at the first start of a version with methods, or with `semblance migrate`. What is stored stays: images keep their
--   embeddings, and grey renditions and regions are made when they are first asked for.
-- How: as the first migration. Partitions of `region` are made here for the spaces that exist, later with each space.
--   The functions that change keep their names; whatever a user built on similar_images goes on working.
-- Bounds: one look at each row of image_content, without its bytes, and one index over the ids of embedding; nothing is
--   rewritten. Stays shardable by image id: `region` has no unique index without it.

-- In the order in which an upload takes them: another server's upload or deletion then waits, and is no deadlock.
LOCK TABLE embedding_space IN ACCESS EXCLUSIVE MODE;
LOCK TABLE image IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE image_content IN ACCESS EXCLUSIVE MODE;

ALTER TABLE embedding_space
  DROP CONSTRAINT embedding_space_state_check,
  ADD CONSTRAINT embedding_space_state_check CHECK (state IN ('building', 'ready', 'active', 'retired'));
COMMENT ON TABLE embedding_space IS 'A model with its preprocessing, or a method with all that was fitted for it. Embeddings of different spaces are never compared.';
COMMENT ON COLUMN embedding_space.state IS 'building: images that were stored before it lack an embedding. ready: none does, and it may be searched by name. active: also searched where no space is named. retired: new images get no embedding.';

ALTER TABLE image_content ADD COLUMN grey bytea CHECK (octet_length(grey) = 4096);
-- 4096 bytes are beyond what a row holds beside others; decompressing them would cost more than reading them.
ALTER TABLE image_content ALTER COLUMN grey SET STORAGE EXTERNAL;
COMMENT ON TABLE image_content IS 'The bytes as uploaded, a WebP thumbnail, 320 pixels on its longer side, and a grey rendition.';
COMMENT ON COLUMN image_content.grey IS '64 x 64 greys, row by row, the image stretched to them: what re-rankers compare. NULL for images that were stored before there were any and not asked for since.';

CREATE TABLE scorer (
  space_id integer NOT NULL REFERENCES embedding_space (id) ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('heuristic', 'labels')),
  scorer jsonb NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (space_id, kind)
);
COMMENT ON TABLE scorer IS 'Learned similarities: each compares embeddings of its own space alone.';

CREATE TABLE region (
  image_id uuid NOT NULL REFERENCES image (id) ON DELETE CASCADE,
  space_id integer NOT NULL REFERENCES embedding_space (id),
  number smallint NOT NULL CHECK (number >= 0),
  x real NOT NULL,
  y real NOT NULL,
  width real NOT NULL CHECK (width > 0),
  height real NOT NULL CHECK (height > 0),
  embedding vector(768) NOT NULL CHECK (vector_norm(embedding) > 0.5),
  norm real NOT NULL CHECK (norm > 1e-6 AND norm < 'infinity'),
  -- The image first: a deleted image takes its regions along, in every space, by this index.
  PRIMARY KEY (image_id, space_id, number)
) PARTITION BY LIST (space_id);
COMMENT ON TABLE region IS 'Embeddings of parts of images, by `semblance index-regions`. One partition with its own HNSW index per space.';
COMMENT ON COLUMN region.x IS 'Of the upper left corner, as a share of the image''s width; y of its height; width and height likewise.';
COMMENT ON COLUMN region.embedding IS 'As in the table embedding: of length 1, padded with zeros to 768.';
ALTER TABLE region ALTER COLUMN embedding SET STORAGE PLAIN;

-- A deleted image takes its embeddings along by this index; the primary key begins with the space, and was read as a whole, space
-- by space.
CREATE INDEX embedding_image ON embedding (image_id);

DO $$
DECLARE
  space_id integer;
BEGIN
  FOR space_id IN SELECT s.id FROM embedding_space s ORDER BY s.id LOOP
    EXECUTE format('CREATE TABLE region_%1$s PARTITION OF region FOR VALUES IN (%1$s)', space_id);
    EXECUTE format('CREATE INDEX region_%1$s_hnsw ON region_%1$s USING hnsw (embedding vector_cosine_ops)', space_id);
  END LOOP;
END
$$;

CREATE FUNCTION search_plan(
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
END
$$;
COMMENT ON FUNCTION search_plan(integer, jsonb, text, text, timestamptz, timestamptz, integer) IS
  'How search_images and search_regions go about a search: candidates, by comparing those ids, where at most exact_max_images pass the filter; exact, by comparing all, where the space holds no more; hnsw otherwise.';

CREATE FUNCTION search_images(
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
  filtered boolean := num_nonnulls(metadata_contains, filename_contains, sha256_equals, created_after, created_before) > 0;
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
COMMENT ON FUNCTION search_images(uuid, vector, integer, jsonb, text, text, timestamptz, timestamptz, integer, integer) IS
  'The k stored images nearest to a vector of the space padded with zeros to 768 or, where that is NULL, to the stored image query_image_id, which is left out in either case. space_id NULL means the active space. Filters as filter_images takes them. What the GraphQL API runs. mode tells how it was answered: hnsw, by the approximate index; exact, by comparing every candidate, which is done where at most exact_max_images pass the filter or the index gave fewer than k.';

-- In place, so that what a user built on it stands. Ten arguments: the former search_images, which takes nine, goes below.
CREATE OR REPLACE FUNCTION similar_images(image_id uuid, k integer DEFAULT 10)
RETURNS TABLE (id uuid, similarity double precision, rank integer)
LANGUAGE sql STABLE ROWS 20
BEGIN ATOMIC
  SELECT s.image_id, s.similarity, s.rank
  FROM search_images(similar_images.image_id, NULL, similar_images.k, NULL, NULL, NULL, NULL, NULL, 2000, NULL) s ORDER BY s.rank;
END;

CREATE FUNCTION similar_images(image_id uuid, k integer, space text)
RETURNS TABLE (id uuid, similarity double precision, rank integer)
LANGUAGE plpgsql STABLE ROWS 20 SET search_path FROM CURRENT AS $$
DECLARE
  named_space_id integer := (SELECT e.id FROM embedding_space e WHERE e.name = space);
BEGIN
  IF named_space_id IS NULL THEN
    RAISE EXCEPTION 'There is no embedding space %', coalesce(quote_literal(space), 'NULL') USING ERRCODE = 'no_data_found';
  END IF;
  RETURN QUERY
    SELECT s.image_id, s.similarity, s.rank
    FROM search_images(similar_images.image_id, NULL, similar_images.k, space_id => named_space_id) s ORDER BY s.rank;
END
$$;
COMMENT ON FUNCTION similar_images(uuid, integer, text) IS
  'As similar_images(image_id, k), in the embedding space of that name. A space that is building answers from the images that it holds so far. An unknown space raises no_data_found (P0002).';

DO $$
BEGIN
  DROP FUNCTION search_images(uuid, vector, integer, jsonb, text, text, timestamptz, timestamptz, integer);
EXCEPTION WHEN dependent_objects_still_exist THEN
  -- A view or function of the user's own calls it: it goes on doing so, under another name.
  ALTER FUNCTION search_images(uuid, vector, integer, jsonb, text, text, timestamptz, timestamptz, integer) RENAME TO search_images_1;
  COMMENT ON FUNCTION search_images_1(uuid, vector, integer, jsonb, text, text, timestamptz, timestamptz, integer) IS
    'search_images as it was before it took a space, kept for the objects of this database that depend on it. May be dropped once none does.';
END
$$;

CREATE FUNCTION search_regions_statement(space_id integer, mode text, filtered boolean) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  -- Parameters as in search_statement. In mode hnsw the regions alone, for each index serves its own ORDER BY; the whole images
  -- come from search_statement. Otherwise both, each image by its best part, a whole before a region of the same distance.
  SELECT CASE WHEN mode = 'hnsw' THEN format(
      $statement$SELECT array_agg(n.image_id), array_agg(n.distance), array_agg(n.number) FROM (
        SELECT r.image_id, r.embedding <=> $1 AS distance, r.number
        FROM region r %1$s
        WHERE r.space_id = %2$s AND r.image_id IS DISTINCT FROM $3::uuid
        ORDER BY r.embedding <=> $1 LIMIT $2) n$statement$,
      CASE WHEN filtered THEN 'JOIN filter_images($4, $5, $6, $7, $8) i ON i.id = r.image_id' ELSE '' END, space_id)
    ELSE format(
      $statement$SELECT array_agg(n.image_id), array_agg(n.distance), array_agg(n.number) FROM (
        SELECT b.* FROM (
          SELECT DISTINCT ON (p.image_id) p.image_id, p.distance, p.number FROM (
            SELECT e.image_id, (e.embedding <=> $1) + 0 AS distance, NULL::smallint AS number FROM embedding e WHERE e.space_id = %1$s
            UNION ALL
            SELECT r.image_id, (r.embedding <=> $1) + 0, r.number FROM region r WHERE r.space_id = %1$s) p
          %2$s
          WHERE p.image_id IS DISTINCT FROM $3::uuid %3$s
          ORDER BY p.image_id, p.distance, p.number NULLS FIRST) b
        ORDER BY b.distance, b.image_id LIMIT $2) n$statement$,
      space_id,
      CASE WHEN filtered AND mode <> 'candidates' THEN 'JOIN filter_images($4, $5, $6, $7, $8) i ON i.id = p.image_id' ELSE '' END,
      CASE WHEN mode = 'candidates' THEN 'AND p.image_id = ANY ($9)' ELSE '' END)
    END
$$;
COMMENT ON FUNCTION search_regions_statement(integer, text, boolean) IS
  'The statement that search_regions runs, for EXPLAIN. mode: hnsw (regions alone: search_statement gives the whole images), exact, or candidates (exact, over given ids).';

CREATE FUNCTION search_regions(
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
  filtered boolean := num_nonnulls(metadata_contains, filename_contains, sha256_equals, created_after, created_before) > 0;
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
COMMENT ON FUNCTION search_regions(uuid, vector, integer, jsonb, text, text, timestamptz, timestamptz, integer, integer) IS
  'As search_images, over whole images and their regions: the similarity of an image is that of its best part. x, y, width and height are the region that matched, as shares of the image''s sides, and NULL where the whole image did. Finds whole images alone where `semblance index-regions` has not been run.';
