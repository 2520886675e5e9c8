import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf } from '../base/errors.js';
import type { Manifest } from './manifest-schema.js';
import { ModelError } from './model-error.js';

/**
 * The very bytes that were verified are the ones that are loaded, so nobody can exchange the file in between.
 * @throws ModelError
 */
export async function readVerified({ weightsPath, sha256 }: Manifest): Promise<Uint8Array> {
  let weights: Uint8Array;
  try {
    weights = await readFile(weightsPath);
  } catch (error) {
    throw new ModelError(`The weights cannot be read (${(error as NodeJS.ErrnoException).code ?? messageOf(error)})`, {
      cause: error,
    });
  }
  const actual = createHash('sha256').update(weights).digest('hex');
  if (actual !== sha256) throw new ModelError(`The weights have SHA-256 ${actual}, the manifest says ${sha256}`);
  return weights;
}
