import { createHash, randomBytes } from 'node:crypto';
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { list } from 'tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp, type App } from '../../../src/app.js';
import { loadConfig, type Config } from '../../../src/config.js';
import { exportGallery } from '../../../src/operations/archive/export-gallery.js';
import { importArchive, type ImportArchiveInput } from '../../../src/operations/archive/import-archive.js';
import { openArchiveStore } from '../../../src/store/archive-store.js';
import { testDatabaseUrl } from '../../support/database.js';
import { makeJpeg } from '../../support/make-image.js';
import { persistentStores } from '../../support/persistent-app.js';
import { cleanUp, makeFolder, runProgram } from '../../support/server.js';

type Kind = 'embedded' | 'server';

const images = 5;
const [home] = persistentStores();
if (home === undefined) throw new Error('There is no store to run on');
/** From and to; between the two stores wherever there are two. */
const moves: readonly (readonly [Kind, Kind])[] =
  testDatabaseUrl !== undefined && testDatabaseUrl !== ''
    ? [
        ['embedded', 'server'],
        ['server', 'embedded'],
      ]
    : [[home, home]];

afterAll(cleanUp);

async function configOf(kind: Kind): Promise<Config> {
  return loadConfig({
    SEMBLANCE_DATA_DIR: join(await makeFolder(), 'data'),
    ...(kind === 'server' && {
      DATABASE_URL: testDatabaseUrl,
      SEMBLANCE_SCHEMA: `archive_${randomBytes(6).toString('hex')}`,
    }),
  });
}

async function withApp<T>(config: Config, work: (app: App) => Promise<T>): Promise<T> {
  const app = await buildApp(config);
  try {
    await app.ready;
    return await work(app);
  } finally {
    await app.close();
  }
}

/**
 * A gallery with two live spaces, regions, a scorer and a retired space.
 * @returns what a client sees of it
 */
async function fill(config: Config): Promise<Seen> {
  return withApp(config, async (app) => {
    const { operations, store } = app;
    for (let seed = 0; seed < images; seed++) {
      await operations.uploadImage({
        bytes: await makeJpeg(100 + seed),
        filename: `${seed} ü.jpg`,
        metadata: { label: seed % 2 === 0 ? 'even' : 'odd', nested: { seed } },
        priority: 'query',
      });
    }
    await operations.createSpace({ name: 'greys', recipe: 'grey' });
    await operations.backfillSpace({ name: 'greys' });
    await operations.indexRegions({ space: 'greys' });
    await operations.createSpace({ name: 'old', recipe: 'hog' });
    await operations.retireSpace('old');
    const [active] = await store.liveSpaces();
    await store.saveScorer(active?.id ?? 0, 'heuristic', { anything: [1, 2.5] });
    return seen(app);
  });
}

type Seen = Awaited<ReturnType<typeof seen>>;

/** All that a client can see, searches of all spaces included. */
async function seen(app: App) {
  const { operations, store } = app;
  const { edges } = await operations.listImages({ first: 100 });
  const ids = edges.map(({ node }) => node.id);
  const answers: { readonly id: string; readonly similarity: number; readonly region: unknown }[][] = [];
  for (const imageId of ids) {
    for (const search of [{}, { space: 'greys' }, { space: 'greys', searchRegions: true }]) {
      const { hits } = await operations.similarImages({ imageId, k: 4, ...search });
      answers.push(hits.map(({ image, similarity, region }) => ({ id: image.id, similarity, region })));
    }
  }
  const spaces = await store.listSpaces();
  const scorers = await store.listScorers();
  return {
    images: edges.map(({ node }) => node),
    originals: await Promise.all(ids.map(async (id) => digest((await operations.readOriginal(id))?.bytes))),
    thumbnails: await Promise.all(ids.map(async (id) => digest(await operations.readThumbnail(id)))),
    greys: [...(await store.readGreys(ids))].map(([id, grey]) => `${id} ${digest(grey)}`).sort(),
    answers,
    spaces: spaces
      .map(({ id: _id, createdAt: _at, jobId: _job, ...space }) => space)
      .sort((a, b) => a.name.localeCompare(b.name)),
    fitted: new Map(await Promise.all(spaces.map(async ({ id, name }) => [name, await store.readFitted(id)] as const))),
    scorers: await Promise.all(
      scorers.map(async ({ spaceId, kind }) => [
        spaces.find(({ id }) => id === spaceId)?.name,
        await store.readScorer(spaceId, kind),
      ]),
    ),
  };
}

