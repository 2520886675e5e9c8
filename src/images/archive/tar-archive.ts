import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Header } from 'tar';
import { archiveOrder, damaged, maxEntryBytes, type ArchiveEntry, type ArchiveWriter } from './format.js';

const blockBytes = 512;

/** Writes beside `path` and renames: no half archive bears that name. */
export async function createTarWriter(path: string): Promise<ArchiveWriter> {
  const partial = `${path}.partial`;
  // All that was ever stored: nobody else's to read.
  const file = await open(partial, 'w', 0o600);
  let done = false;
  return {
    add: async ({ path: name, bytes }) => {
      const header = new Header({
        path: name,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: bytes.length,
        mtime: new Date(0),
        type: 'File',
      });
      const block = Buffer.alloc(blockBytes);
      if (header.encode(block, 0)) throw new RangeError(`${name} does not fit a header of a tar file`);
      await writeAll(file, [block, bytes, Buffer.alloc(padding(bytes.length))]);
    },
    finish: async () => {
      await writeAll(file, [Buffer.alloc(2 * blockBytes)]);
      await file.sync();
      await file.close();
      await rename(partial, path);
      await syncPath(dirname(path));
      done = true;
    },
    discard: async () => {
      if (done) return;
      await file.close().catch(() => undefined);
      await rm(partial, { force: true });
    },
  };
}

interface FileInTar {
  readonly path: string;
  /** Where its first byte lies in the tar file. */
  readonly at: number;
  readonly size: number;
}

/** Where other programs pack an exported folder. Extended headers give times and owners; were one to give a name, the checksums tell. */
const passedOver = new Set(['Directory', 'ExtendedHeader', 'GlobalExtendedHeader']);

/** Lists the files by their headers, in the order of the tar file; the bytes of the last may be missing. Throws as readTar. */
async function* listTar(file: FileHandle): AsyncGenerator<FileInTar> {
  for (let next = 0; ;) {
    const header = parseHeader(await readExactly(file, blockBytes, next));
    if (header?.nullBlock === true) return;
    if (header?.cksumValid !== true) throw damaged('it is no tar file, or was altered');
    const { path, type, size = 0 } = header;
    const isPassedOver = passedOver.has(type);
    if (path === undefined || !(type === 'File' || isPassedOver)) throw damaged('it holds what is no file');
    if (size > maxEntryBytes) throw damaged(`${JSON.stringify(path)} is larger than anything that was exported`);
    if (!(size >= 0)) throw damaged('it ends in the middle');
    const at = next + blockBytes;
    // As `tar -C folder .` names them.
    if (!isPassedOver) yield { path: path.replace(/^\.\//, ''), at, size };
    next = at + size + padding(size);
  }
}

/** The first bytes of a file in the tar file at `path`, at most `maxBytes`; empty where it has no such file. Throws as readTar. */
export async function readStartInTar(path: string, name: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    for await (const found of listTar(file)) {
      if (found.path === name) return await readExactly(file, Math.min(found.size, maxBytes), found.at);
    }
    return Buffer.alloc(0);
  } finally {
    await file.close();
  }
}

/**
 * The files in a tar file, one at a time, in the order in which exportGallery writes them.
 * @throws ConfigurationError where it is cut or no tar file
 */
export async function* readTar(path: string): AsyncGenerator<ArchiveEntry> {
  const file = await open(path, 'r');
  try {
    const { size: tarBytes } = await file.stat();
    for await (const { path: name, at, size } of (await isInOrder(file)) ? listTar(file) : await sortTar(file)) {
      // Before as much memory is taken as a header claims.
      if (at + size > tarBytes) throw damaged('it ends in the middle');
      yield { path: name, bytes: await readExactly(file, size, at) };
    }
  } finally {
    await file.close();
  }
}

/** So is what was exported, of which no list is kept in memory. */
async function isInOrder(file: FileHandle): Promise<boolean> {
  let last = '';
  for await (const { path } of listTar(file)) {
    const order = archiveOrder(path);
    if (order < last) return false;
    last = order;
  }
  return true;
}

async function sortTar(file: FileHandle): Promise<readonly FileInTar[]> {
  const files: (FileInTar & { readonly order: string })[] = [];
  for await (const found of listTar(file)) files.push({ ...found, order: archiveOrder(found.path) });
  return files.sort((a, b) => (a.order === b.order ? 0 : a.order < b.order ? -1 : 1));
}

/** Undefined where a number in it is none: the parser throws. */
function parseHeader(block: Buffer): Header | undefined {
  try {
    return new Header(block, 0);
  } catch {
    return undefined;
  }
}

function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

async function readExactly(file: FileHandle, size: number, position: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    const { bytesRead } = await file.read(bytes, at, size - at, position + at);
    if (bytesRead === 0) throw damaged('it ends in the middle');
    at += bytesRead;
  }
  return bytes;
}

/** FileHandle.write may write less than it was given. */
async function writeAll(file: FileHandle, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    for (let at = 0; at < part.length;) at += (await file.write(part, at)).bytesWritten;
  }
}

/** Of a file, or of a folder: then it is its list of names. */
export async function syncPath(path: string): Promise<void> {
  const opened = await open(path, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}
