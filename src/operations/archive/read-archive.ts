import { stat } from 'node:fs/promises';
import { ConfigurationError, messageOf } from '../../errors.js';
import type { StoredImage } from '../../store/gallery-archive.js';
import { readFolder } from './folder-archive.js';
import {
  ArchiveDigest,
  damaged,
  decodeEnd,
  decodeGallery,
  decodeImage,
  endPath,
  parseImagePath,
  type ArchivedSpace,
  type ArchiveEntry,
  type ImageFile,
  type SpaceOfArchive,
} from './format.js';
import { readTar } from './tar-archive.js';

export interface ArchiveVisitor {
  /** Answers where the vectors of each space go, by its name. */
  onSpaces(spaces: readonly ArchivedSpace[]): Promise<ReadonlyMap<string, SpaceOfArchive>>;
  onImage(image: StoredImage): Promise<void>;
}

/**
 * Reads an archive to its end, one image in memory at a time, and holds every byte against its checksum; what a visitor was given
 * before the end may come from an archive that is cut or altered.
 * @returns how many images it holds
 * @throws ConfigurationError where it is cut, altered or no archive
 */
export async function readArchive(path: string, visitor: ArchiveVisitor): Promise<number> {
  const digest = new ArchiveDigest();
  let spaces: ReadonlyMap<string, SpaceOfArchive> | undefined;
  let current: { readonly id: string; readonly files: Map<ImageFile, Buffer> } | undefined;
  let images = 0;
  let isAtEnd = false;
  const finishImage = async (): Promise<void> => {
    if (current === undefined || spaces === undefined) return;
    const image = decodeImage(current.id, current.files, spaces);
    current = undefined;
    images += 1;
    await visitor.onImage(image);
  };
  for await (const entry of entriesOf(path)) {
    if (isAtEnd) throw damaged('something follows its end');
    if (spaces === undefined) {
      const archived = decodeGallery(entry);
      digest.add(entry);
      spaces = await visitor.onSpaces(archived);
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
      current.files.set(file, entry.bytes);
    }
  }
  if (!isAtEnd) throw damaged('its end is missing');
  return images;
}

async function* entriesOf(path: string): AsyncGenerator<ArchiveEntry> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    throw new ConfigurationError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  yield* isFolder ? readFolder(path) : readTar(path);
}
