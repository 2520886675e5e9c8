import { SemblanceError } from '../base/errors.js';
import type { Region } from '../pixels/region.js';
import { embeddingDimensions, minEmbeddingNorm } from '../base/limits.js';

export interface UnitVector {
  /** pgvector's binary form of the vector, of length 1 and padded with zeros to `embeddingDimensions`. */
  readonly wire: Buffer;
  /** Length of the vector as it was given. */
  readonly norm: number;
}

/**
 * Scales to length 1 and pads. The wire form is what vector_recv reads: two big-endian int16 (dimensions, zero), then
 * big-endian float32. pg sends a Buffer as a binary parameter; as text a round trip took two to four times as long.
 * @throws SemblanceError INVALID_IMAGE where it is not finite or has no direction, for a cosine index would lose it
 */
export function toUnitVector(vector: Float32Array): UnitVector {
  if (vector.length === 0 || vector.length > embeddingDimensions) {
    throw new SemblanceError('MODEL_UNAVAILABLE', `An embedding has 1 to ${embeddingDimensions} numbers`);
  }
  let sum = 0;
  for (const value of vector) sum += value * value;
  const norm = Math.fround(Math.sqrt(sum));
  if (!Number.isFinite(norm) || norm <= minEmbeddingNorm) {
    throw new SemblanceError('INVALID_IMAGE', 'The image has no embedding: the model gives it no direction');
  }
  const wire = Buffer.alloc(4 + 4 * embeddingDimensions);
  wire.writeInt16BE(embeddingDimensions, 0);
  for (const [index, value] of vector.entries()) wire.writeFloatBE(value / Math.sqrt(sum), 4 + 4 * index);
  return { wire, norm };
}

/** @param wire x, y, width and height as float4send writes them */
export function regionFromWire(wire: Buffer): Region {
  const [x, y, width, height] = [0, 4, 8, 12].map((offset) => shortestReal(wire.readFloatBE(offset)));
  return { x, y, width, height } as Region;
}

/** The number with the fewest digits that is the same float32, as Postgres prints it: 0.3 for 0.30000001192092896. */
export function shortestReal(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return Number(value.toPrecision(9));
}

/**
 * The numbers as they were given, up to rounding: norm × unit vector.
 * @param wire big-endian float32 and nothing else, without the header of the wire form
 */
export function fromWire(wire: Buffer, norm: number): Float32Array {
  const view = new DataView(wire.buffer, wire.byteOffset, wire.length);
  const vector = new Float32Array(wire.length / 4);
  // Eight times as fast as Buffer's readFloatBE.
  for (let index = 0; index < vector.length; index++) vector[index] = view.getFloat32(4 * index) * norm;
  return vector;
}
