import { randomBytes } from 'node:crypto';
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { list } from 'tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp, type App } from '../../../src/app.js';
import { registerImport } from '../../../src/cli/commands/import.js';
import type { Config } from '../../../src/base/config.js';
import { ImageDecoder } from '../../../src/pixels/decode/decode.js';
import { defaultMaxUploadBytes, maxImagePixels } from '../../../src/base/limits.js';
import { exportGallery } from '../../../src/images/archive/export-gallery.js';
import { importArchive, type ImportArchiveInput } from '../../../src/images/archive/import-archive.js';
import { isArchive } from '../../../src/images/archive/read-archive.js';
import { openArchiveStore, type ArchiveStore } from '../../../src/images/archive/archive-store.js';
import { testDatabaseUrl } from '../../support/database.js';
import { makeJpeg } from '../../support/make-image.js';
import { persistentStores } from '../../support/persistent-app.js';
import { alike, digest, seen, type Seen } from '../../support/seen-gallery.js';
import { rewriteArchive } from '../../support/rewrite-archive.js';
import { cleanUp, makeFolder, runProgram } from '../../support/server.js';
import { testConfig } from '../../support/small-model.js';

type Kind = 'embedded' | 'server';

const images = 5;
const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 2 });
const importInto = (store: ArchiveStore, input: Omit<ImportArchiveInput, 'decoder' | 'maxUploadBytes'>) =>
  importArchive(store, { ...input, decoder, maxUploadBytes: defaultMaxUploadBytes });
const [home] = persistentStores();
if (home === undefined) throw new Error('There is no store to run on');
/** From and to; between the two stores wherever there are two. */
const moves: readonly [readonly [Kind, Kind], ...(readonly [Kind, Kind])[]] =
  testDatabaseUrl !== undefined && testDatabaseUrl !== ''
    ? [
        ['embedded', 'server'],
        ['server', 'embedded'],
      ]
    : [[home, home]];

afterAll(() => decoder.close());
afterAll(cleanUp);

/** Of an embedded database without images: to copy it takes a tenth of making one. */
let empty: Promise<string> | undefined;

async function makeEmpty(): Promise<string> {
  const dataDir = join(await makeFolder(), 'data');
  await (await openArchiveStore(testConfig({ SEMBLANCE_DATA_DIR: dataDir }))).close();
  return dataDir;
}

async function environmentOf(kind: Kind): Promise<Record<string, string>> {
  const dataDir = join(await makeFolder(), 'data');
  if (kind === 'server') {
    const schema = `archive_${randomBytes(6).toString('hex')}`;
    return { SEMBLANCE_DATA_DIR: dataDir, DATABASE_URL: testDatabaseUrl ?? '', SEMBLANCE_SCHEMA: schema };
  }
  await cp(await (empty ??= makeEmpty()), dataDir, { recursive: true });
  return { SEMBLANCE_DATA_DIR: dataDir };
}

async function configOf(kind: Kind): Promise<Config> {
  return testConfig(await environmentOf(kind));
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
    const { operations } = app;
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
    await operations.trainScorer({ kind: 'labels', epochs: 1 });
    return seen(app);
  });
}

/** Of every vector, bit by bit. */
async function vectors(store: ArchiveStore): Promise<readonly string[]> {
  return store.snapshot(async (snapshot) => {
    const names = new Map(snapshot.spaces.map(({ id, name }) => [id, name]));
    const lines: string[] = [];
    for (const id of await snapshot.imageIds({ limit: 100 })) {
      const image = await snapshot.readImage(id);
      for (const { spaceId, norm, unit } of [...image.embeddings, ...image.regions]) {
        lines.push(`${id} ${names.get(spaceId) ?? ''} ${norm} ${digest(unit)}`);
      }
    }
    return lines.sort();
  });
}

async function withStore<T>(config: Config, work: (store: ArchiveStore) => Promise<T>): Promise<T> {
  const store = await openArchiveStore(config);
  return work(store).finally(() => store.close());
}

/** Images and spaces. */
async function contents(store: ArchiveStore): Promise<unknown> {
  return store.snapshot(({ imageCount, spaces }) =>
    Promise.resolve({ images: imageCount, spaces: spaces.map(({ name }) => name) }),
  );
}

