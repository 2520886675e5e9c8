import { maxFilenameBytes } from '../base/limits.js';

/** Whether it is the name of a model, which is that of a folder, and no path. */
export function isModelName(model: string): boolean {
  return Buffer.byteLength(model) <= maxFilenameBytes && /^[\p{L}\p{N}_][\p{L}\p{N}._-]*$/u.test(model);
}
