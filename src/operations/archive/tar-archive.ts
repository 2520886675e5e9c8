import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Header } from 'tar';
import { damaged, maxEntryBytes, type ArchiveEntry, type ArchiveWriter } from './format.js';

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

/** The first file in what begins with `start`, as far as that goes; undefined where it is no tar file. */
export function firstInTar(start: Buffer): ArchiveEntry | undefined {
  const header = start.length < blockBytes ? undefined : parseHeader(start);
  if (header?.cksumValid !== true || header.path === undefined) return undefined;
  return { path: header.path, bytes: start.subarray(blockBytes) };
}

/**
 * The files in a tar file, one at a time.
 * @throws ConfigurationError where it is cut or no tar file
 */
export async function* readTar(path: string): AsyncGenerator<ArchiveEntry> {
  const file = await open(path, 'r');
  try {
    const { size: tarBytes } = await file.stat();
    for (;;) {
      const header = parseHeader(await readExactly(file, blockBytes));
      if (header?.nullBlock === true) return;
      if (header?.cksumValid !== true) throw damaged('it is no tar file, or was altered');
      const { path: name, size = 0 } = header;
      if (header.type !== 'File' || name === undefined) throw damaged('it holds what is no file');
      if (size > maxEntryBytes) throw damaged(`${JSON.stringify(name)} is larger than anything that was exported`);
      // Before as much memory is taken as a header claims.
      if (!(size >= 0 && size <= tarBytes)) throw damaged('it ends in the middle');
      const bytes = await readExactly(file, size);
      await readExactly(file, padding(size));
      yield { path: name, bytes };
    }
  } finally {
    await file.close();
  }
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

async function readExactly(file: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    const { bytesRead } = await file.read(bytes, at, size - at);
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
