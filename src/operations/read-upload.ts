import { createHash } from 'node:crypto';
import { invalidArgument, SemblanceError } from '../errors.js';

/** The bytes of a file: at hand, or arriving. */
export type UploadBytes = Buffer | AsyncIterable<Uint8Array>;

/**
 * Reads a file under the byte limit while hashing it.
 * @throws SemblanceError IMAGE_TOO_LARGE as soon as the limit is passed, BAD_USER_INPUT where the file is empty
 */
export async function readUpload(
  source: UploadBytes,
  maxUploadBytes: number,
): Promise<{ readonly bytes: Buffer; readonly sha256: string }> {
  const hash = createHash('sha256');
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of Buffer.isBuffer(source) ? [source] : source) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxUploadBytes) {
      throw new SemblanceError(
        'IMAGE_TOO_LARGE',
        `The file has more than the ${maxUploadBytes} bytes that are allowed`,
      );
    }
    hash.update(chunk);
    chunks.push(chunk);
  }
  if (sizeBytes === 0) throw invalidArgument('file', 'an image', 'an empty file');
  return { bytes: Buffer.isBuffer(source) ? source : Buffer.concat(chunks, sizeBytes), sha256: hash.digest('hex') };
}
