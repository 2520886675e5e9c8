import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp, type App } from '../../src/app.js';
import type { Config } from '../../src/base/config.js';
import { exportGallery } from '../../src/images/archive/export-gallery.js';
import { importArchive } from '../../src/images/archive/import-archive.js';
import { openArchiveStore } from '../../src/images/archive/archive-store.js';
import { findingsOf } from './doctor.js';
import { openHttpDoor, type HttpDoor } from './http-app.js';
import { makeJpeg } from './make-image.js';
import { startPgBouncer } from './pgbouncer.js';
import { makeFolder, waitFor } from './server.js';
import { createServerDatabase, type ServerDatabase } from './server-database.js';
import { testConfig } from './small-model.js';

/** What an administrator may have set for the database, for other programs: each as far from the usual as it goes. */
const ofDatabase: Readonly<Record<string, string>> = {
  timezone: 'Asia/Kathmandu',
  datestyle: 'German',
  intervalstyle: 'sql_standard',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  standard_conforming_strings: 'off',
  search_path: 'nowhere',
  default_transaction_isolation: 'serializable',
  quote_all_identifiers: 'on',
};
/** And for the role. */
const ofRole: Readonly<Record<string, string>> = {
  timezone: 'America/St_Johns',
  datestyle: 'SQL, DMY',
  client_encoding: 'LATIN1',
  row_security: 'off',
  gin_fuzzy_search_limit: '1',
  array_nulls: 'off',
  transform_null_equals: 'on',
  default_transaction_deferrable: 'on',
  plan_cache_mode: 'force_generic_plan',
  enable_indexscan: 'off',
  enable_sort: 'off',
  enable_seqscan: 'off',
  enable_partition_pruning: 'off',
  client_min_messages: 'debug1',
};

interface Door {
  readonly name: string;
  /** Where the server connects to. */
  readonly open: (url: string) => Promise<{ readonly url: string; close(): Promise<void> }>;
  /** Settings that no connection can have otherwise, as doctor tells them. */
  readonly told: readonly string[];
}

const doors = {
  directly: { name: 'directly', open: (url) => Promise.resolve({ url, close: () => Promise.resolve() }), told: [] },
  pgbouncer: {
    name: 'through PgBouncer in transaction mode',
    open: (url) => startPgBouncer(url, 3),
    told: ['bytea_output', 'row_security', 'gin_fuzzy_search_limit', 'enable_indexscan'],
  },
} satisfies Record<string, Door>;

/**
 * What holds on a server whose administrator set all oddly.
 * @param whole false leaves out files, jobs and archives, which take half of the time
 */