/** The same answers in the same order; the two builds of pgvector round similarities in another way. */
function alike(before: Seen): unknown {
  const answers = before.answers.map((hits) =>
    hits.map((hit) => ({ ...hit, similarity: expect.closeTo(hit.similarity, 5) as number })),
  );
  return { ...before, answers };
}

/** Of every vector, bit by bit. */
async function vectors(config: Config): Promise<readonly string[]> {
  const store = await openArchiveStore(config);
  const found = await store.snapshot(async (snapshot) => {
    const names = new Map(snapshot.spaces.map(({ id, name }) => [id, name]));
    const ids = await snapshot.imageIds({ limit: 100 });
    const lines: string[] = [];
    for (const id of ids) {
      const image = await snapshot.readImage(id);
      for (const { spaceId, norm, unit } of [...image.embeddings, ...image.regions]) {
        lines.push(`${id} ${names.get(spaceId) ?? ''} ${norm} ${digest(unit)}`);
      }
    }
    return lines.sort();
  });
  await store.close();
  return found;
}

function digest(bytes: Buffer | undefined): string {
  return createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');
}

async function exportTo(config: Config, target: string, signal?: AbortSignal) {
  const store = await openArchiveStore(config);
  return exportGallery(store, { target, signal }).finally(() => store.close());
}

async function importFrom(config: Config, source: string, options: Omit<ImportArchiveInput, 'source'> = {}) {
  const store = await openArchiveStore(config);
  return importArchive(store, { source, ...options }).finally(() => store.close());
}

/** Images and spaces of a database that no model has touched. */
async function contents(config: Config): Promise<unknown> {
  const store = await openArchiveStore(config);
  const spaces = await store.run((connected) => connected.listSpaces());
  const count = await store.snapshot((snapshot) => Promise.resolve(snapshot.imageCount));
  await store.close();
  return { images: count, spaces: spaces.map(({ name }) => name) };
}

/** Each filled once. */
const galleries = new Map<Kind, Promise<{ readonly config: Config; readonly before: Seen }>>();
function gallery(kind: Kind) {
  const made = async () => {
    const config = await configOf(kind);
    return { config, before: await fill(config) };
  };
  const found = galleries.get(kind) ?? made();
  galleries.set(kind, found);
  return found;
}

describe.each(moves)('a gallery moved from %s to %s', (from, to) => {
  test('has the same images, spaces and answers', async () => {
    const { config: source, before } = await gallery(from);
    const destination = await configOf(to);
    const target = join(await makeFolder(), 'gallery.tar');
    expect(await exportTo(source, target)).toEqual({ images, spaces: ['semblance-compact', 'greys', 'old'] });
    const imported = await importFrom(destination, target);
    expect(imported).toMatchObject({ created: images, known: 0 });
    expect(await vectors(destination)).toEqual(await vectors(source));
    await withApp(destination, async (app) => {
      expect(await seen(app)).toEqual(alike(before));
      // What follows is embedded for the same spaces.
      const { operations, store } = app;
      await operations.uploadImage({ bytes: await makeJpeg(999), filename: 'new.jpg', priority: 'query' });
      const live = (await store.listSpaces()).filter(({ state }) => state !== 'retired');
      expect(live.map(({ missingCount }) => missingCount)).toEqual([0, 0]);
    });
    expect(await importFrom(destination, target)).toMatchObject({ created: 0, known: images });
  });
});

