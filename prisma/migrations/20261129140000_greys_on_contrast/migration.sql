-- Grey renditions that show a transparent picture as models see it, on a background that contrasts with it, in place of white.
--
-- Why: two different white logos on transparency had the same rendition, and re-rankers of pixels took them for one picture.
-- When: at the first start of a version that says so, or with `semblance migrate`. What is stored stays.
-- How: a column tells how a rendition was made. One that was made on white, by an earlier version or by a server of one that still runs,
--   counts as missing and is made anew when it is next asked for; that of a JPEG, which is opaque, stays.
-- Bounds: no row is read or written, however many there are. The moment's lock that a new column takes is asked for a second at a time, so
--   that nobody has to wait behind this migration while it waits for a dump or an export to end.

DO $$
BEGIN
  IF to_regclass('image_content') IS NULL THEN
    RAISE EXCEPTION 'Semblance''s tables are missing: apply the migrations in their order'
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END
$$;

DO $$
BEGIN
  PERFORM set_config('lock_timeout', '1s', true);
  LOOP
    BEGIN
      ALTER TABLE image_content ADD COLUMN grey_on_contrast boolean NOT NULL DEFAULT false;
      EXIT;
    EXCEPTION WHEN lock_not_available THEN
      PERFORM pg_sleep(1);
    END;
  END LOOP;
END
$$;
COMMENT ON COLUMN image_content.grey_on_contrast IS 'Whether grey shows a transparent picture on a background that contrasts with it; false for one on white, as earlier versions made it. Of no meaning where grey is NULL or the image a JPEG.';
