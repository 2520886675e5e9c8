import { execFile } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { cp, mkdir, mkdtemp, open, readFile, rm, symlink, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Header } from 'tar';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ConfigurationError } from '../../../../src/base/errors.js';
import { ImageDecoder } from '../../../../src/pixels/decode/decode.js';
import { defaultMaxUploadBytes, maxImagePixels } from '../../../../src/base/limits.js';
import { createFolderWriter } from '../../../../src/images/archive/folder-archive.js';
import { encodeImage } from '../../../../src/images/archive/format.js';
import { importArchive } from '../../../../src/images/archive/import-archive.js';
import { isArchive } from '../../../../src/images/archive/read-archive.js';
import { createTarWriter } from '../../../../src/images/archive/tar-archive.js';
import type { ArchiveStore } from '../../../../src/images/archive/archive-store.js';
import { toImageRecord } from '../../../../src/images/sql/image-rows.js';
import { rewriteArchive } from '../../../support/rewrite-archive.js';
import { makeJpeg } from '../../../support/make-image.js';
import { imageRow } from '../../../support/image-row.js';

const hostile = join(import.meta.dirname, '../../../fixtures/archives/hostile-filename.tar');
const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 2 });
afterAll(() => decoder.close());

/** What is refused never gets as far as a database. */
const untouched: ArchiveStore = {
  run: notReached,
  snapshot: notReached,
  insertImage: notReached,
  close: notReached,
};
function notReached(): Promise<never> {
  throw new Error('The database was touched');
}

let folder: string;
let valid: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sb-archives-'));
  valid = join(folder, 'valid.tar');
  await rewriteArchive(hostile, valid, (path, json) => {
    if (path.endsWith('/image.json')) json['filename'] = 'photo.jpg';
    return undefined;
  });
});
afterAll(() => rm(folder, { recursive: true }));

type Change = Parameters<typeof rewriteArchive>[2];

const importOf = (source: string, maxUploadBytes = defaultMaxUploadBytes) =>
  importArchive(untouched, { source, decoder, maxUploadBytes });

async function refusalOf(change: Change, maxUploadBytes?: number): Promise<string> {
  const source = join(folder, 'hostile.tar');
  await rewriteArchive(valid, source, change);
  const error: unknown = await importOf(source, maxUploadBytes).catch((thrown: unknown) => thrown);
  // A sentence and no stack: see main.ts.
  expect(error).toBeInstanceOf(ConfigurationError);
  const { message } = error as ConfigurationError;
  expect(message).toMatch(/^The archive cannot be used: .*Nothing was stored/);
  expect(message.length).toBeLessThan(800);
  return message;
}

const ofImages =
  (change: (json: Record<string, unknown>) => void): Change =>
  (path, json) => {
    if (path.endsWith('/image.json')) change(json);
    return undefined;
  };
const ofSpace =
  (change: (space: Record<string, unknown>, gallery: { spaces: unknown[] }) => void): Change =>
  (path, json) => {
    const gallery = json as { spaces: Record<string, unknown>[] };
    if (path === 'gallery.json') change(gallery.spaces[0] ?? {}, gallery);
    return undefined;
  };
const ofFile =
  (name: string, bytes: Buffer | ((bytes: Buffer) => Buffer)): Change =>
  (path, _json, before) => {
    if (path.endsWith(name)) return typeof bytes === 'function' ? bytes(before) : bytes;
    return undefined;
  };

test('an archive that holds what uploads would store goes on to the database', async () => {
  await expect(importOf(valid)).rejects.toThrow('The database was touched');
});

