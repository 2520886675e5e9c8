import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { buildApp, type App } from '../../../src/app.js';
import type { Config } from '../../../src/base/config.js';
import { exportGallery } from '../../../src/images/archive/export-gallery.js';
import { importArchive } from '../../../src/images/archive/import-archive.js';
import { openArchiveStore } from '../../../src/images/archive/archive-store.js';
import { diagnoseDatabase } from '../../../src/database/diagnosis/database.js';
import { migrateStore } from '../../../src/database/open-store.js';
import { onlyError } from '../../support/client.js';
import { testStoreKinds } from '../../support/database.js';
import { openHttpDoor, type HttpDoor } from '../../support/http-app.js';
import { makeJpeg } from '../../support/make-image.js';
import { cleanUp, makeFolder } from '../../support/server.js';
import { createServerDatabase, type ServerDatabase } from '../../support/server-database.js';
import { testConfig } from '../../support/small-model.js';

afterAll(cleanUp);

const refusal = { code: 'CONFLICT', message: 'Refused by a rule of this database' };

describe.each(testStoreKinds().filter((kind) => kind === 'server'))('what others add to the database of a %s', () => {
  let database: ServerDatabase;
  /** Of a role that owns nothing, as policies do not hold an owner. */
  let role: string;
  let app: App;
  let door: HttpDoor;
  let config: Config;
  const logged: string[] = [];
  let seed = 0;

  const store = () => app.store;
  const findings = async (level: 'problem' | 'advice') =>
    (await diagnoseDatabase(config, () => Promise.resolve([])))
      .filter((finding) => finding.level === level)
      .map(({ check, message }) => `${check}: ${message}`);
  const problems = () => findings('problem');
  /** Statements of somebody else, taken back at the end of the test. */
  const add = async (sql: string, remove: string) => {
    await database.query(`SET search_path = semblance, public; ${sql}`);
    onTestFinished(async () => {
      await database.query(`SET search_path = semblance, public; ${remove}`);
    });
  };
  const raise = (event: string, table: string, raised: string) => ({
    sql: `CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${raised}; END $$;
          CREATE TRIGGER guard BEFORE ${event} ON ${table} FOR EACH ROW EXECUTE FUNCTION public.guard()`,
    remove: `DROP TRIGGER guard ON ${table}; DROP FUNCTION public.guard()`,
  });
  const countOf = async (table: string) =>
    (await database.query(`SELECT count(*)::integer AS count FROM semblance.${table}`)).rows[0]?.['count'];

  beforeAll(async () => {
    database = await createServerDatabase();
    const made = await database.createRole();
    role = made.name;
    await database.query('CREATE EXTENSION vector');
    config = testConfig({
      DATABASE_URL: made.url,
      SEMBLANCE_ADMIN_DATABASE_URL: database.url,
      SEMBLANCE_DATA_DIR: '/nonexistent',
    });
    await migrateStore(config);
    app = await buildApp(config, { onLog: (message) => logged.push(message) });
    await app.ready;
    door = await openHttpDoor(app.operations);
    for (; seed < 6; seed++) await door.client.upload(await makeJpeg(seed), `${seed}.jpg`, { tenant: seed % 2 });
    return async () => {
      await door.close();
      await app.close();
      await database.close();
    };
  });

  test('numbers that an upload refuses are exported digit by digit, and refused by an import that names the image', async () => {
    const metadata = '{"id":9007199254740993,"part":0.12345678901234567890123}';
    await add(
      `UPDATE image SET metadata = '${metadata}' WHERE filename = '0.jpg'`,
      `UPDATE image SET metadata = '{"tenant": 0}' WHERE filename = '0.jpg'`,
    );
    const { rows } = await database.query("SELECT id FROM semblance.image WHERE filename = '0.jpg'");
    const id = String(rows[0]?.['id']);
    const source = `${await makeFolder()}/gallery`;
    const archive = await openArchiveStore(config);
    try {
      await exportGallery(archive, { target: source });
      expect(await readFile(`${source}/images/${id}/image.json`, 'utf8')).toContain(`"metadata":${metadata}`);
      const { decoder } = app.context;
      const imported = importArchive(archive, { source, decoder, maxUploadBytes: config.maxUploadBytes });
      await expect(imported).rejects.toThrow(
        `the image ${id} is not valid: metadata: 9007199254740992 is no JSON value`,
      );
    } finally {
      await archive.close();
    }
  });

  describe('is harmless', () => {
    test.each([
      ['a column', 'ALTER TABLE image ADD COLUMN tenant text', 'ALTER TABLE image DROP COLUMN tenant'],
      [
        'columns with defaults, in every table',
        `ALTER TABLE image ADD COLUMN tenant text NOT NULL DEFAULT 'a';
         ALTER TABLE image_content ADD COLUMN note text; ALTER TABLE embedding ADD COLUMN weight real NOT NULL DEFAULT 1;
         ALTER TABLE region ADD COLUMN weight real; ALTER TABLE embedding_space ADD COLUMN owner text DEFAULT 'me';
         ALTER TABLE job ADD COLUMN priority integer NOT NULL DEFAULT 0; ALTER TABLE scorer ADD COLUMN note text;
         ALTER TABLE api_key ADD COLUMN note text; ALTER TABLE server_secret ADD COLUMN note text`,
        `ALTER TABLE image DROP COLUMN tenant; ALTER TABLE image_content DROP COLUMN note; ALTER TABLE embedding DROP COLUMN weight;
         ALTER TABLE region DROP COLUMN weight; ALTER TABLE embedding_space DROP COLUMN owner; ALTER TABLE job DROP COLUMN priority;
         ALTER TABLE scorer DROP COLUMN note; ALTER TABLE api_key DROP COLUMN note; ALTER TABLE server_secret DROP COLUMN note`,
      ],
      [
        'a generated column, in partitions as well',
        `ALTER TABLE image ADD COLUMN label text GENERATED ALWAYS AS (metadata ->> 'label') STORED;
         ALTER TABLE embedding ADD COLUMN halved real GENERATED ALWAYS AS (norm / 2) STORED`,
        'ALTER TABLE image DROP COLUMN label; ALTER TABLE embedding DROP COLUMN halved',
      ],
      ['an index', 'CREATE INDEX mine ON image (lower(filename))', 'DROP INDEX mine'],
      ['a comment', `COMMENT ON TABLE image IS 'of the shop'`, 'COMMENT ON TABLE image IS NULL'],
      [
        'a trigger that notifies',
        `CREATE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN PERFORM pg_notify('image', coalesce(new.id, old.id)::text); RETURN NULL; END $$;
         CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON image FOR EACH ROW EXECUTE FUNCTION public.tell()`,
        'DROP TRIGGER tell ON image; DROP FUNCTION public.tell()',
      ],
      [
        'a foreign key from a table of theirs',
        'CREATE TABLE public.product (image_id uuid REFERENCES image (id) ON DELETE CASCADE)',
        'DROP TABLE public.product',
      ],
      [
        'a foreign key to a table of theirs',
        `CREATE TABLE public.tenant (id integer PRIMARY KEY); INSERT INTO public.tenant VALUES (0);
         ALTER TABLE image ADD COLUMN tenant_id integer NOT NULL DEFAULT 0 REFERENCES public.tenant (id)`,
        'ALTER TABLE image DROP COLUMN tenant_id; DROP TABLE public.tenant',
      ],
    ])('%s', async (_, sql, remove) => {
      await add(sql, remove);
      const bytes = await makeJpeg(seed++);
      const { image } = await door.client.upload(bytes, 'added.jpg', { label: 'added' });
      expect(await door.client.totalCount()).toBe(7);
      expect((await door.client.allImages())[0]).toEqual(image);
      const filter = { metadata: { label: 'added' }, filenameContains: 'ADDED' };
      expect(await store().countImages(filter)).toBe(1);
      expect((await door.client.search(bytes, { k: 1, filter }))[0]?.image.id).toBe(image.id);
      expect(await door.client.similar(image.id, { k: 10 })).toHaveLength(6);
      expect((await store().updateMetadata(image.id, { label: 'changed' }))?.metadata).toEqual({ label: 'changed' });
      const space = await store().createSpace({
        name: 'other',
        model: 'm',
        modelSha256: 'a'.repeat(64),
        preprocessingSha256: 'b'.repeat(64),
        dimensions: 2,
      });
      expect(await store().insertEmbeddings(space.id, [{ imageId: image.id, embedding: Float32Array.of(1, 2) }])).toBe(
        1,
      );
      const part = { region: { x: 0, y: 0, width: 1, height: 1 }, embedding: Float32Array.of(1, 2) };
      expect(await store().insertRegions(space.id, image.id, [part])).toBe(true);
      await store().saveScorer(space.id, 'labels', {});
      const job = await store().createJob({ id: image.id, kind: 'none', input: {} });
      expect((await store().cancelJob(job.id))?.stage).toBe('');
      await database.query('DELETE FROM semblance.job');
      const archive = await openArchiveStore(config);
      await exportGallery(archive, { target: `${await makeFolder()}/gallery.tar` });
      await archive.close();
      expect(await store().removeSpace(space.id)).toBe(true);
      expect(await problems()).toEqual([]);
      expect(await store().deleteImage(image.id)).toBe(true);
    });
  });

  describe('refuses', () => {
    test.each([
      {
        what: 'a CHECK',
        sql: `ALTER TABLE image ADD CONSTRAINT no_secrets CHECK (filename !~ 'secret')`,
        remove: 'ALTER TABLE image DROP CONSTRAINT no_secrets',
        detail: /violates check constraint "no_secrets"/,
      },
      {
        what: 'a unique index',
        sql: `CREATE UNIQUE INDEX one_secret ON image ((filename ~ 'secret')) WHERE filename ~ 'secret|^0';
              UPDATE image SET filename = 'secret 0' WHERE filename = '0.jpg'`,
        remove: `DROP INDEX one_secret; UPDATE image SET filename = '0.jpg' WHERE filename = 'secret 0'`,
        detail: /violates unique constraint "one_secret"/,
      },
      {
        what: 'a trigger',
        ...raise('INSERT', 'image', `RAISE EXCEPTION 'no secrets: %', new.filename`),
        detail: /no secrets: a secret\.jpg.*guard\(\) line 1 at RAISE/s,
      },
      {
        what: 'a trigger under an SQLSTATE of its own',
        ...raise('INSERT', 'image_content', `RAISE 'quota' USING ERRCODE = 'insufficient_privilege'`),
        detail: /quota/,
      },
      {
        what: 'a policy',
        sql: `ALTER TABLE image ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON image USING (true) WITH CHECK (filename !~ 'secret')`,
        remove: 'DROP POLICY mine ON image; ALTER TABLE image DISABLE ROW LEVEL SECURITY',
        detail: /violates row-level security policy/,
      },
      {
        what: 'a column without a default',
        sql: 'ALTER TABLE embedding ADD COLUMN tenant integer; ALTER TABLE embedding ADD CHECK (tenant IS NOT NULL) NOT VALID',
        remove: 'ALTER TABLE embedding DROP COLUMN tenant',
        detail: /violates check constraint/,
      },
    ])('$what: the client is told so, the log what it said, and nothing is left or tried again', async (rule) => {
      // The partitions of a policy's role and of a constraint alike.
      await add(rule.sql, rule.remove);
      const stored = await countOf('image');
      logged.length = 0;
      const encode = vi.spyOn(app.context.encoders, 'encode');
      onTestFinished(() => {
        encode.mockRestore();
      });
      const error = onlyError(await door.client.uploadAnswer(await makeJpeg(seed++), 'a secret.jpg'));
      expect({ message: error.message, code: error.extensions?.['code'] }).toEqual(refusal);
      expect(JSON.stringify(error)).not.toMatch(/constraint|policy|guard|no secrets|quota/);
      expect(encode).toHaveBeenCalledTimes(1);
      expect(logged).toEqual([expect.stringMatching(rule.detail)]);
      expect(await countOf('image')).toBe(stored);
      expect(app.store.state).toEqual({ kind: 'ready' });
    });

    test('changes, deletions, jobs and spaces likewise', async () => {
      const [image] = await door.client.allImages();
      const id = image?.id ?? '';
      const rules = [
        [raise('UPDATE', 'image', `RAISE EXCEPTION 'frozen'`), () => store().updateMetadata(id, { a: 1 })],
        [raise('DELETE', 'image', `RAISE EXCEPTION 'frozen'`), () => store().deleteImage(id)],
        [raise('INSERT', 'job', `RAISE EXCEPTION 'no jobs'`), () => store().createJob({ id, kind: 'none', input: {} })],
        [
          raise('INSERT', 'embedding_space', `RAISE EXCEPTION 'no spaces'`),
          () => app.operations.createSpace({ name: 'x', recipe: 'color' }),
        ],
        [
          raise('INSERT', 'api_key', `RAISE EXCEPTION 'no keys'`),
          () =>
            store().createApiKey({
              id: '0'.repeat(16),
              name: 'x',
              scope: 'read',
              sha256: Buffer.alloc(32),
              expiresAt: undefined,
            }),
        ],
      ] as const;
      for (const [{ sql, remove }, change] of rules) {
        await database.query(`SET search_path = semblance, public; ${sql}`);
        await expect(change()).rejects.toMatchObject(refusal);
        await database.query(`SET search_path = semblance, public; ${remove}`);
      }
      expect((await store().findImage(id))?.metadata).toEqual(image?.metadata);
    });

    test('a policy: a change of a row into one that it forbids', async () => {
      await add(
        `ALTER TABLE image ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON image USING (true) WITH CHECK (NOT metadata ? 'forbidden')`,
        'DROP POLICY mine ON image; ALTER TABLE image DISABLE ROW LEVEL SECURITY',
      );
      const [image] = await door.client.allImages();
      await expect(store().updateMetadata(image?.id ?? '', { forbidden: 1 })).rejects.toMatchObject(refusal);
    });

    test('a trigger that passes rows over: the upload fails and says why', async () => {
      const rule = raise('INSERT', 'image', 'RETURN NULL');
      await add(rule.sql, rule.remove);
      const error = onlyError(await door.client.uploadAnswer(await makeJpeg(seed++)));
      expect(error.extensions?.['code']).toBe('CONFLICT');
      expect(error.message).toMatch(/a rule of this database passes it over/);
    });
  });

  describe('is told by doctor', () => {
    const noSpaces = raise('INSERT', 'embedding_space', `RAISE EXCEPTION 'no spaces'`);
    const passesOver = raise('INSERT', 'image', 'RETURN NULL');

    test.each([
      [
        'a column that Semblance does not fill',
        'ALTER TABLE job ADD COLUMN tenant text NOT NULL',
        'ALTER TABLE job DROP COLUMN tenant',
        /^columns: The table job has a column of yours that Semblance does not fill: null value in column "tenant"/,
      ],
      [
        'a constraint on what is no image',
        'ALTER TABLE api_key ADD CONSTRAINT none CHECK (false) NOT VALID',
        'ALTER TABLE api_key DROP CONSTRAINT none',
        /^writes: The database takes no rows in the table api_key: .*"none"/,
      ],
      [
        'a policy that lets nothing in',
        'ALTER TABLE image_content ENABLE ROW LEVEL SECURITY',
        'ALTER TABLE image_content DISABLE ROW LEVEL SECURITY',
        /^writes: The database takes no images: new row violates row-level security policy/,
      ],
      [
        'a policy on a table of which every server has to see all',
        `ALTER TABLE job ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON job USING (true) WITH CHECK (kind <> 'doctor')`,
        'DROP POLICY mine ON job; ALTER TABLE job DISABLE ROW LEVEL SECURITY',
        /^writes: The database takes no rows in the table job: new row violates row-level security policy/,
      ],
      [
        'a policy of another role, which lets this one store nothing',
        'ALTER TABLE image ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON image TO CURRENT_USER USING (true)',
        'DROP POLICY mine ON image; ALTER TABLE image DISABLE ROW LEVEL SECURITY',
        /^writes: The database takes no images: new row violates row-level security policy/,
      ],
      [
        'a trigger that refuses spaces, and not the scorers that need one',
        noSpaces.sql,
        noSpaces.remove,
        /^writes: The database takes no rows in the table embedding_space: no spaces/,
      ],
      [
        'a trigger that passes rows over',
        passesOver.sql,
        passesOver.remove,
        /^writes: The database takes no images: a rule of this database passes the row over/,
      ],
    ])('%s', async (_, sql, remove, told) => {
      const before = await countOf('job');
      await add(sql, remove);
      expect(await problems()).toEqual([expect.stringMatching(told)]);
      expect(await countOf('job')).toBe(before);
    });

    test('as no problem: a policy that refuses the trial row and takes rows like those that are stored', async () => {
      await add(
        `ALTER TABLE image ENABLE ROW LEVEL SECURITY;
         CREATE POLICY tenant ON image TO ${role} USING (metadata ->> 'tenant' = '1') WITH CHECK (metadata ->> 'tenant' = '1');
         ALTER TABLE image_content ADD CONSTRAINT none CHECK (false) NOT VALID`,
        `DROP POLICY tenant ON image; ALTER TABLE image DISABLE ROW LEVEL SECURITY;
         ALTER TABLE image_content DROP CONSTRAINT none`,
      );
      expect((await findings('advice')).filter((line) => line.startsWith('writes'))).toEqual([]);
      // What the policy refuses keeps doctor from no other table.
      expect(await problems()).toEqual([expect.stringMatching(/^writes: The database takes no images: .*"none"/)]);
    });

    test('as advice: a policy of which no stored image shows what it takes', async () => {
      await add(
        `ALTER TABLE image ENABLE ROW LEVEL SECURITY;
         CREATE POLICY tenant ON image TO ${role} USING (metadata ->> 'tenant' = 'new') WITH CHECK (metadata ->> 'tenant' = 'new')`,
        'DROP POLICY tenant ON image; ALTER TABLE image DISABLE ROW LEVEL SECURITY',
      );
      expect(await problems()).toEqual([]);
      expect((await findings('advice')).filter((line) => line.startsWith('writes'))).toEqual([
        expect.stringMatching(/^writes: A policy refuses the trial row of the table image: new row violates row-level/),
      ]);
    });

    test('a role whose statements heed no trigger and no foreign key', async () => {
      await add(
        `ALTER ROLE ${role} SET session_replication_role = replica`,
        `ALTER ROLE ${role} RESET session_replication_role`,
      );
      expect(await problems()).toEqual([
        `settings: The setting session_replication_role is "replica" for the role ${role}, so what belongs to a deleted image stays, and no trigger or foreign key is heeded.`,
      ]);
    });
  });

  describe('hides rows by a policy', () => {
    const hides = `metadata ->> 'tenant' = '1'`;
    let hidden: readonly string[];
    let shown: readonly string[];

    beforeAll(async () => {
      const all = await door.client.allImages();
      const idsOf = (tenant: number) => all.filter(({ metadata }) => metadata['tenant'] === tenant).map(({ id }) => id);
      [hidden, shown] = [idsOf(0), idsOf(1)];
      await database.query(
        `ALTER TABLE semblance.image ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON semblance.image USING (${hides})`,
      );
      return async () => {
        await database.query(
          'DROP POLICY mine ON semblance.image; ALTER TABLE semblance.image DISABLE ROW LEVEL SECURITY',
        );
      };
    });

    test('a hidden image is in no list, no search, under no id, and its bytes are not served', async () => {
      expect([hidden.length, shown.length]).toEqual([3, 3]);
      expect((await door.client.allImages()).map(({ id }) => id).sort()).toEqual([...shown].sort());
      const [one = ''] = shown;
      const [none = ''] = hidden;
      expect((await door.client.similar(one, { k: 10 })).map(({ image }) => image.id).sort()).toEqual(
        shown.filter((id) => id !== one).sort(),
      );
      expect(await door.client.search(await makeJpeg(0), { k: 10 })).toHaveLength(3);
      await expect(store().searchByImage(none, { k: 3 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await store().findImage(none)).toBeUndefined();
      expect(await store().readOriginal(none)).toBeUndefined();
      expect(await store().readThumbnail(none)).toBeUndefined();
      expect(await store().deleteImage(none)).toBe(false);
      expect(await store().updateMetadata(none, {})).toBeUndefined();
      expect((await store().listSpaces())[0]).toMatchObject({ missingCount: 0 });
    });

    test('a search through the index passes hidden images over and gives as many as were asked for', async () => {
      for (const search of ['search_images', 'search_regions']) {
        const { rows } = await database
          .query(
            `SET ROLE ${role}; SELECT image_id, mode FROM semblance.${search}('${shown[0] ?? ''}', NULL, 2, exact_max_images => 0)`,
          )
          .then(
            (results) =>
              (results as unknown as readonly { readonly rows: readonly Record<string, unknown>[] }[])[1] ?? {
                rows: [],
              },
          );
        expect(rows.map((row) => row['mode'])).toEqual(['hnsw', 'hnsw']);
        expect(rows.map((row) => row['image_id']).sort()).toEqual(shown.slice(1).sort());
      }
    });

    test('an owner sees all, unless the policy is forced on owners', async () => {
      const seen = async () =>
        (
          await database
            .query(
              `SET ROLE owner_of_images; SELECT count(*)::integer AS count FROM semblance.similar_images('${shown[0] ?? ''}', 10)`,
            )
            .then(
              (results) =>
                (results as unknown as readonly { readonly rows: readonly Record<string, unknown>[] }[])[1]?.rows[0],
            )
        )?.['count'];
      await database.query(
        `CREATE ROLE owner_of_images; GRANT ALL ON SCHEMA semblance TO owner_of_images;
         GRANT SELECT ON ALL TABLES IN SCHEMA semblance TO owner_of_images; ALTER TABLE semblance.image OWNER TO owner_of_images`,
      );
      onTestFinished(async () => {
        await database.query(
          'ALTER TABLE semblance.image NO FORCE ROW LEVEL SECURITY; REASSIGN OWNED BY owner_of_images TO CURRENT_USER; DROP OWNED BY owner_of_images; DROP ROLE owner_of_images',
        );
      });
      expect(await seen()).toBe(5);
      await database.query('ALTER TABLE semblance.image FORCE ROW LEVEL SECURITY');
      expect(await seen()).toBe(2);
    });
  });
});

if (!testStoreKinds().includes('server')) {
  test('what others add to a database takes a server', () => {
    expect(testStoreKinds()).toEqual(['memory']);
  });
}
