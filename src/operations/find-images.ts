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

export interface FoundFiles {
  /** Sorted within each folder that was asked for. */
  readonly files: readonly FoundFile[];
  /** Files in the folders that are no images by their name, counted by extension (lower case, '' for none). */
  readonly leftOut: ReadonlyMap<string, number>;
}

/** HEIC is none that is decoded; listed here, it is reported instead of silently left out. */
const imageExtensions: ReadonlySet<string> = new Set(
  '.jpg .jpeg .jpe .jfif .png .webp .avif .gif .tif .tiff .heic .heif'.split(' '),
);

/**
 * The images below folders, by their extension, and every file that is named itself, whatever it is called. Entries that
 * begin with a dot are left alone, and links to folders are not followed, for they may lead in circles.
 * @throws SemblanceError NOT_FOUND where a path does not exist or a folder cannot be listed
 */
export async function findImages(paths: readonly string[]): Promise<FoundFiles> {
  const files: FoundFile[] = [];
  const leftOut = new Map<string, number>();
  for (const path of paths) {
    const kind = await kindOf(path);
    if (kind === undefined) throw new SemblanceError('NOT_FOUND', `There is no file or folder ${path}`);
    if (kind === 'file') files.push({ path, relativePath: basename(path), folder: undefined });
    else files.push(...(await listFolder(path, path, leftOut)));
  }
  return { files, leftOut };
}

async function listFolder(folder: string, root: string, leftOut: Map<string, number>): Promise<FoundFile[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new SemblanceError('NOT_FOUND', `The folder ${folder} cannot be listed`, { cause: error });
  });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: FoundFile[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      found.push(...(await listFolder(path, root, leftOut)));
      continue;
    }
    if (!entry.isFile() && !(entry.isSymbolicLink() && (await kindOf(path)) === 'file')) continue;
    const extension = extname(entry.name).toLowerCase();
    if (imageExtensions.has(extension)) {
      found.push({ path, relativePath: relative(root, path).split(sep).join('/'), folder: basename(join(folder)) });
    } else leftOut.set(extension, (leftOut.get(extension) ?? 0) + 1);
  }
  return found;
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  return found.isDirectory() ? 'folder' : 'file';
}

/** Why a file could not be read, in a sentence for whoever named it. */
export function describeFileError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const sentences: Readonly<Record<string, string>> = {
    EACCES: 'The file may not be read',
    EPERM: 'The file may not be read',
    ENOENT: 'There is no such file',
    EISDIR: 'This is a folder',
  };
  return (typeof code === 'string' ? sentences[code] : undefined) ?? messageOf(error);
}