describe('an archive', () => {
  let before: Seen;
  let archive: string;
  let folder: string;
  beforeAll(async () => {
    const { config: source, before: found } = await gallery(home);
    before = found;
    archive = join(await makeFolder(), 'gallery.tar');
    await exportTo(source, archive);
    folder = join(await makeFolder(), 'gallery');
    await exportTo(source, folder);
  });

  test('is a tar file that other programs read', async () => {
    const paths: string[] = [];
    await list({ file: archive, strict: true, onReadEntry: ({ path }) => paths.push(path) });
    expect([paths.at(0), paths.at(-1)]).toEqual(['gallery.json', 'end.json']);
    expect(paths.filter((path) => path.endsWith('/original'))).toHaveLength(images);
  });

  test('is refused with a sentence where it is cut, and nothing is stored', async () => {
    const destination = await configOf(home);
    const { length } = await readFile(archive);
    const cut = join(await makeFolder(), 'cut.tar');
    const store = await openArchiveStore(destination);
    for (const size of [0, 100, 512, Math.floor(length / 2), length - 1_600, length - 1_024]) {
      await cp(archive, cut);
      await truncate(cut, size);
      await expect(importArchive(store, { source: cut }), `${size} bytes`).rejects.toThrow(
        /^The archive cannot be used: .*Nothing was stored/,
      );
    }
    await store.close();
    expect(await contents(destination)).toEqual({ images: 0, spaces: [] });
  });

  test('is refused where a byte was altered anywhere, and nothing is stored', async () => {
    const destination = await configOf(home);
    const whole = await readFile(archive);
    const altered = join(await makeFolder(), 'altered.tar');
    // The blocks of zeros at the end mean nothing.
    const length = whole.length - 1_024;
    const store = await openArchiveStore(destination);
    for (let part = 0; part < 40; part++) {
      const bytes = Buffer.from(whole);
      const at = Math.floor(((part + 0.37) / 40) * length);
      bytes[at] = (bytes[at] ?? 0) ^ 0x04;
      // What fills up a block is no part of the archive.
      if (isPadding(whole, at)) continue;
      await writeFile(altered, bytes);
      await expect(importArchive(store, { source: altered }), `byte ${at}`).rejects.toThrow(
        /^The archive cannot be used: /,
      );
    }
    await store.close();
    expect(await contents(destination)).toEqual({ images: 0, spaces: [] });
  });

  test('is refused where it is none', async () => {
    const destination = await configOf(home);
    const file = join(await makeFolder(), 'picture.tar');
    await writeFile(file, await makeJpeg(1));
    await expect(importFrom(destination, file)).rejects.toThrow(/no tar file/);
    await expect(importFrom(destination, join(file, '../none.tar'))).rejects.toThrow(/cannot be read/);
  });

  test('may be a folder, which is refused where a file is missing', async () => {
    const destination = await configOf(home);
    const copy = join(await makeFolder(), 'copy');
    await cp(folder, copy, { recursive: true });
    const [id = ''] = await readdir(join(copy, 'images'));
    await rm(join(copy, 'images', id, 'vectors'));
    await expect(importFrom(destination, copy)).rejects.toThrow(/the file vectors is missing/);
    await rm(join(copy, 'images', id), { recursive: true });
    await expect(importFrom(destination, copy)).rejects.toThrow(/holds 4 images of 5/);
    expect(await contents(destination)).toEqual({ images: 0, spaces: [] });
    expect(await importFrom(destination, folder)).toMatchObject({ created: images });
    expect(await withApp(destination, seen)).toEqual(alike(before));
  });

  test('that was imported in part is gone on with', async () => {
    const destination = await configOf(home);
    const interrupt = new AbortController();
    const stopped = importFrom(destination, archive, {
      signal: interrupt.signal,
      onProgress: ({ stage, done }) => {
        if (stage === 'storing' && done === 3) interrupt.abort();
      },
    });
    await expect(stopped).rejects.toThrow(/abort/i);
    expect(await contents(destination)).toMatchObject({ images: 3 });
    expect(await importFrom(destination, archive)).toMatchObject({ created: images - 3, known: 3 });
    expect(await withApp(destination, seen)).toEqual(alike(before));
  });

  test('adds to a gallery, whose other spaces say what they lack until they are filled', async () => {
    const destination = await configOf(home);
    await withApp(destination, async ({ operations }) => {
      await operations.uploadImage({ bytes: await makeJpeg(1), filename: 'own.jpg', priority: 'query' });
      await operations.createSpace({ name: 'colors', recipe: 'color' });
      await operations.backfillSpace({ name: 'colors' });
      await operations.activateSpace({ name: 'colors' });
    });
    const { spaces } = await importFrom(destination, archive);
    expect(spaces).toEqual(
      expect.arrayContaining([
        { name: 'colors', state: 'active', missing: images },
        { name: 'semblance-compact', state: 'ready', missing: 0 },
        { name: 'greys', state: 'building', missing: 1 },
        { name: 'old', state: 'retired', missing: images + 1 },
      ]),
    );
    await withApp(destination, async ({ operations }) => {
      expect(await operations.backfillSpace({ name: 'colors' })).toMatchObject({ embedded: images, missing: 0 });
      expect(await operations.backfillSpace({ name: 'greys' })).toMatchObject({ state: 'ready', missing: 0 });
    });
  });

  test('is refused where a space of a name here is another one, before anything is stored', async () => {
    const destination = await configOf(home);
    await withApp(destination, ({ operations }) => operations.createSpace({ name: 'greys', recipe: 'color' }));
    const before = await contents(destination);
    await expect(importFrom(destination, archive)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await contents(destination)).toEqual(before);
  });
});