test('an archive with a filename that no upload is stored under is refused by naming the image', async () => {
  await expect(importOf(hostile)).rejects.toThrow(
    /^The archive cannot be used: the image (48eefebe|b858b667)[0-9a-f-]* \("\.\.\/\.\.\/\.\.\/etc\/passwd\\u001b\[31m.*\) is not valid: an upload is stored under a name of .*--skip-invalid/s,
  );
});

describe('an archive is refused with a sentence for an image', () => {
  test.each<readonly [string, unknown]>([
    ['a folder', 'a/b.jpg'],
    ['NUL', 'a\0.jpg'],
    ['a line break', 'a\n.jpg'],
    ['a right-to-left override', 'gpj\u202e.exe'],
    ['a lone surrogate', 'a\ud800.jpg'],
    ['a million characters', 'a'.repeat(1_000_000)],
    ['nothing in it', ''],
  ])('whose filename has %s', async (_, filename) => {
    expect(await refusalOf(ofImages((json) => (json['filename'] = filename)))).toMatch(/stored under a name/);
  });

  test.each<readonly [string, unknown, RegExp]>([
    ['5 MB', { text: 'x'.repeat(5_000_000) }, /at most 8192 bytes of JSON/],
    ['NUL', { text: 'a\0b' }, /U\+0000/],
    ['a lone surrogate', { '\udc00': 1 }, /lone surrogate/],
    ['a list for an object', [1], /a JSON object/],
    ['100,000 levels', 'deep', /levels of JSON/],
  ])('whose metadata have %s', async (_, metadata, expected) => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const said = await refusalOf((path, json) => {
      if (!path.endsWith('/image.json')) return undefined;
      const text = JSON.stringify({ ...json, metadata: metadata === 'deep' ? { a: 'deep' } : metadata });
      return Buffer.from(text.replace('"deep"', deep));
    });
    expect(said).toMatch(expected);
  });

  test.each(['9007199254740993', '-1e16', '1e400'])(
    'whose metadata have the number %s, which an upload refuses',
    async (number) => {
      const said = await refusalOf((path, json) => {
        if (!path.endsWith('/image.json')) return undefined;
        const text = JSON.stringify({ ...json, metadata: { a: [{ id: '#' }] } });
        return Buffer.from(text.replace('"#"', number));
      });
      expect(said).toMatch(/the image [0-9a-f-]{36} is not valid: metadata: .* no JSON value that is kept exactly/);
      expect(said).toContain('--skip-invalid');
    },
  );

  test.each<readonly [string, Readonly<Record<string, unknown>>, RegExp]>([
    ['another width', { width: 301 }, /the original has 300 × \d+ pixels, not 301/],
    ['a width that no column holds', { width: 2 ** 40 }, /the original has 300/],
    ['another type', { mediaType: 'image/png' }, /the original is image\/jpeg, not "image\/png"/],
    ['a time before 1970', { createdAt: '0000-01-01T00:00:00Z' }, /createdAt/],
    ['a norm that no column holds', { embeddings: [{ space: 'semblance-compact', norm: 1e300 }] }, /embeddings/],
    ['a vector of no space', { embeddings: [{ space: 'other\0', norm: 1 }] }, /none of its spaces/],
    ['no vectors, of which the file has one', { embeddings: [] }, /more vectors than it names/],
    [
      'two vectors of one space',
      { embeddings: Array(2).fill({ space: 'semblance-compact', norm: 1 }) },
      /one vector for/,
    ],
    ['an id that is no UUID', { id: '../../etc' }, /id/],
  ])('with %s', async (_, facts, expected) => {
    expect(await refusalOf(ofImages((json) => Object.assign(json, facts)))).toMatch(expected);
  });

  test('whose files are not what an upload stores', async () => {
    const html = Buffer.from('<html><script>alert(1)</script>');
    const cases: readonly (readonly [Change, RegExp])[] = [
      [ofFile('thumbnail.webp', html), /the thumbnail: The file is HTML/],
      [ofFile('thumbnail.webp', await makeJpeg(1)), /the thumbnail is no WebP of at most 320 pixels/],
      [ofFile('grey', Buffer.alloc(5)), /the grey rendition has another size/],
      [ofFile('vectors', Buffer.alloc(3_072)), /not of length 1/],
      [ofFile('vectors', Buffer.alloc(3_072, 0xff)), /not of length 1/],
      [ofFile('vectors', (bytes) => bytes.subarray(0, 3_000)), /vectors are missing/],
      [ofFile('original', html), /the original is another file/],
      [ofFile('image.json', Buffer.from('{"\0":')), /image\.json cannot be read/],
    ];
    for (const [change, expected] of cases) expect(await refusalOf(change)).toMatch(expected);
  });

  test('whose original has more bytes than an upload may have', async () => {
    expect(await refusalOf(() => undefined, 10_000)).toMatch(/more than the 10000 bytes/);
  });
});

describe('an archive is refused with a sentence for a space', () => {
  const fusion = (of: unknown) => ({ version: 1, recipe: of });
  const nested = (levels: number): unknown =>
    levels === 0 ? { kind: 'hog' } : { kind: 'pca', of: nested(levels - 1), whiten: false, projection: {} };
  test.each<readonly [string, Readonly<Record<string, unknown>>, RegExp]>([
    ['a path for a model', { model: '../../../../etc', name: '../../../../etc' }, /not the name of a model/],
    ['a path for a model, under another name', { model: '../../../../etc' }, /not the name of a model/],
    ['a model whose name has NUL', { model: 'a\0b', name: 'a\0b' }, /not the name of a model/],
    ['a model of 100,000 characters', { model: 'a'.repeat(100_000) }, /not the name of a model/],
    ['a name that createSpace refuses', { name: 'Upper Case' }, /lower-case letters/],
    ['a name of 64 characters', { name: 'a'.repeat(64) }, /1 to 63/],
    ['an unknown state', { state: 'on' }, /state/],
    ['769 dimensions', { dimensions: 769 }, /dimensions/],
    ['a fit of another version', { name: 'x', fitted: { version: 2 } }, /Not a stored space/],
    ['a fit that gives another model', { name: 'x', fitted: fusion({ kind: 'hog' }) }, /does not follow/],
    ['NUL in what was fitted', { name: 'x', fitted: { '\0': 1 } }, /U\+0000/],
    ['a fit nested 60 times', { name: 'x', fitted: fusion(nested(60)) }, /Not a stored space/],
    ['a learned similarity that is none', { scorers: [{ kind: 'labels', scorer: { a: 1 } }] }, /Not a stored scorer/],
  ])('with %s', async (_, facts, expected) => {
    expect(await refusalOf(ofSpace((space) => Object.assign(space, facts)))).toMatch(expected);
  });

  test('that has the name of another, or is active beside another', async () => {
    const twin = (changes: object) =>
      refusalOf(ofSpace((space, gallery) => gallery.spaces.push({ ...space, ...changes })));
    expect(await twin({})).toMatch(/another one has the same name/);
    expect(await twin({ name: 'other' })).toMatch(/another one is active/);
  });
});

