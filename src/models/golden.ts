import type { ManifestFields } from './manifest-schema.js';
import type { InputTensor } from './preprocess.js';

type Input = ManifestFields['input'];

/** The one rule by which golden tensors are made, as `golden.tensor` states it for an input of this layout and type. */
export function goldenRule(input: Pick<Input, 'layout' | 'type'>): string {
  const order = input.layout === 'NCHW' ? 'C, H, W' : 'H, W, C';
  const formula = input.type === 'float32' ? 'Math.sin(i * 0.013)' : 'Math.floor(128 + 127 * Math.sin(i * 0.013))';
  return `element i of the flat input (${order} order) is ${formula} as ${input.type}`;
}

/** The golden tensor of one image. */
export function goldenTensor(input: Input): InputTensor {
  const length = input.width * input.height * 3;
  return input.type === 'float32'
    ? Float32Array.from({ length }, (_, i) => Math.sin(i * 0.013))
    : Uint8Array.from({ length }, (_, i) => Math.floor(128 + 127 * Math.sin(i * 0.013)));
}

/** Cosine of two vectors of the same length; NaN if either is zero. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i += 1) {
    const x = a[i] ?? NaN;
    const y = b[i] ?? NaN;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return dot / Math.sqrt(aa * bb);
}
