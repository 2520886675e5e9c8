import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { damaged, endPath, galleryPath, imageFiles, type ArchiveEntry, type ArchiveWriter } from './format.js';
import { syncFolder } from './tar-archive.js';

/** Writes beside `path` and renames: no half archive bears that name. */
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
      await rename(partial, path);
      await syncFolder(dirname(path));
      done = true;
    },
    discard: async () => {
      if (!done) await rm(partial, { recursive: true, force: true });
    },
  };
}

/**
 * The files of an exported folder, in the order in which they were written.
 * @throws ConfigurationError where one is missing
 */
export async function* readFolder(path: string): AsyncGenerator<ArchiveEntry> {
  const read = async (name: string): Promise<ArchiveEntry> => ({
    path: name,
    bytes: await readFile(join(path, name)).catch((error: unknown) => {
      throw damaged(`the file ${name} cannot be read`, error);
    }),
  });
  yield await read(galleryPath);
  const ids = await readdir(join(path, 'images')).catch((): string[] => []);
  for (const id of ids.sort()) {
    const present = new Set(await readdir(join(path, 'images', id)));
    for (const file of imageFiles) if (present.has(file)) yield await read(`images/${id}/${file}`);
  }
  yield await read(endPath);
}
