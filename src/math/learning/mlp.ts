import { z } from 'zod';
import { decodeFloats, encodeFloats } from '../float-text.js';
import type { Vector } from '../vector.js';

/** `linear` predicts any number; `logistic` one from 0 to 1. */
export type MlpOutput = 'linear' | 'logistic';

/** A small multilayer perceptron: ReLU after every layer but the last, which has one unit. */
export interface Mlp {
  /** Numbers of an input, units of each hidden layer (one or two), 1. */
  readonly sizes: readonly number[];
  readonly output: MlpOutput;
  /** Taken from each number of an input, then multiplied: the training inputs have mean 0 and variance 1. */
  readonly inputMean: Float32Array;
  readonly inputScale: Float32Array;
  /** Layer by layer: weights, one row a unit, then biases. `parameterCount(sizes)` numbers. */
  readonly parameters: Float32Array;
}

export function parameterCount(sizes: readonly number[]): number {
  return sizes.slice(1).reduce((sum, units, layer) => sum + units * (sizes[layer]! + 1), 0);
}

/** Predicts; keeps its buffers, so one serves any number of inputs. */
export class MlpPredictor {
  readonly #layers: readonly Float64Array[];
  readonly #parameters: Float64Array;

  constructor(readonly mlp: Mlp) {
    this.#layers = mlp.sizes.map((units) => new Float64Array(units));
    this.#parameters = Float64Array.from(mlp.parameters);
  }

  /** @throws RangeError for an input of another length */
  predict(input: Vector): number {
    const { sizes, inputMean, inputScale, output } = this.mlp;
    if (input.length !== sizes[0])
      throw new RangeError(`A network of ${sizes[0]} inputs does not take ${input.length}`);
    const first = this.#layers[0]!;
    for (let i = 0; i < first.length; i++) first[i] = (input[i]! - inputMean[i]!) * inputScale[i]!;
    const score = forward(this.#parameters, this.#layers);
    return output === 'logistic' ? logistic(score) : score;
  }
}

export function logistic(score: number): number {
  return 1 / (1 + Math.exp(-score));
}

/**
 * Fills the layers after the first, each unit after its ReLU.
 * @returns the last unit, which has none
 */
export function forward(parameters: Float64Array, layers: readonly Float64Array[]): number {
  let at = 0;
  for (let layer = 1; layer < layers.length; layer++) {
    const from = layers[layer - 1]!;
    const to = layers[layer]!;
    const biases = at + from.length * to.length;
    const last = layer === layers.length - 1;
    for (let unit = 0; unit < to.length; unit++) {
      // Four sums do not wait for each other.
      let [s0, s1, s2, s3] = [parameters[biases + unit]!, 0, 0, 0];
      let i = 0;
      for (; i + 4 <= from.length; i += 4, at += 4) {
        s0 += parameters[at]! * from[i]!;
        s1 += parameters[at + 1]! * from[i + 1]!;
        s2 += parameters[at + 2]! * from[i + 2]!;
        s3 += parameters[at + 3]! * from[i + 3]!;
      }
      for (; i < from.length; i++, at++) s0 += parameters[at]! * from[i]!;
      const sum = s0 + s1 + (s2 + s3);
      to[unit] = last || sum > 0 ? sum : 0;
    }
    at = biases + to.length;
  }
  return layers.at(-1)![0]!;
}

/** The network as JSON; numbers as base64 of little-endian float32. */
export interface MlpJson {
  readonly version: 1;
  readonly sizes: readonly number[];
  readonly output: MlpOutput;
  readonly inputMean: string;
  readonly inputScale: string;
  readonly parameters: string;
}

export function mlpToJson({ sizes, output, inputMean, inputScale, parameters }: Mlp): MlpJson {
  return {
    version: 1,
    sizes,
    output,
    inputMean: encodeFloats(inputMean),
    inputScale: encodeFloats(inputScale),
    parameters: encodeFloats(parameters),
  };
}

const mlpJson = z.object({
  version: z.literal(1),
  sizes: z.array(z.int().positive()).min(3).max(4),
  output: z.enum(['linear', 'logistic']),
  inputMean: z.base64(),
  inputScale: z.base64(),
  parameters: z.base64(),
});

/** @throws RangeError for anything that `mlpToJson` does not make */
export function mlpFromJson(json: unknown): Mlp {
  const parsed = mlpJson.safeParse(json);
  if (!parsed.success) throw new RangeError(`Not a stored network: ${z.prettifyError(parsed.error)}`);
  const { sizes, output, inputMean, inputScale, parameters } = parsed.data;
  if (sizes.at(-1) !== 1) throw new RangeError('Not a stored network: the last layer has one unit');
  return {
    sizes,
    output,
    inputMean: decodeFloats(inputMean, { length: sizes[0]!, of: 'network' }),
    inputScale: decodeFloats(inputScale, { length: sizes[0]!, of: 'network' }),
    parameters: decodeFloats(parameters, { length: parameterCount(sizes), of: 'network' }),
  };
}
