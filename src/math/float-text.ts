/** Numbers as text that keeps every bit: base64 of little-endian float32. */
export function encodeFloats(values: Float32Array): string {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeFloatLE(value, 4 * index));
  return bytes.toString('base64');
}

export interface StoredFloats {
  /** How many numbers there have to be. */
  readonly length: number;
  /** What they belong to, for the error: "Not a stored network: …". */
  readonly of: string;
  /** What each number has to be; finite unless given. */
  readonly accepts?: (value: number) => boolean;
}

/** @throws RangeError for another number of numbers, and for one that is not accepted */
export function decodeFloats(text: string, stored: StoredFloats): Float32Array<ArrayBuffer> {
  const { length, of, accepts = Number.isFinite } = stored;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 4 * length)
    throw new RangeError(`Not a stored ${of}: expected ${length} numbers in ${bytes.length} bytes`);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = bytes.readFloatLE(4 * i);
  if (!values.every((value) => accepts(value))) throw new RangeError(`Not a stored ${of}: a number is not finite`);
  return values;
}
