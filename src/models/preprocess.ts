import type { ManifestFields } from './manifest-schema.js';

/** One input element per channel of a pixel, images one after another, in the manifest's layout and type. */
export type InputTensor = Float32Array | Uint8Array;

type Preprocessing = Pick<ManifestFields, 'input' | 'preprocessing'>;

/** Bytes of one model input before normalisation: row-major RGB. */
export function cropBytes(input: ManifestFields['input']): number {
  return input.width * input.height * 3;
}

/**
 * Makes the function that turns crops into the model's input: `crops` holds whole RGB crops of the input's size, one
 * after another. The answer is a view on memory that the next call overwrites, or on `crops` itself.
 * @param maxImages most crops of one call
 */
export function createTensorMaker(
  { input, preprocessing }: Preprocessing,
  maxImages: number,
): (crops: Uint8Array) => InputTensor {
  const planar = input.layout === 'NCHW';
  const size = cropBytes(input);
  if (input.type === 'uint8') {
    if (!planar) return (crops) => crops;
    const tensor = new Uint8Array(size * maxImages);
    return (crops) => {
      scatter(crops, size, tensor, identity);
      return tensor.subarray(0, crops.length);
    };
  }
  const tables = channelTables(preprocessing);
  const tensor = new Float32Array(size * maxImages);
  return (crops) => {
    if (planar) scatter(crops, size, tensor, tables);
    else interleave(crops, tensor, tables);
    return tensor.subarray(0, crops.length);
  };
}

type Tables = readonly [ArrayLike<number>, ArrayLike<number>, ArrayLike<number>];

const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const identity: Tables = [bytes, bytes, bytes];

/** A channel has 256 values, so each is computed once, in double precision. */
function channelTables({ rescale = 1, mean = [0, 0, 0], std = [1, 1, 1] }: ManifestFields['preprocessing']): Tables {
  const table = (channel: 0 | 1 | 2) =>
    Float32Array.from({ length: 256 }, (_, byte) => (byte * rescale - mean[channel]) / std[channel]);
  return [table(0), table(1), table(2)];
}

/* eslint-disable @typescript-eslint/no-non-null-assertion -- every index below is bounded by the length of its array */

function interleave(crops: Uint8Array, tensor: Float32Array, [red, green, blue]: Tables): void {
  for (let i = 0; i < crops.length; i += 3) {
    tensor[i] = red[crops[i]!]!;
    tensor[i + 1] = green[crops[i + 1]!]!;
    tensor[i + 2] = blue[crops[i + 2]!]!;
  }
}

function scatter(crops: Uint8Array, size: number, tensor: InputTensor, [red, green, blue]: Tables): void {
  const plane = size / 3;
  for (let image = 0; image < crops.length; image += size) {
    for (let pixel = 0, i = image; pixel < plane; pixel += 1, i += 3) {
      tensor[image + pixel] = red[crops[i]!]!;
      tensor[image + plane + pixel] = green[crops[i + 1]!]!;
      tensor[image + 2 * plane + pixel] = blue[crops[i + 2]!]!;
    }
  }
}
