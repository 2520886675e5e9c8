import { describe, expect, it } from 'vitest';
import { createTensorMaker } from '../../../src/models/preprocess.js';

const resize = { width: 2, height: 1, interpolation: 'bicubic' } as const;
const normalised = {
  resize,
  rescale: 0.5,
  mean: [1, 2, 3] as [number, number, number],
  std: [1, 2, 4] as [number, number, number],
};
/** Two images of two pixels. */
const crops = Uint8Array.of(2, 4, 6, 8, 10, 12, 20, 30, 40, 50, 60, 70);

const maker = (
  layout: 'NCHW' | 'NHWC',
  type: 'float32' | 'uint8',
  preprocessing: Parameters<typeof createTensorMaker>[0]['preprocessing'],
) => createTensorMaker({ input: { name: 'x', layout, type, width: 2, height: 1 }, preprocessing }, 3);

describe('createTensorMaker', () => {
  it('makes planes of float32, image after image', () => {
    const tensor = maker('NCHW', 'float32', normalised)(crops);
    expect([...tensor]).toEqual([0, 3, 0, 1.5, 0, 0.75, 9, 24, 6.5, 14, 4.25, 8]);
  });

  it('makes interleaved float32', () => {
    const tensor = maker('NHWC', 'float32', normalised)(crops);
    expect([...tensor]).toEqual([0, 0, 0, 3, 1.5, 0.75, 9, 6.5, 4.25, 24, 14, 8]);
  });

  it('makes planes of uint8 as they are', () => {
    const tensor = maker('NCHW', 'uint8', { resize })(crops);
    expect(tensor).toEqual(Uint8Array.of(2, 8, 4, 10, 6, 12, 20, 50, 30, 60, 40, 70));
  });

  it('passes interleaved uint8 on without a copy', () => {
    expect(maker('NHWC', 'uint8', { resize })(crops)).toBe(crops);
  });

  it('leaves float32 bytes as they are where the manifest states no normalisation', () => {
    expect([...maker('NHWC', 'float32', { resize })(crops)]).toEqual([...crops]);
  });

  it('shows nothing of a larger batch before', () => {
    const make = maker('NCHW', 'float32', normalised);
    make(crops);
    expect(make(crops.subarray(0, 6))).toHaveLength(6);
  });
});
