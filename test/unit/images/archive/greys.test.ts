import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ImageDecoder } from '../../../../src/pixels/decode/decode.js';
import { imageIdOf, sha256Hex } from '../../../../src/base/identity.js';
import { defaultMaxUploadBytes, maxImagePixels } from '../../../../src/base/limits.js';
import { exportGallery } from '../../../../src/images/archive/export-gallery.js';
import { importArchive } from '../../../../src/images/archive/import-archive.js';
import { requireFound } from '../../../../src/base/require-found.js';
import type { ArchiveStore } from '../../../../src/images/archive/archive-store.js';
import type { ConnectedStore } from '../../../../src/database/connected-store.js';
import type { StoredImage } from '../../../../src/images/archive/archive-sql.js';
import { makeJpeg, makePng, makeWebp } from '../../../support/make-image.js';
import { rewriteArchive } from '../../../support/rewrite-archive.js';

const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 2 });
afterAll(() => decoder.close());

let folder: string;
let images: readonly StoredImage[];
let archive: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sb-greys-'));
  archive = join(folder, 'gallery.tar');
  const thumbnail = await makeWebp(1);
  const stored = (original: Buffer, mediaType: 'image/jpeg' | 'image/png', grey: Buffer | null): StoredImage => {
    const sha256 = sha256Hex(original);
    const facts = { filename: 'picture', mediaType, width: 96, height: 72, byteSize: original.length };
    const record = { id: imageIdOf(sha256), sha256, ...facts, metadata: {}, createdAt: new Date(0) };
    return { record, original, thumbnail, grey, embeddings: [], regions: [] };
  };
  images = [
    stored(await makeJpeg(1), 'image/jpeg', Buffer.alloc(4096, 1)),
    stored(await makePng(2), 'image/png', Buffer.alloc(4096, 2)),
    stored(await makePng(3), 'image/png', null),
  ];
  const byId = new Map(images.map((image) => [image.record.id, image]));
  const snapshot: ArchiveStore['snapshot'] = async (work) =>
    work({
      spaces: [],
      imageCount: images.length,
      imageIds: ({ after }) => Promise.resolve(after === undefined ? [...byId.keys()].sort() : []),
      readImage: (id) => Promise.resolve(requireFound(byId.get(id), id)),
    });
  await exportGallery({ snapshot }, { target: archive });
});
afterAll(() => rm(folder, { recursive: true }));

/** What an import stores, by id. */
async function importedGreys(source: string): Promise<ReadonlyMap<string, Buffer | null>> {
  const greys = new Map<string, Buffer | null>();
  const connected: Pick<ConnectedStore, 'listSpaces' | 'listScorers'> = {
    listSpaces: () => Promise.resolve([]),
    listScorers: () => Promise.resolve([]),
  };
  const store: Omit<ArchiveStore, 'snapshot' | 'close'> = {
    run: (work) => work(connected as ConnectedStore),
    insertImage: ({ record, grey }) => {
      greys.set(record.id, grey);
      return Promise.resolve({ created: true });
    },
  };
  await importArchive(store as ArchiveStore, { source, decoder, maxUploadBytes: defaultMaxUploadBytes });
  return greys;
}

const greysOf = (kept: (image: StoredImage) => boolean) =>
  new Map(images.map((image) => [image.record.id, kept(image) ? image.grey : null]));

test('an archive keeps the grey renditions of its images', async () => {
  expect(await importedGreys(archive)).toEqual(greysOf(() => true));
});

test.each([
  ['by a version that laid transparent pictures on white', undefined],
  ['in a way that this version does not know', 'checkerboard'],
])('of an archive whose grey renditions were made %s, those of JPEGs alone are stored', async (_, transparency) => {
  const other = join(folder, 'other.tar');
  await rewriteArchive(archive, other, (path, json) => {
    if (path === 'gallery.json') json['greyTransparency'] = transparency;
    return undefined;
  });
  expect(await importedGreys(other)).toEqual(greysOf(({ record }) => record.mediaType === 'image/jpeg'));
});
