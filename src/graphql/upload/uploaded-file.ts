import { fstatSync } from 'node:fs';
import type { FileUpload } from 'graphql-upload-ts';
import { invalidArgument, SemblanceError } from '../../errors.js';

/** A file of a multipart request, its bytes still arriving. */
export interface UploadedFile {
  readonly filename: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

const opened = new WeakSet<FileUpload>();

/**
 * Opens a file for its only reader: one variable used by many fields would otherwise be read, decoded and embedded many
 * times for the price of one.
 * @throws SemblanceError BAD_USER_INPUT where the request lacks the file or uses it twice
 */
export async function openFile(file: Promise<FileUpload>): Promise<UploadedFile> {
  const upload = await file.catch((error: unknown) => {
    throw translate(error);
  });
  if (opened.has(upload)) throw invalidArgument('file', 'each file to be used once', 'one used twice');
  opened.add(upload);
  endWithItsFile(upload);
  return { filename: unescaped(upload.filename), bytes: read(upload) };
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
  if (status === 400)
    return new SemblanceError('BAD_USER_INPUT', 'The request lacks a file that its map names', { cause: error });
  return new SemblanceError('BAD_USER_INPUT', 'The request broke off before the end of the file', { cause: error });
}
