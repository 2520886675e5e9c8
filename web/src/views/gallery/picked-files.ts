import type { PickedFile } from './uploads.js';

/** Files that systems leave in folders; nobody means to upload these. */
const leftovers = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

/** What a file field holds after a choice of files or of a folder. */
export function pickedFromInput(files: Iterable<File>): readonly PickedFile[] {
  return [...files]
    .filter(({ name }) => !leftovers.test(name))
    .map((file) => ({ file, path: file.webkitRelativePath === '' ? file.name : file.webkitRelativePath }));
}

/**
 * What was dropped, folders with everything in them. The data is read before this function first waits: afterwards it is
 * empty. A file that can no longer be read is left out.
 */
export async function pickedFromDrop(data: DataTransfer): Promise<readonly PickedFile[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  // What a program made up, such as a picture dragged out of a page, is in no file system.
  if (entries.length === 0) return pickedFromInput(data.files);
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry: FileSystemEntry): Promise<readonly PickedFile[]> {
  if (leftovers.test(entry.name)) return [];
  if (isFile(entry)) {
    const file = await new Promise<File | undefined>((resolve) => {
      entry.file(resolve, () => {
        resolve(undefined);
      });
    });
    return file === undefined ? [] : [{ file, path: entry.fullPath.replace(/^\//, '') }];
  }
  if (!isFolder(entry)) return [];
  const picked: PickedFile[] = [];
  const reader = entry.createReader();
  // A reader answers some at a time, and none at the end.
  for (let some = await readSome(reader); some.length > 0; some = await readSome(reader)) {
    picked.push(...(await Promise.all(some.map(filesOf))).flat());
  }
  return picked;
}

function readSome(reader: FileSystemDirectoryReader): Promise<readonly FileSystemEntry[]> {
  return new Promise((resolve) => {
    reader.readEntries(resolve, () => {
      resolve([]);
    });
  });
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
