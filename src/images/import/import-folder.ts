import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { SemblanceError } from '../../base/errors.js';
import type { Metadata } from '../../database/types.js';
import { shownPath, type FoundFile } from './find-images.js';
import { importImages, type ImportOptions, type ImportSource, type ImportSummary } from './import-images.js';

export interface ImportFilesOptions extends Omit<ImportOptions, 'sources'> {
  readonly files: readonly FoundFile[];
  /** Stores the name of each file's folder as `metadata.label`. */
  readonly labelFromFolders?: boolean | undefined;
  /** A larger file is not read at all. */
  readonly maxFileBytes: number;
}

/** Imports files as `findImages` lists them; `metadata.path` tells where each came from. Throws as importImages. */
export function importFiles(options: ImportFilesOptions): Promise<ImportSummary> {
  const { files, labelFromFolders = false, maxFileBytes, ...rest } = options;
  return importImages({ ...rest, sources: files.map((file) => sourceOf(file, labelFromFolders, maxFileBytes)) });
}

function sourceOf(file: FoundFile, labelled: boolean, maxFileBytes: number): ImportSource {
  const metadata: Metadata = {
    path: file.relativePath,
    ...(labelled && file.folder !== undefined ? { label: file.folder } : {}),
  };
  return {
    path: shownPath(file.path),
    filename: basename(file.relativePath),
    metadata,
    read: async () => {
      const { size } = await stat(file.path);
      if (size > maxFileBytes) {
        throw new SemblanceError('IMAGE_TOO_LARGE', `The file has ${size} bytes; at most ${maxFileBytes} are accepted`);
      }
      return readFile(file.path);
    },
  };
}
