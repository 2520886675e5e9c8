import { createHash } from 'node:crypto';
import { SemblanceError } from '../base/errors.js';
import type { ByteHold } from '../base/concurrency/byte-budget.js';

/** The bytes of a file: at hand, or arriving. */
export type UploadBytes = Buffer | AsyncIterable<Uint8Array>;

export interface ReadUploadOptions {
  readonly maxUploadBytes: number;
  /** Takes each chunk as it arrives. Bytes that were at hand are their owner's, and not counted. */
  readonly hold: ByteHold;
}

/**
 * Reads a file under the byte limit while hashing it.
 * @throws SemblanceError IMAGE_TOO_LARGE as soon as the limit is passed, BAD_USER_INPUT where the file is empty, OVERLOADED
 * where too many bytes of others are in work
 */
export async function readUpload(
  source: UploadBytes,
  { maxUploadBytes, hold }: ReadUploadOptions,
): Promise<{ readonly bytes: Buffer; readonly sha256: string }> {
  const hash = createHash('sha256');
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const isAtHand = Buffer.isBuffer(source);
  for await (const chunk of isAtHand ? [source] : source) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxUploadBytes) {
      throw new SemblanceError(
        'IMAGE_TOO_LARGE',
        `The file has more than the ${maxUploadBytes} bytes that are allowed`,
      );
    }
    if (!isAtHand) hold.add(chunk.byteLength);
    hash.update(chunk);
    chunks.push(chunk);
  }
  if (sizeBytes === 0) throw new SemblanceError('BAD_USER_INPUT', 'Expected an image but received an empty file');
  return { bytes: isAtHand ? source : Buffer.concat(chunks, sizeBytes), sha256: hash.digest('hex') };
}