test('an export that fails or is interrupted leaves nothing, and one over something else is refused', async () => {
  const source = await configOf(home);
  await withApp(source, async ({ operations }) => {
    await operations.uploadImage({ bytes: await makeJpeg(1), filename: '1.jpg', priority: 'query' });
  });
  const folder = await makeFolder();
  await expect(exportTo(source, join(folder, 'gallery.tar'), AbortSignal.abort())).rejects.toThrow(/abort/i);
  await expect(exportTo(source, join(folder, 'gallery'), AbortSignal.abort())).rejects.toThrow(/abort/i);
  await expect(exportTo(source, join(folder, 'none/gallery.tar'))).rejects.toThrow(/cannot be written/);
  expect(await readdir(folder)).toEqual([]);
  await writeFile(join(folder, 'gallery.tar'), 'mine');
  await expect(exportTo(source, join(folder, 'gallery.tar'))).rejects.toThrow(/is there already/);
  expect(await readFile(join(folder, 'gallery.tar'), 'utf8')).toBe('mine');
});

test('the commands move a gallery, and embed it for the spaces that the archive lacks', async () => {
  const [from, to] = [await makeFolder(), await makeFolder()];
  const config = loadConfig({ SEMBLANCE_DATA_DIR: join(from, 'data') });
  await withApp(config, async ({ operations }) => {
    for (const seed of [1, 2]) {
      await operations.uploadImage({ bytes: await makeJpeg(seed), filename: `${seed}.jpg`, priority: 'query' });
    }
  });
  await withApp(loadConfig({ SEMBLANCE_DATA_DIR: join(to, 'data') }), async ({ operations }) => {
    await operations.createSpace({ name: 'greys', recipe: 'grey' });
  });
  const exported = await runProgram(['export', 'gallery.tar'], { folder: from, cwd: from });
  expect([exported.code, exported.stdout]).toEqual([0, expect.stringMatching(/^Exported 2 images and 1 embedding/)]);
  const imported = await runProgram(['import-archive', join(from, 'gallery.tar')], { folder: to });
  expect([imported.code, imported.stdout]).toEqual([0, 'Stored 2 images, already there 0.\n']);
  const listed = await runProgram(['spaces', 'list', '--json'], { folder: to });
  expect(listed.stdout).toMatch(/"name": "greys"[^}]*"state": "ready"[^}]*"imageCount": 2/);
});

/** Whether a byte of a tar file lies behind the end of a file, up to its block's. */
function isPadding(tar: Buffer, at: number): boolean {
  for (let header = 0; header < tar.length;) {
    const size = Number.parseInt(tar.toString('latin1', header + 124, header + 135), 8) || 0;
    const end = header + 512 + size;
    const next = header + 512 + Math.ceil(size / 512) * 512;
    if (at < next) return at >= end;
    header = next;
  }
  return true;
}
