import { readFile } from 'node:fs/promises';
import { errorCode, isMissing } from '../base/disk.js';
import { ConfigurationError, messageOf } from '../base/errors.js';

/**
 * What `read` answers of something that an earlier evaluation left at `path`; undefined where there is nothing.
 * @throws ConfigurationError where it is there and cannot be read: what is taken for absent is computed again and written over
 */
export async function readKept<T>(path: string, read: (path: string) => Promise<T>): Promise<T | undefined> {
  try {
    return await read(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new ConfigurationError(
      `${path} cannot be read (${errorCode(error) ?? messageOf(error)}): give this user the right to it, or remove it to have it computed again.`,
      { cause: error },
    );
  }
}

export function readKeptText(path: string): Promise<string | undefined> {
  return readKept(path, (each) => readFile(each, 'utf8'));
}
