/** Both ends inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The part that a Range header asks for (RFC 9110, section 14.1.2). Undefined where the whole is to be sent: a header that is malformed
 * is to be ignored, and one that asks for several parts may be.
 */
export function parseByteRange(header: string, sizeBytes: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first, last, suffix] = /^bytes=[ \t]*(?:(\d+)-(\d*)|-(\d+))[ \t]*$/i.exec(header) ?? [];
  if (suffix !== undefined) {
    const lastBytes = Math.min(Number(suffix), sizeBytes);
    return lastBytes === 0 ? 'unsatisfiable' : { start: sizeBytes - lastBytes, end: sizeBytes - 1 };
  }
  if (first === undefined) return undefined;
  const start = Number(first);
  const end = last === '' ? Infinity : Number(last);
  if (end < start) return undefined;
  return start < sizeBytes ? { start, end: Math.min(end, sizeBytes - 1) } : 'unsatisfiable';
}