test('a tar file is refused with a sentence where a header claims what is not there', async () => {
  const whole = await readFile(valid);
  const source = join(folder, 'claims.tar');
  for (const size of [1_000_000_000, 8_000_000_000, -1_000]) {
    const header = new Header(whole, 0);
    header.size = size;
    const claims = Buffer.from(whole);
    header.encode(claims, 0);
    await writeFile(source, claims);
    await expect(importOf(source), String(size)).rejects.toThrow(/^The archive cannot be used: .*Nothing was stored/);
  }
  await expect(importOf(join(folder, 'none'))).rejects.toThrow(/cannot be read/);
  await expect(importOf('/dev/null')).rejects.toThrow(/neither file nor folder/);
});

test('the metadata of an image are written with the digits that Postgres gave', () => {
  const metadata = '{"id": 9007199254740993, "tiny": 0.12345678901234567890123, "text": "\\\\ ü }"}';
  const record = toImageRecord(imageRow({ metadata }));
  const none = Buffer.alloc(0);
  const image = { record, original: none, thumbnail: none, grey: null, embeddings: [], regions: [] };
  const [json] = encodeImage(image, () => '');
  const text = json?.bytes.toString() ?? '';
  expect(text).toContain('"metadata":{"id":9007199254740993,"tiny":0.12345678901234567890123,"text":"\\\\ ü }"}');
  expect(JSON.parse(text)).toEqual({
    id: record.id,
    sha256: record.sha256,
    filename: 'a.jpg',
    mediaType: 'image/jpeg',
    width: 1,
    height: 1,
    metadata: record.metadata,
    createdAt: '1970-01-01T00:00:00.000Z',
    embeddings: [],
    regions: [],
  });
});

describe('an exported folder that tar packed', () => {
  const tar = (args: readonly string[]) => promisify(execFile)('tar', args);
  let unpacked: string;
  beforeAll(async () => {
    unpacked = join(folder, 'unpacked');
    await mkdir(unpacked);
    await tar(['xf', valid, '-C', unpacked]);
  });

  test.each<readonly [string, readonly string[]]>([
    ['as a whole', ['.']],
    ['file by file, in another order', ['end.json', 'images', 'gallery.json']],
    ['with extended headers', ['--format=pax', '.']],
  ])('%s is taken for the archive that it is', async (_, args) => {
    const packed = join(folder, 'packed.tar');
    await tar(['cf', packed, '-C', unpacked, ...args]);
    expect(await isArchive(packed)).toBe(true);
    await expect(importOf(packed)).rejects.toThrow('The database was touched');
  });

  test('is refused where a link is in it', async () => {
    const linked = join(folder, 'linked');
    await cp(unpacked, linked, { recursive: true });
    await symlink('gallery.json', join(linked, 'link'));
    const packed = join(folder, 'linked.tar');
    await tar(['cf', packed, '-C', linked, '.']);
    await expect(importOf(packed)).rejects.toThrow(/it holds what is no file/);
  });
});

test('a written archive is synced before it bears its name, as a folder with all that is in it, too', async () => {
  const synced: string[] = [];
  const file = await open(valid);
  const handles = Object.getPrototypeOf(file) as FileHandle;
  await file.close();
  const sync = vi.spyOn(handles, 'sync').mockImplementation(function (this: FileHandle) {
    synced.push(readlinkSync(`/proc/self/fd/${this.fd}`));
    return Promise.resolve();
  });
  try {
    for (const [name, create] of [
      ['out.tar', createTarWriter],
      ['out', createFolderWriter],
    ] as const) {
      const writer = await create(join(folder, name));
      await writer.add({ path: 'gallery.json', bytes: Buffer.from('{}') });
      await writer.add({ path: 'images/a/original', bytes: Buffer.from('x') });
      await writer.finish();
    }
  } finally {
    sync.mockRestore();
  }
  const of = (name: string) => join(folder, name);
  expect(synced.slice(0, 2)).toEqual([of('out.tar.partial'), folder]);
  expect([...synced.slice(2)].sort()).toEqual(
    ['', 'out.partial', 'out.partial/gallery.json', 'out.partial/images', 'out.partial/images/a']
      .concat('out.partial/images/a/original')
      .map((name) => of(name).replace(/\/$/, ''))
      .sort(),
  );
  expect(synced.at(-1)).toBe(folder);
});
