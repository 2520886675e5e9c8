import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, relative, sep } from 'node:path';
import { messageOf, SemblanceError } from '../errors.js';

export interface FoundFile {
  /** To open it. */
  readonly path: string;
  /** Below the folder that was asked for, with forward slashes; a file that was named itself: its name. */
  readonly relativePath: string;
  /** Name of the folder that holds it; undefined for a file that was named itself. */
  readonly folder: string | undefined;
}

export interface FindFailure {
  readonly path: string;
  readonly reason: string;
}

export interface FoundFiles {
  /** Sorted within each folder that was asked for. */
  readonly files: readonly FoundFile[];
  /** Folders deeper down that cannot be listed, and what is neither file nor folder. */
  readonly failures: readonly FindFailure[];
  /** Entries of the folders that are no images by their name, counted by extension (lower case, '' for none). */
  readonly leftOut: ReadonlyMap<string, number>;
}

/** HEIC is none that is decoded; listed here, it is reported instead of silently left out. */
const imageExtensions: ReadonlySet<string> = new Set(
  '.jpg .jpeg .jpe .jfif .png .webp .avif .gif .tif .tiff .heic .heif'.split(' '),
);

/**
 * The images below folders, by their extension, and every file that is named itself, whatever it is called. Entries that
 * begin with a dot are left alone, and links to folders are not followed, for they may lead in circles.
 * @throws SemblanceError NOT_FOUND where a path does not exist or a folder among `paths` cannot be listed
 */
export async function findImages(paths: readonly string[]): Promise<FoundFiles> {
  const found: Finding = { files: [], failures: [], leftOut: new Map() };
  for (const path of paths) {
    const kind = await kindOf(path);
    if (kind === undefined) throw new SemblanceError('NOT_FOUND', `There is no file or folder ${path}`);
    if (kind === 'folder') await listFolder(path, path, found);
    else if (kind === 'file') found.files.push({ path, relativePath: basename(path), folder: undefined });
    else found.failures.push({ path, reason: noFile });
  }
  return found;
}

interface Finding {
  readonly files: FoundFile[];
  readonly failures: FindFailure[];
  readonly leftOut: Map<string, number>;
}

async function listFolder(folder: string, root: string, found: Finding): Promise<void> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (folder === root)
      throw new SemblanceError('NOT_FOUND', `The folder ${folder} cannot be listed`, { cause: error });
    found.failures.push({ path: folder, reason: describeFileError(error, 'folder') });
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await listFolder(path, root, found);
      continue;
    }
    const kind = entry.isSymbolicLink() ? await kindOf(path) : entry.isFile() ? 'file' : 'other';
    if (kind === undefined || kind === 'folder') continue;
    const extension = extname(entry.name).toLowerCase();
    if (!imageExtensions.has(extension)) found.leftOut.set(extension, (found.leftOut.get(extension) ?? 0) + 1);
    else if (kind === 'other') found.failures.push({ path, reason: noFile });
    else {
      const relativePath = relative(root, path).split(sep).join('/');
      found.files.push({ path, relativePath, folder: basename(join(folder)) });
    }
  }
}

/** Of what a link leads to. Reading a pipe or a device may never end. */
async function kindOf(path: string): Promise<'file' | 'folder' | 'other' | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (found.isDirectory()) return 'folder';
  return found.isFile() ? 'file' : 'other';
}

const noFile = 'This is no file but a pipe, a socket or a device';

/** Why a file or folder could not be read, in a sentence for whoever named it. */
export function describeFileError(error: unknown, kind: 'file' | 'folder' = 'file'): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const sentences: Readonly<Record<string, string>> = {
    EACCES: `The ${kind} may not be read`,
    EPERM: `The ${kind} may not be read`,
    ENOENT: `There is no such ${kind}`,
    EISDIR: 'This is a folder',
  };
  return (typeof code === 'string' ? sentences[code] : undefined) ?? messageOf(error);
}
