-- Who may do what: API keys, and the secret that signed links to images are made with.
--
-- Why: a server that others reach asks for credentials; every server on the database has to know the same ones.
-- When: at the first start of a version with keys, or with `semblance migrate`. What is stored stays.
-- How: a key is 256 random bits, so its SHA-256 is enough: there is nothing to guess that a slow hash would protect. It is looked up
--   by its id, which is no secret and names it in lists and logs. A revoked key stays as a row, that its name is not lost from the record.
-- Bounds: no look at other tables' rows. Neither table is a shard's.

DO $$
BEGIN
  IF to_regclass('image') IS NULL THEN
    RAISE EXCEPTION 'Semblance''s tables are missing: apply the migrations in their order'
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END
$$;

CREATE TABLE api_key (
  id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{16}$'),
  name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
  scope text NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  expires_at timestamptz(3),
  revoked_at timestamptz(3)
);
COMMENT ON TABLE api_key IS 'API keys; see semblance keys.';
COMMENT ON COLUMN api_key.id IS 'The part of the key that is no secret.';
COMMENT ON COLUMN api_key.scope IS 'write includes read, admin includes both.';
COMMENT ON COLUMN api_key.sha256 IS 'Of the whole key, which is shown once and kept nowhere.';

CREATE TABLE server_secret (
  name text PRIMARY KEY,
  secret bytea NOT NULL CHECK (octet_length(secret) >= 32),
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
COMMENT ON TABLE server_secret IS 'What the servers on this database share and no client may know. Deleting a row makes a new one at the next start.';
