import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, messageOf } from '../../base/errors.js';
import type { StoredImage } from './archive-sql.js';
import { readFolder } from './folder-archive.js';
import {
  ArchiveDigest,
  damaged,
  decodeEnd,
  decodeGallery,
  decodeImage,
  endPath,
  galleryPath,
  InvalidEntryError,
  isGalleryStart,
  parseImagePath,
  type ArchivedGallery,
  type ArchivedSpace,
  type ArchiveEntry,
  type ImageFile,
  type SpaceOfArchive,
} from './format.js';
import { readStartInTar, readTar } from './tar-archive.js';

/** Tells our gallery.json from others. */
const startBytes = 64;

/** Whether `path` is what exportGallery writes, by how its gallery.json begins: the rest may be cut or altered. */
export async function isArchive(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return isGalleryStart(await readStart(join(path, galleryPath)));
  // A pipe is not opened, for that may never end.
  if (found?.isFile() !== true) return false;
  return isGalleryStart(await readStartInTar(path, galleryPath, startBytes).catch(() => nothing));
}

const nothing = Buffer.alloc(0);

/** Empty where it is no file that may be read. */
async function readStart(path: string): Promise<Buffer> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) return nothing;
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return nothing;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(startBytes));
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

export interface ArchiveVisitor {
  /** Answers where the vectors of each space go, by its name. */
  onSpaces(spaces: readonly ArchivedSpace[]): Promise<ReadonlyMap<string, SpaceOfArchive>>;
  onImage(image: StoredImage): Promise<void>;
  /** A space or an image that is not given to the others. What it throws ends the reading. */
  onInvalid(error: InvalidEntryError): void;
}

/**
 * Reads an archive to its end, one image in memory at a time, and holds every byte against its checksum; what a visitor was given
 * before the end may come from an archive that is cut or altered.
 * @returns how many images it holds, those that are not valid among them
 * @throws ConfigurationError where it is cut, altered or no archive
 */
export async function readArchive(path: string, visitor: ArchiveVisitor): Promise<number> {
  const digest = new ArchiveDigest();
  let gallery: ArchivedGallery | undefined;
  let spaces: ReadonlyMap<string, SpaceOfArchive> = new Map();
  let current: { readonly id: string; readonly files: Map<ImageFile, Buffer> } | undefined;
  let images = 0;
  let isAtEnd = false;
  const onInvalid = (error: InvalidEntryError): void => {
    visitor.onInvalid(error);
  };
  const finishImage = async (): Promise<void> => {
    if (current === undefined || gallery === undefined) return;
    const { id, files } = current;
    current = undefined;
    images += 1;
    let image: StoredImage;
    try {
      image = decodeImage(id, files, spaces, gallery);
    } catch (error) {
      if (!(error instanceof InvalidEntryError)) throw error;
      onInvalid(error);
      return;
    }
    await visitor.onImage(image);
  };
  for await (const entry of entriesOf(path)) {
    if (isAtEnd) throw damaged('something follows its end');
    if (gallery === undefined) {
      gallery = decodeGallery(entry, onInvalid);
      digest.add(entry);
      spaces = await visitor.onSpaces(gallery.spaces);
    } else if (entry.path === endPath) {
      await finishImage();
      const end = decodeEnd(entry);
      if (end.images !== images) throw damaged(`it holds ${images} images of ${end.images}`);
      if (end.sha256 !== digest.hex) throw damaged('its checksum is another one: it was altered');
      isAtEnd = true;
    } else {
      digest.add(entry);
      const { id, file } = parseImagePath(entry.path);
      if (current !== undefined && current.id !== id) await finishImage();
      current ??= { id, files: new Map() };
      if (current.files.has(file)) throw damaged(`it holds ${JSON.stringify(entry.path)} twice`);
      current.files.set(file, entry.bytes);
    }
  }
  if (!isAtEnd) throw damaged('its end is missing');
  return images;
}

async function* entriesOf(path: string): AsyncGenerator<ArchiveEntry> {
  try {
    const found = await stat(path);
    // To open a pipe may never end.
    if (!found.isDirectory() && !found.isFile()) throw new Error('it is neither file nor folder');
    yield* found.isDirectory() ? readFolder(path) : readTar(path);
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    throw new ConfigurationError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
