import type { ManifestFields } from '../manifest-schema.js';

type Input = ManifestFields['input'];
type Output = ManifestFields['output'];

/** An input or output as the weights describe it. A free dimension has a name, or ''; a rank that is not known, no shape. */
export interface TensorDescription {
  readonly name: string;
  /** ONNX Runtime's: float32, uint8, int64, … */
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

export interface WeightsDescription {
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
}

/** `workerData` of the probe: one question about weights that no manifest describes yet. */
export interface ProbeStart {
  readonly weightsPath: string;
  readonly threads: number;
  readonly question:
    | { readonly kind: 'describe' }
    /** Shapes of what the model answers to the golden tensor, for outputs whose shape the weights leave open. */
    | { readonly kind: 'shapes'; readonly input: Input }
    /** The golden embedding. */
    | { readonly kind: 'embed'; readonly input: Input; readonly output: Output };
}

export type ProbeAnswer =
  | { readonly kind: 'described'; readonly weights: WeightsDescription }
  | { readonly kind: 'shaped'; readonly outputs: readonly TensorDescription[] }
  | { readonly kind: 'embedded'; readonly embedding: Float32Array<ArrayBuffer> }
  | { readonly kind: 'failed'; readonly reason: string };
