import { createHash } from 'node:crypto';

/** Lower-case hex of the SHA-256. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * The id of the image whose bytes have this SHA-256: a UUID of version 8 (RFC 9562, section 5.8). It is the digest's first
 * 128 bits with the version written over bits 48 to 51 and the variant over bits 64 and 65, so 122 bits tell images apart.
 * @param sha256 lower-case hex
 */
export function imageIdOf(sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new RangeError('A SHA-256 has 64 lower-case hex digits');
  const variant = (0x8 | (Number.parseInt(sha256.charAt(16), 16) & 0x3)).toString(16);
  return [
    sha256.slice(0, 8),
    sha256.slice(8, 12),
    `8${sha256.slice(13, 16)}`,
    `${variant}${sha256.slice(17, 20)}`,
    sha256.slice(20, 32),
  ].join('-');
}
