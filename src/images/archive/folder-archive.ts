import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  damaged,
  endPath,
  galleryPath,
  imageFiles,
  maxEntryBytes,
  type ArchiveEntry,
  type ArchiveWriter,
} from './format.js';
import { syncPath } from './tar-archive.js';

/** Writes beside `path`, syncs and renames: no half archive bears that name, not even after a power cut. */
export async function createFolderWriter(path: string): Promise<ArchiveWriter> {
  const partial = `${path}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  let last = partial;
  let done = false;
  return {
    add: async ({ path: name, bytes }) => {
      const folder = join(partial, dirname(name));
      if (folder !== last) await mkdir(folder, { recursive: true });
      last = folder;
      await writeFile(join(partial, name), bytes, { flag: 'wx' });
    },
    finish: async () => {
      // At the end and not file by file: most of it lies on the disk by now.
      await syncTree(partial);
      await rename(partial, path);
      await syncPath(dirname(path));
      done = true;
    },
    discard: async () => {
      if (!done) await rm(partial, { recursive: true, force: true });
    },
  };
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else await syncPath(path);
  }
  await syncPath(folder);
}

/**
 * The files of an exported folder, in the order in which they were written.
 * @throws ConfigurationError where one is missing
 */
export async function* readFolder(path: string): AsyncGenerator<ArchiveEntry> {
  const read = async (name: string): Promise<ArchiveEntry> => {
    const at = join(path, name);
    const wrong = (error?: unknown) => damaged(`the file ${name} cannot be read`, error);
    const found = await stat(at).catch((error: unknown) => {
      throw wrong(error);
    });
    // To open a pipe may never end.
    if (!found.isFile()) throw wrong();
    if (found.size > maxEntryBytes) throw damaged(`${name} is larger than anything that was exported`);
    const bytes = await readFile(at).catch((error: unknown) => {
      throw wrong(error);
    });
    return { path: name, bytes };
  };
  yield await read(galleryPath);
  const ids = await readdir(join(path, 'images')).catch((): string[] => []);
  for (const id of ids.sort()) {
    const present = new Set(
      await readdir(join(path, 'images', id)).catch((error: unknown) => {
        throw damaged(`the folder images/${id} cannot be read`, error);
      }),
    );
    for (const file of imageFiles) if (present.has(file)) yield await read(`images/${id}/${file}`);
  }
  yield await read(endPath);
}
