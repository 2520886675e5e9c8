import { fstatSync } from 'node:fs';
import type { FileUpload } from 'graphql-upload-ts';
import { SemblanceError } from '../errors.js';
import { Semaphore } from '../concurrency/semaphore.js';

/** A file of a multipart request at one of the paths that its `map` gives it. */
export class FileAtPath {
  constructor(readonly upload: Promise<FileUpload>) {}

  /** What messages of graphql-js show of it, which repeat a value that they refuse. */
  toJSON(): string {
    return 'a file';
  }
}

/** A file of a multipart request, its bytes still arriving. */
export interface UploadedFile {
  readonly filename: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

const used = new WeakSet<FileAtPath>();
const turns = new WeakMap<FileUpload, Semaphore>();

/**
 * Works on a file of the request, at each of its paths in turn: what the first has stored, the others find. A variable serves one
 * place of the document: in many, one file would be read, decoded and embedded many times for the price of one.
 * @throws SemblanceError BAD_USER_INPUT where the request lacks the file or uses its variable twice, or what `work` throws
 */
export async function withFile<T>(file: FileAtPath, work: (file: UploadedFile) => Promise<T>): Promise<T> {
  if (used.has(file)) {
    throw new SemblanceError(
      'BAD_USER_INPUT',
      'The variable of a file stands in several places of the document: give each place a variable of its own',
    );
  }
  used.add(file);
  const upload = await file.upload.catch((error: unknown) => {
    throw translate(error);
  });
  return turnOf(upload).run(() => work({ filename: unescaped(nameOf(upload)), bytes: read(upload) }));
}

function turnOf(upload: FileUpload): Semaphore {
  const known = turns.get(upload);
  if (known !== undefined) return known;
  endWithItsFile(upload);
  const turn = new Semaphore(1);
  turns.set(upload, turn);
  return turn;
}

/** A part of the type application/octet-stream may have no filename, whatever the library's type says. */
function nameOf({ filename }: { readonly filename: string | undefined }): string {
  return filename ?? '';
}

/**
 * Tells whoever reads an upload that its temporary file could not be written. graphql-upload-ts does not: its readers would wait
 * for ever. It also counts a write that the disk cut short as whole: they would read the missing end over and over.
 */
function endWithItsFile({ capacitor }: FileUpload): void {
  const end = (error: Error): void => void capacitor.destroy(error);
  const endWhereCutShort = (): void => {
    // Of one that is destroyed the descriptor is being closed, and may be another file's next.
    if (capacitor.destroyed || capacitor._fd === null) return;
    if (fstatSync(capacitor._fd).size < capacitor['_pos']) end(new CutShortError());
  };
  if (capacitor.errored !== null) end(capacitor.errored);
  else endWhereCutShort();
  capacitor.once('error', end);
  capacitor.on('write', endWhereCutShort);
}

/** As the next write would have said. */
class CutShortError extends Error {
  readonly code = 'ENOSPC';
  readonly syscall = 'write';
}

/** Browsers escape in a filename what would end it, and no percent sign: WHATWG HTML, multipart/form-data encoding algorithm. */
function unescaped(filename: string): string {
  return filename.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n');
}

async function* read(upload: FileUpload): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of upload.createReadStream()) yield chunk as Uint8Array;
  } catch (error) {
    // What became of the temporary file comes first: a stream that is opened after it failed says only that it is too late.
    throw translate(upload.capacitor.errored ?? error);
  }
}

/**
 * graphql-upload-ts throws http-errors: 413 for a file over the limit, 400 for a missing one, 499 for a client gone. An
 * error of the operating system is that of the temporary file, and no fault of the client's.
 */
function translate(error: unknown): Error {
  if (error instanceof Error && 'syscall' in error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOSPC' || code === 'EDQUOT'
      ? new SemblanceError('STORAGE_FULL', 'The server has no room for temporary files', { cause: error })
      : error;
  }
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  if (status === 413)
    return new SemblanceError('IMAGE_TOO_LARGE', 'The file has more bytes than are allowed', { cause: error });
  if (status === 400) {
    return new SemblanceError(
      'BAD_USER_INPUT',
      'The request lacks a file that its map names. A part is a file where it has a filename, or the type application/octet-stream',
      { cause: error },
    );
  }
  // busboy gives its errors no code.
  if (error instanceof Error && error.message === 'Malformed part header') {
    return new SemblanceError(
      'BAD_USER_INPUT',
      'The headers of a part are malformed: a filename, for one, may hold no control characters',
      { cause: error },
    );
  }
  return new SemblanceError('BAD_USER_INPUT', 'The request broke off before the end of the file', { cause: error });
}
