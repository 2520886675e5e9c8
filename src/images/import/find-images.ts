import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, isAbsolute, join, resolve, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { messageOf, SemblanceError } from '../../base/errors.js';

/** To open a file: bytes where its name is no UTF-8, as of files from old systems. */
export type FilePath = string | Buffer;

export interface FoundFile {
  readonly path: FilePath;
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
  /** Folders deeper down that cannot be listed, links that lead nowhere, and what is neither file nor folder. */
  readonly failures: readonly FindFailure[];
  /** Entries of the folders that are no images by their name, counted by extension (lower case, '' for none). */
  readonly leftOut: ReadonlyMap<string, number>;
  /** Files and folders that a pattern excludes. */
  readonly excluded: number;
}

export interface FindOptions {
  /** As lines of a .gitignore, upper and lower case alike: what they match is left out, `systemLeftovers` in any case. */
  readonly exclude?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Thumbnails, bins and notes that file servers and systems leave beside pictures; docs/cli.md lists them. */
export const systemLeftovers = [
  '@eaDir',
  '#recycle',
  '#snapshot',
  '@Recycle',
  '@Recently-Snapshot',
  '$RECYCLE.BIN',
  'System Volume Information',
  'Network Trash Folder',
  'Temporary Items',
  '__MACOSX',
  'lost+found',
  'Thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  'Picasa.ini',
] as const;

const imageExtensions: ReadonlySet<string> = new Set(
  '.jpg .jpeg .jpe .jfif .png .webp .avif .gif .tif .tiff .heic .heif .hif'.split(' '),
);

/**
 * The images below folders, by their extension, and every file that is named itself, whatever it is called. Entries that
 * begin with a dot are left alone, and links to folders are not followed, for they may lead in circles.
 * @throws SemblanceError NOT_FOUND where a path does not exist or a folder among `paths` cannot be listed; `signal`'s reason
 */
export async function findImages(
  paths: readonly string[],
  { exclude = [], signal }: FindOptions = {},
): Promise<FoundFiles> {
  // A # or ! begins a comment or an exception in a .gitignore.
  const leftovers = systemLeftovers.map((name) => name.replace(/^[#!]/, '\\$&'));
  const found: Finding = {
    files: [],
    failures: [],
    leftOut: new Map(),
    excluded: 0,
    isExcluded: ignore.default().add([...leftovers, ...exclude]),
    signal,
  };
  for (const named of paths) {
    const path = await openablePath(named);
    const kind = await kindOf(path);
    const shown = shownPath(path);
    if (kind === undefined) throw new SemblanceError('NOT_FOUND', `There is no file or folder ${named}`);
    // A root has no name.
    if (kind === 'folder') await listFolder({ path, below: '', name: basename(resolve(shown)) || undefined }, found);
    else if (kind === 'file') found.files.push({ path, relativePath: basename(shown), folder: undefined });
    else found.failures.push({ path: shown, reason: noFile });
  }
  return found;
}

/** For people, and to be stored: a name that is no UTF-8 is read as Windows-1252, of which Latin-1 is a part. */
export function shownPath(path: FilePath): string {
  if (typeof path === 'string') return path;
  const parts: string[] = [];
  for (let from = 0; from <= path.length;) {
    const slash = path.indexOf(sep, from);
    const end = slash < 0 ? path.length : slash;
    parts.push(shownName(path.subarray(from, end)));
    from = end + 1;
  }
  return parts.join(sep);
}

/** What Windows-1252 has where Latin-1 has control characters, from 0x80 on; five of its places are empty (WHATWG Encoding). */
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** Of a file or folder: see shownPath. */
export function shownName(name: Buffer): string {
  if (isUtf8(name)) return name.toString('utf8');
  // TextDecoder of Node.js 20 reads Windows-1252 as Latin-1.
  return name.toString('latin1').replace(/[\u0080-\u009f]/g, (c) => windows1252[c.charCodeAt(0) - 0x80] ?? c);
}

function joinName(folder: FilePath, name: Buffer): FilePath {
  if (typeof folder === 'string' && isUtf8(name)) return join(folder, name.toString('utf8'));
  return Buffer.concat([Buffer.from(folder), Buffer.from(sep), name]);
}

/**
 * The path that an argument of the command line means. Node hands arguments over as text, with U+FFFD for what is no UTF-8: where there
 * is no such path, the one whose names read so is meant. `path` itself where none or several do.
 */
export async function openablePath(path: string): Promise<FilePath> {
  return (await kindOf(path)) === undefined ? ((await bytesOf(path)) ?? path) : path;
}

async function bytesOf(path: string): Promise<FilePath | undefined> {
  let at: FilePath = isAbsolute(path) ? sep : '.';
  for (const part of path.split(sep).filter((text) => text !== '')) {
    const names: readonly Buffer[] = part.includes('\ufffd')
      ? (await readdir(at, { encoding: 'buffer' }).catch(() => [])).filter((name) => name.toString('utf8') === part)
      : [Buffer.from(part)];
    const [only] = names;
    if (only === undefined || names.length > 1) return undefined;
    at = joinName(at, only);
  }
  return at;
}

interface Finding {
  readonly files: FoundFile[];
  readonly failures: FindFailure[];
  readonly leftOut: Map<string, number>;
  excluded: number;
  readonly isExcluded: Ignore;
  readonly signal: AbortSignal | undefined;
}

interface Folder {
  readonly path: FilePath;
  /** Below the folder that was asked for, with a slash at its end; '' for that itself. */
  readonly below: string;
  readonly name: string | undefined;
}

async function listFolder(folder: Folder, found: Finding): Promise<void> {
  found.signal?.throwIfAborted();
  let entries: readonly Dirent<Buffer>[];
  try {
    entries = await readdir(folder.path, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    const path = shownPath(folder.path);
    if (folder.below === '')
      throw new SemblanceError('NOT_FOUND', `The folder ${path} cannot be listed`, { cause: error });
    found.failures.push({ path, reason: describeFileError(error, 'folder') });
    return;
  }
  const named = entries.map((entry) => ({ entry, name: shownName(entry.name) }));
  named.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { entry, name } of named) {
    if (name.startsWith('.')) continue;
    const path = joinName(folder.path, entry.name);
    const relativePath = `${folder.below}${name}`;
    // As a .gitignore has it, a slash at the end tells a folder.
    if (found.isExcluded.ignores(entry.isDirectory() ? `${relativePath}/` : relativePath)) {
      found.excluded += 1;
      continue;
    }
    if (entry.isDirectory()) {
      await listFolder({ path, below: `${relativePath}/`, name }, found);
      continue;
    }
    const kind = entry.isSymbolicLink() ? await kindOf(path) : entry.isFile() ? 'file' : 'other';
    if (kind === 'folder') continue;
    const extension = extname(name).toLowerCase();
    if (!imageExtensions.has(extension)) found.leftOut.set(extension, (found.leftOut.get(extension) ?? 0) + 1);
    else if (kind === 'file') found.files.push({ path, relativePath, folder: folder.name });
    else {
      const reason = kind === undefined ? 'The link leads to nothing' : noFile;
      found.failures.push({ path: shownPath(path), reason });
    }
  }
}

/** Of what a link leads to. Reading a pipe or a device may never end. */
async function kindOf(path: FilePath): Promise<'file' | 'folder' | 'other' | undefined> {
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