/** Each filled once. */
const galleries = new Map<Kind, Promise<FilledGallery>>();
interface FilledGallery {
  readonly env: Readonly<Record<string, string>>;
  readonly config: Config;
  readonly before: Seen;
}
function gallery(kind: Kind): Promise<FilledGallery> {
  const made = async () => {
    const env = await environmentOf(kind);
    const config = testConfig(env);
    return { env, config, before: await fill(config) };
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
    const [exported, there] = await withStore(source, async (store) => [
      await exportGallery(store, { target }),
      await vectors(store),
    ]);
    expect(exported).toEqual({ images, spaces: ['semblance-compact', 'greys', 'old'] });
    await withStore(destination, async (store) => {
      expect(await importInto(store, { source: target })).toMatchObject({ created: images, known: 0 });
      expect(await vectors(store)).toEqual(there);
      expect(await importInto(store, { source: target })).toMatchObject({ created: 0, known: images });
    });
    await withApp(destination, async (app) => {
      expect(await seen(app)).toEqual(alike(before));
      // What follows is embedded for the same spaces.
      const { operations, store } = app;
      await operations.uploadImage({ bytes: await makeJpeg(999), filename: 'new.jpg', priority: 'query' });
      const live = (await store.listSpaces()).filter(({ state }) => state !== 'retired');
      expect(live.map(({ missingCount }) => missingCount)).toEqual([0, 0]);
    });
  });
});

const [[from, to]] = moves;
test(`a gallery moved by \`semblance export\` and \`import\` from ${from} to ${to} has the same ids and nearest`, async () => {
  const { env, before } = await gallery(from);
  const destination = await environmentOf(to);
  const target = join(await makeFolder(), 'gallery.tar');
  const exported = await runProgram(['export', target], { env });
  expect([exported.code, exported.stdout]).toEqual([0, expect.stringMatching(/^Exported 5 images and 3 embedding/)]);
  const imported = await runProgram(['import', target], { env: destination });
  expect([imported.code, imported.stdout]).toEqual([0, `Stored ${images} images, already there 0.\n`]);
  const similar = await runProgram(['similar', before.images[0]?.id ?? '', '-k', '4', '--json'], {
    env: destination,
  });
  const { results } = JSON.parse(similar.stdout) as { results: readonly { readonly id: string }[] };
  expect(results.map(({ id }) => id)).toEqual(before.answers[0]?.map(({ id }) => id));
  await withStore(testConfig(destination), async (store) => {
    const ids = await store.snapshot((snapshot) => snapshot.imageIds({ limit: 100 }));
    expect([...ids].sort()).toEqual(before.images.map(({ id }) => id).sort());
  });
});

