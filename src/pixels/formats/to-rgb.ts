export type Samples = Uint8Array | Uint16Array | Float32Array;

/** Reads the colours of the pixel at `from` before it writes red, green and blue at `to`. */
export type ToRgb = (samples: Samples, from: number, rgb: Uint8Array, to: number) => void;
