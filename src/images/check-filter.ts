import { checkMetadata } from '../base/arguments.js';
import { invalidArgument } from '../base/errors.js';
import type { ImageFilter } from '../database/types.js';

/** @throws SemblanceError BAD_USER_INPUT */
export function checkFilter(filter: ImageFilter | undefined): ImageFilter | undefined {
  if (filter === undefined) return undefined;
  if (filter.sha256 !== undefined && !/^[0-9a-f]{64}$/.test(filter.sha256)) {
    throw invalidArgument('filter.sha256', '64 lower-case hexadecimal digits', filter.sha256);
  }
  if (filter.filenameContains?.includes('\0') === true) {
    throw invalidArgument('filter.filenameContains', 'text without the character U+0000', filter.filenameContains);
  }
  if (filter.metadata === undefined) return filter;
  return { ...filter, metadata: checkMetadata(filter.metadata, 'filter.metadata') };
}