describe('an archive', () => {
  let archive: string;
  let folder: string;
  let there: readonly string[];
  let destination: ArchiveStore;
  beforeAll(async () => {
    const { config } = await gallery(home);
    archive = join(await makeFolder(), 'gallery.tar');
    folder = join(await makeFolder(), 'gallery');
    await withStore(config, async (store) => {
      await exportGallery(store, { target: archive });
      await exportGallery(store, { target: folder });
      there = await vectors(store);
    });
    destination = await openArchiveStore(await configOf(home));
  });
  afterAll(() => destination.close());

  const refusal = (source: string, what = source) => expect(importInto(destination, { source }), what).rejects;
  const nothing = { images: 0, spaces: [] };

  test('is a tar file that other programs read', async () => {
    const paths: string[] = [];
    await list({ file: archive, strict: true, onReadEntry: ({ path }) => paths.push(path) });
    expect([paths.at(0), paths.at(-1)]).toEqual(['gallery.json', 'end.json']);
    expect(paths.filter((path) => path.endsWith('/original'))).toHaveLength(images);
  });

  test('is refused with a sentence where it is cut, and nothing is stored', async () => {
    const { length } = await readFile(archive);
    const cut = join(await makeFolder(), 'cut.tar');
    for (const size of [0, 100, 512, Math.floor(length / 2), length - 1_600, length - 1_024]) {
      await cp(archive, cut);
      await truncate(cut, size);
      await refusal(cut, `${size} bytes`).toThrow(/^The archive cannot be used: .*Nothing was stored/);
    }
    expect(await contents(destination)).toEqual(nothing);
  });

  test('is refused where a byte was altered anywhere, and nothing is stored', async () => {
    const whole = await readFile(archive);
    const altered = join(await makeFolder(), 'altered.tar');
    // The blocks of zeros at the end mean nothing.
    const length = whole.length - 1_024;
    // A size, and a time, of the first header among them, as numbers that are none.
    const places = Array.from({ length: 40 }, (_, part) => Math.floor(((part + 0.37) / 40) * length));
    for (const at of [124, 136, ...places]) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x84;
      // What fills up a block is no part of the archive.
      if (isPadding(whole, at)) continue;
      await writeFile(altered, bytes);
      await refusal(altered, `byte ${at}`).toThrow(/^The archive cannot be used: /);
    }
    expect(await contents(destination)).toEqual(nothing);
  });

  test('is refused where it is none, or a folder that lacks a file', async () => {
    const file = join(await makeFolder(), 'picture.tar');
    await writeFile(file, await makeJpeg(1));
    await refusal(file).toThrow(/no tar file/);
    await refusal(join(file, '../none.tar')).toThrow(/cannot be read/);
    const copy = join(await makeFolder(), 'copy');
    await cp(folder, copy, { recursive: true });
    const [id = ''] = await readdir(join(copy, 'images'));
    await rm(join(copy, 'images', id, 'vectors'));
    await refusal(copy).toThrow(/the file vectors is missing/);
    await rm(join(copy, 'images', id), { recursive: true });
    await refusal(copy).toThrow(/holds 4 images of 5/);
    expect(await contents(destination)).toEqual(nothing);
  });

  test('is recognised by how it begins, whatever it is called, and nothing else is', async () => {
    const other = await makeFolder();
    const renamed = join(other, 'pictures.jpg');
    await cp(archive, renamed);
    await truncate(renamed, 2_000);
    expect([await isArchive(archive), await isArchive(folder), await isArchive(renamed)]).toEqual([true, true, true]);
    // As the albums of others have.
    await writeFile(join(other, 'gallery.json'), '{"format": "album"}');
    await writeFile(join(other, 'empty.tar'), '');
    await writeFile(join(other, 'picture.tar'), await makeJpeg(1));
    for (const none of [
      other,
      ...['gallery.json', 'empty.tar', 'picture.tar', 'none'].map((name) => join(other, name)),
    ]) {
      expect(await isArchive(none), none).toBe(false);
    }
  });

  test('is not imported beside pictures, nor with options that are for pictures', async () => {
    const picture = join(await makeFolder(), 'picture.jpg');
    await writeFile(picture, await makeJpeg(1));
    const run = (...args: readonly string[]) => {
      const program = new Command();
      registerImport(program, {});
      return expect(program.parseAsync(['import', ...args], { from: 'user' })).rejects;
    };
    const said = `${folder} is an archive that \`semblance export\` wrote`;
    await run(picture, folder).toThrow(`${said}: import it alone, and the rest by another command.`);
    await run('--dry-run', '--label-from-folders', folder).toThrow(
      `${said}, which is stored as it is: leave out --dry-run and --label-from-folders.`,
    );
  });

  test('with what an upload or createSpace refuses is stored without it where that is asked for', async () => {
    const other = await openArchiveStore(await configOf(home));
    try {
      const hostile = join(await makeFolder(), 'hostile.tar');
      let seenImages = 0;
      await rewriteArchive(archive, hostile, (path, json) => {
        if (path.endsWith('/image.json') && seenImages++ === 1) json['filename'] = '../passwd';
        for (const space of (json['spaces'] ?? []) as Record<string, unknown>[])
          if (space['name'] === 'greys') space['modelSha256'] = '0'.repeat(64);
        return undefined;
      });
      const invalid = (await importInto(other, { source: hostile, skipInvalid: true })).invalid;
      expect(invalid.map(({ entry }) => entry)).toEqual([
        'the embedding space "greys"',
        expect.stringMatching(/^the image .* \("\.\.\/passwd"\)$/),
      ]);
      expect(await contents(other)).toEqual({ images: images - 1, spaces: ['semblance-compact', 'old'] });
    } finally {
      await other.close();
    }
  });

  test('that was imported in part is gone on with, from a folder as well', async () => {
    const interrupt = new AbortController();
    const stopped = importInto(destination, {
      source: archive,
      signal: interrupt.signal,
      onProgress: ({ stage, done }) => {
        if (stage === 'storing' && done === 3) interrupt.abort();
      },
    });
    await expect(stopped).rejects.toThrow(/abort/i);
    expect(await contents(destination)).toMatchObject({ images: 3 });
    expect(await importInto(destination, { source: folder })).toEqual({
      created: images - 3,
      known: 3,
      invalid: [],
      spaces: [
        { name: 'semblance-compact', state: 'active', missing: 0 },
        { name: 'greys', state: 'ready', missing: 0 },
        { name: 'old', state: 'retired', missing: images },
      ],
    });
    expect(await vectors(destination)).toEqual(there);
  });

  test('is added to a gallery by the commands, which embed it for the spaces that it lacks', async () => {
    const env = await environmentOf(home);
    const config = testConfig(env);
    await withApp(config, async ({ operations }) => {
      await operations.uploadImage({ bytes: await makeJpeg(1), filename: 'own.jpg', priority: 'query' });
      await operations.createSpace({ name: 'greys', recipe: 'color' });
      await operations.backfillSpace({ name: 'greys' });
      await operations.activateSpace({ name: 'greys' });
    });
    // The archive's space of that name is another.
    const refused = await runProgram(['import-archive', archive], { env });
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringMatching(/greys.*must not be mixed.*Nothing was stored/),
    ]);
    await withApp(config, async ({ operations, store }) => {
      expect(await store.countImages()).toBe(1);
      await operations.activateSpace({ name: 'semblance-compact' });
      await operations.removeSpace('greys');
      await operations.createSpace({ name: 'colors', recipe: 'color' });
      await operations.backfillSpace({ name: 'colors' });
      await operations.activateSpace({ name: 'colors' });
      await operations.createSpace({ name: 'hogs', recipe: 'hog' });
      await operations.backfillSpace({ name: 'hogs' });
    });
    const states = (store: ArchiveStore) => store.run((connected) => connected.listSpaces());
    // Cut off, it leaves those ready that lack nothing of it.
    await withStore(config, async (store) => {
      const interrupt = new AbortController();
      const onProgress: ImportArchiveInput['onProgress'] = ({ stage, done }) => {
        if (stage === 'storing' && done === 2) interrupt.abort();
      };
      const stopped = importInto(store, { source: archive, signal: interrupt.signal, onProgress });
      await expect(stopped).rejects.toThrow(/abort/i);
      expect((await states(store)).map(({ name, state, missingCount }) => [name, state, missingCount])).toEqual([
        ['semblance-compact', 'ready', 0],
        ['colors', 'active', 2],
        ['hogs', 'building', 2],
        ['greys', 'building', 1],
        ['old', 'retired', 3],
      ]);
    });
    const imported = await runProgram(['import-archive', archive], { env });
    expect([imported.code, imported.stdout]).toEqual([0, `Stored ${images - 2} images, already there 2.\n`]);
    const exported = await runProgram(['export', 'both.tar'], {
      env,
      folder: join(folder, '..'),
      cwd: join(folder, '..'),
    });
    expect([exported.code, exported.stdout]).toEqual([0, expect.stringMatching(/^Exported 6 images and 5 embedding/)]);
    await withStore(config, async (store) => {
      expect((await states(store)).map(({ name, state, missingCount }) => [name, state, missingCount])).toEqual([
        ['semblance-compact', 'ready', 0],
        ['colors', 'active', 0],
        ['hogs', 'ready', 0],
        ['greys', 'ready', 0],
        ['old', 'retired', images + 1],
      ]);
    });
  });
});

test('an export that fails or is interrupted leaves nothing, and one over something else is refused', async () => {
  const { config } = await gallery(home);
  const folder = await makeFolder();
  await withStore(config, async (store) => {
    const attempt = (name: string, signal?: AbortSignal) =>
      expect(exportGallery(store, { target: join(folder, name), signal })).rejects;
    await attempt('gallery.tar', AbortSignal.abort()).toThrow(/abort/i);
    await attempt('gallery', AbortSignal.abort()).toThrow(/abort/i);
    await attempt('none/gallery.tar').toThrow(/cannot be written/);
    expect(await readdir(folder)).toEqual([]);
    await writeFile(join(folder, 'gallery.tar'), 'mine');
    await attempt('gallery.tar').toThrow(/is there already/);
    expect(await readFile(join(folder, 'gallery.tar'), 'utf8')).toBe('mine');
  });
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