export function describeOddSettings(way: keyof typeof doors, { whole }: { readonly whole: boolean }): void {
  const { name, open, told } = doors[way];
  const testOfWhole = whole ? test : undefined;
  describe(`an administrator of a server sets all oddly, ${name}`, () => {
    let database: ServerDatabase;
    let roleUrl: string;

    beforeAll(async () => {
      database = await createServerDatabase();
      const role = await database.createRole();
      roleUrl = role.url;
      const databaseName = new URL(database.url).pathname.slice(1);
      await database.query(`CREATE EXTENSION vector; GRANT CREATE ON DATABASE ${databaseName} TO ${role.name}`);
      const quoted = (value: string): string => (value.includes(',') ? value : `'${value}'`);
      for (const [setting, value] of Object.entries(ofRole)) {
        await database.query(`ALTER ROLE ${role.name} SET ${setting} = ${quoted(value)}`);
      }
      for (const [setting, value] of Object.entries(ofDatabase)) {
        await database.query(`ALTER DATABASE ${databaseName} SET ${setting} = ${quoted(value)}`);
      }
    });

    const began = Date.now();
    let opened: Awaited<ReturnType<typeof open>>;
    let config: Config;
    let app: App;
    let door: HttpDoor;
    const pictures: Buffer[] = [];
    const configOf = (schema: string): Config =>
      testConfig({ DATABASE_URL: opened.url, SEMBLANCE_SCHEMA: schema, SEMBLANCE_DATA_DIR: '/nonexistent' });
    const asSuperuser = async (sql: string) =>
      (await database.query(
        `SET datestyle = ISO; SET timezone = UTC; SET extra_float_digits = 1; SET search_path = ${config.schema}, public; ${sql}`,
      )) as unknown as readonly { readonly rows: readonly Record<string, unknown>[] }[];
    const rowsOf = async (sql: string) => (await asSuperuser(sql)).at(-1)?.rows ?? [];

    beforeAll(async () => {
      opened = await open(roleUrl);
      config = configOf(`odd_${randomBytes(6).toString('hex')}`);
      const log = (): void => undefined;
      app = await buildApp(config, { onLog: log, jobs: { logError: log, log: undefined } });
      await app.ready;
      door = await openHttpDoor(app.operations);
      for (let seed = 0; seed < 8; seed++) pictures.push(await makeJpeg(seed));
    });
    afterAll(async () => {
      await door.close();
      await app.close();
      await opened.close();
      await database.close();
    });

    test('uploads, single images, lists and pages tell the same image, and its time', async () => {
      const uploaded = [];
      for (const [seed, bytes] of pictures.entries()) {
        const metadata = { label: seed % 2 === 0 ? 'even' : 'odd', path: `C:\\new\\${seed}`, ratio: 0.1 + 0.2 };
        uploaded.push((await door.client.upload(bytes, `${seed} ü 💡 it's.jpg`, metadata)).image);
      }
      for (const image of uploaded) {
        const time = Date.parse(image.createdAt);
        expect(time).toBeGreaterThan(began - 60_000);
        expect(time).toBeLessThan(Date.now() + 60_000);
        expect(image.metadata['ratio']).toBe(0.1 + 0.2);
        const { image: read } = await door.client.data<{ image: { createdAt: string; metadata: unknown } }>(
          'query ($id: ID!) { image(id: $id) { createdAt filename metadata } }',
          { id: image.id },
        );
        expect(read).toEqual({ createdAt: image.createdAt, filename: image.filename, metadata: image.metadata });
      }
      const listed: unknown[] = [];
      for (let after: string | null = null; ;) {
        const page: {
          images: { edges: { node: unknown }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
        } = await door.client.data(
          'query ($after: String) { images(first: 5, after: $after) { edges { node { id createdAt } } pageInfo { hasNextPage endCursor } } }',
          { after },
        );
        listed.push(...page.images.edges.map(({ node }) => node));
        if (!page.images.pageInfo.hasNextPage) break;
        after = page.images.pageInfo.endCursor;
      }
      expect(listed).toEqual(uploaded.map(({ id, createdAt }) => ({ id, createdAt })).reverse());
      const [stored] = await rowsOf(
        `SELECT to_char(max(created_at), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS last FROM image`,
      );
      expect(stored?.['last']).toBe(uploaded.at(-1)?.createdAt);
    });

    test('filters by time, metadata and name let pass what they should', async () => {
      const all = await door.client.allImages();
      const [fifth] = all.slice(4);
      if (fifth === undefined) throw new Error('Eight images were stored');
      const countOf = async (filter: object) =>
        (
          await door.client.data<{ images: { totalCount: number } }>(
            'query ($filter: ImageFilter) { images(first: 1, filter: $filter) { totalCount } }',
            { filter },
          )
        ).images.totalCount;
      expect(await countOf({ createdAfter: fifth.createdAt })).toBe(5);
      expect(await countOf({ createdBefore: fifth.createdAt })).toBe(4);
      expect(await countOf({ metadata: { label: 'even' } })).toBe(4);
      expect(await countOf({ metadata: { path: 'C:\\new\\3' } })).toBe(1);
      expect(await countOf({ filenameContains: "ü 💡 IT'S" })).toBe(all.length);
      expect(await countOf({ sha256: fifth.sha256 })).toBe(1);
    });

    testOfWhole?.('bytes come back as they were, and metadata is changed', async () => {
      const [last] = await door.client.allImages();
      if (last === undefined) throw new Error('Images were stored');
      expect((await door.client.get(last.url)).body.equals(pictures.at(-1) ?? Buffer.alloc(0))).toBe(true);
      expect((await door.client.get(last.thumbnailUrl)).status).toBe(200);
      const metadata = { label: 'odd', "it's": 'C:\\temp' };
      const { updateImage } = await door.client.data<{ updateImage: { image: unknown } }>(
        'mutation ($id: ID!, $metadata: JSON!) { updateImage(id: $id, metadata: $metadata) { image { createdAt metadata } } }',
        { id: last.id, metadata },
      );
      expect(updateImage.image).toEqual({ createdAt: last.createdAt, metadata });
    });

    test('searches give every digit of a similarity, and regions theirs', async () => {
      const [first] = await door.client.allImages();
      const id = first?.id ?? '';
      const hits = await door.client.similar(id, { k: 7 });
      const rows = await rowsOf(`SELECT id, similarity FROM similar_images('${id}', 7) ORDER BY rank`);
      expect(hits.map(({ image, similarity }) => ({ id: image.id, similarity }))).toEqual(rows);
      expect(new Set(hits.map(({ similarity }) => similarity)).size).toBeGreaterThan(5);
      expect((await door.client.search(pictures[2] ?? Buffer.alloc(0), { k: 1 }))[0]?.similarity).toBeCloseTo(1, 5);
      const filter = { metadata: { label: 'even' }, createdBefore: new Date(Date.now() + 60_000).toISOString() };
      expect(await door.client.similar(id, { k: 7, filter })).toHaveLength(4);

      const { store } = app;
      const space = await store.activeSpace();
      if (space === undefined) throw new Error('There is an active space');
      const [embedding] = (await store.readEmbeddings(space.id, [id])).values();
      if (embedding === undefined) throw new Error('The image has an embedding');
      const region = { x: 0.3, y: 0.1234567, width: 0.6, height: 0.2 };
      await store.insertRegions(space.id, id, [{ region, embedding: embedding.map((value, n) => value * (n % 2)) }]);
      const found = await store.searchRegions(
        embedding.map((value, n) => value * (n % 2)),
        { k: 1 },
      );
      expect(found.hits[0]).toMatchObject({ image: { id }, region });
      const [row] = await rowsOf(`SELECT norm FROM embedding WHERE image_id = '${id}'`);
      expect(Math.hypot(...embedding)).toBeCloseTo(Number(row?.['norm']), 4);
    });

    testOfWhole?.('a job makes and fills a space, and tells when', async () => {
      const { createSpace: job } = await door.client.data<{ createSpace: { id: string } }>(
        'mutation { createSpace(name: "colours", method: "color") { id } }',
      );
      type Job = {
        readonly state: string;
        readonly createdAt: string;
        readonly startedAt: string;
        readonly finishedAt: string;
      };
      let ended: Job | undefined;
      await waitFor('the job', async () => {
        const { jobs } = await door.client.data<{ jobs: readonly (Job & { readonly id: string })[] }>(
          '{ jobs(first: 5) { id state createdAt startedAt finishedAt } }',
        );
        ended = jobs.find(({ id }) => id === job.id);
        return ended !== undefined && !['QUEUED', 'RUNNING'].includes(ended.state);
      });
      expect(ended?.state).toBe('DONE');
      const times = [ended?.createdAt, ended?.startedAt, ended?.finishedAt].map((time) => Date.parse(time ?? ''));
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(Math.abs((times[0] ?? 0) - Date.now())).toBeLessThan(600_000);
      expect(await app.operations.activateSpace({ name: 'colours' })).toMatchObject({ missing: 0 });
      await app.operations.activateSpace({ name: 'semblance-compact' });
    });

    testOfWhole?.('an export and its import elsewhere keep every time, number and byte', async () => {
      const folder = await makeFolder();
      const path = join(folder, 'gallery.tar');
      const from = await openArchiveStore(config);
      await exportGallery(from, { target: path });
      await from.close();
      const copyConfig = configOf(`copy_${randomBytes(6).toString('hex')}`);
      const to = await openArchiveStore(copyConfig);
      await importArchive(to, { source: path, decoder: app.context.decoder, maxUploadBytes: config.maxUploadBytes });
      await to.close();
      const contents = (schema: string) =>
        rowsOf(`SELECT md5(string_agg(i::text || c::text || e.norm || e.embedding::text || coalesce(r.x::text || r.y, ''), ';' ORDER BY i.id, s.name)) AS all
          FROM ${schema}.image i JOIN ${schema}.image_content c ON c.image_id = i.id JOIN ${schema}.embedding e ON e.image_id = i.id
          JOIN ${schema}.embedding_space s ON s.id = e.space_id LEFT JOIN ${schema}.region r ON r.image_id = i.id`);
      expect(await contents(copyConfig.schema)).toEqual(await contents(config.schema));
    });

    test('changes of one row at the same time all succeed, one after another', async () => {
      const [first] = await door.client.allImages();
      const id = first?.id ?? '';
      const answers = await Promise.allSettled(
        Array.from({ length: 12 }, (_, n) => app.store.updateMetadata(id, { label: 'odd', n })),
      );
      expect(answers.filter(({ status }) => status === 'rejected')).toEqual([]);
      const same = await makeJpeg(500);
      const stored = await Promise.all(Array.from({ length: 6 }, () => door.client.upload(same)));
      expect(stored.filter(({ created }) => created)).toHaveLength(1);
    });

    test('doctor tells the settings that do harm, with what mends them, and nothing else', async () => {
      const findings = await findingsOf({
        DATABASE_URL: opened.url,
        SEMBLANCE_SCHEMA: config.schema,
        SEMBLANCE_DATA_DIR: '/nonexistent',
      });
      const problems = findings.filter(({ level }) => level === 'problem');
      expect(problems.map(({ check }) => check)).toEqual(told.map(() => 'settings'));
      for (const [index, setting] of told.entries()) {
        expect(problems[index]?.message).toMatch(new RegExp(`^The setting ${setting} is `));
        expect(problems[index]?.remedy).toMatch(
          new RegExp(`^Run as an administrator: ALTER ROLE "role_\\w+" IN DATABASE "test_\\w+" SET ${setting} = `),
        );
      }
    });
  });
}
