import { invalidArgument } from '../../base/errors.js';
import { forward, logistic, parameterCount, type Mlp, type MlpOutput } from './mlp.js';
import { Random } from '../random.js';

/** Examples made on demand: a hundred thousand pairs of 768 numbers need not lie in memory. */
export interface Examples {
  readonly count: number;
  readonly inputs: number;
  /** Writes the input of one example and returns its target: for a logistic output from 0 to 1. */
  readonly read: (index: number, input: Float32Array) => number;
}

export interface MlpTrainingOptions {
  readonly examples: Examples;
  /** Units of one or two hidden layers. Default [64, 32]. */
  readonly hidden?: readonly number[];
  /** `linear` learns by squared error, `logistic` by cross-entropy. */
  readonly output: MlpOutput;
  readonly seed: number;
  /** Default 5. */
  readonly epochs?: number;
  /** Default 128. */
  readonly batchSize?: number;
  /** Default 0.001. */
  readonly learningRate?: number;
  /** Called after each batch with the examples seen so far, of `epochs` × `count`. */
  readonly onProgress?: (seen: number) => void;
  /** Called after each epoch, from 1 on, with the mean loss of its examples, each taken before it was learned from. */
  readonly onEpoch?: (epoch: number, meanLoss: number) => void;
}

/** Adam's (Kingma and Ba 2015). */
const firstDecay = 0.9;
const secondDecay = 0.999;
const epsilon = 1e-8;
/** Examples that the scale of the inputs is measured on. */
const scaledExamples = 4096;

/**
 * Trains by Adam on mini-batches in random order, from He's initial weights and the mean target. Deterministic: the same examples, options and
 * seed make the same network.
 * @throws SemblanceError BAD_USER_INPUT without examples, or for other than one or two hidden layers
 */
export function trainMlp(options: MlpTrainingOptions): Mlp {
  const steps = mlpTraining(options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** As `trainMlp`, one mini-batch a step: whoever takes the steps may do something else between them, or stop. */
export function* mlpTraining(options: MlpTrainingOptions): Generator<undefined, Mlp> {
  const { examples, hidden = [64, 32], output, epochs = 5, batchSize = 128, learningRate = 0.001 } = options;
  if (examples.count < 1) throw invalidArgument('examples', 'at least one example', examples.count);
  if (hidden.length < 1 || hidden.length > 2) throw invalidArgument('hidden', 'one or two hidden layers', hidden);
  const random = new Random(options.seed);
  const sizes = [examples.inputs, ...hidden, 1];
  const scaling = measureInputs(examples, random);
  const parameters = initialParameters(sizes, random);
  startAtMean(parameters, sizes.at(-2)!, output, scaling.target);
  const network = new TrainedNetwork(sizes, output);
  const adam = new Adam(parameters, learningRate);
  const gradient = new Float64Array(parameters.length);
  const input = new Float32Array(examples.inputs);
  let seen = 0;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = random.permutation(examples.count);
    let total = 0;
    for (let start = 0; start < order.length; start += batchSize) {
      const batch = order.subarray(start, start + batchSize);
      gradient.fill(0);
      for (const index of batch) {
        const target = examples.read(index, input);
        for (let i = 0; i < input.length; i++) network.input[i] = (input[i]! - scaling.mean[i]!) * scaling.scale[i]!;
        total += network.addGradient(parameters, target, gradient);
      }
      adam.step(gradient, batch.length);
      seen += batch.length;
      options.onProgress?.(seen);
      yield;
    }
    options.onEpoch?.(epoch, total / examples.count);
  }
  return {
    sizes,
    output,
    inputMean: scaling.mean,
    inputScale: scaling.scale,
    parameters: Float32Array.from(parameters),
  };
}

/** Backpropagation through one example at a time. */
export class TrainedNetwork {
  readonly #sizes: readonly number[];
  readonly #output: MlpOutput;
  readonly #layers: readonly Float64Array[];
  /** Derivatives of the loss by what goes into each unit. */
  readonly #errors: readonly Float64Array[];

  constructor(sizes: readonly number[], output: MlpOutput) {
    this.#sizes = sizes;
    this.#output = output;
    this.#layers = sizes.map((units) => new Float64Array(units));
    this.#errors = sizes.map((units) => new Float64Array(units));
  }

  /** Where the scaled input is written before `addGradient`. */
  get input(): Float64Array {
    return this.#layers[0]!;
  }

  /**
   * Adds the gradient of the loss by the parameters.
   * @returns the loss: (score − target)² of a linear output, the cross-entropy of a logistic one
   */
  addGradient(parameters: Float64Array, target: number, gradient: Float64Array): number {
    const score = forward(parameters, this.#layers);
    const isLinear = this.#output === 'linear';
    this.#errors.at(-1)![0] = isLinear ? 2 * (score - target) : logistic(score) - target;
    let at = parameters.length;
    for (let layer = this.#sizes.length - 1; layer > 0; layer--) {
      at -= this.#sizes[layer]! * (this.#sizes[layer - 1]! + 1);
      this.#backward(layer, at, parameters, gradient);
    }
    return isLinear ? (score - target) ** 2 : softplus(score) - target * score;
  }

  #backward(layer: number, at: number, parameters: Float64Array, gradient: Float64Array): void {
    const from = this.#layers[layer - 1]!;
    const errors = this.#errors[layer]!;
    const fromErrors = this.#errors[layer - 1]!;
    const biases = at + from.length * errors.length;
    fromErrors.fill(0);
    for (let unit = 0; unit < errors.length; unit++) {
      const error = errors[unit]!;
      // Most often: a unit that its ReLU holds at zero.
      if (error === 0) continue;
      const row = at + unit * from.length;
      gradient[biases + unit]! += error;
      for (let i = 0; i < from.length; i++) gradient[row + i]! += error * from[i]!;
      if (layer > 1) for (let i = 0; i < from.length; i++) fromErrors[i]! += error * parameters[row + i]!;
    }
    for (let i = 0; i < from.length; i++) if (from[i]! <= 0) fromErrors[i] = 0;
  }
}

class Adam {
  readonly #parameters: Float64Array;
  readonly #learningRate: number;
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  #steps = 0;

  constructor(parameters: Float64Array, learningRate: number) {
    this.#parameters = parameters;
    this.#learningRate = learningRate;
    this.#first = new Float64Array(parameters.length);
    this.#second = new Float64Array(parameters.length);
  }

  /** @param gradient summed over `examples` */
  step(gradient: Float64Array, examples: number): void {
    this.#steps++;
    const firstBias = 1 - firstDecay ** this.#steps;
    const secondBias = 1 - secondDecay ** this.#steps;
    const [parameters, first, second] = [this.#parameters, this.#first, this.#second];
    for (let i = 0; i < parameters.length; i++) {
      const slope = gradient[i]! / examples;
      first[i] = firstDecay * first[i]! + (1 - firstDecay) * slope;
      second[i] = secondDecay * second[i]! + (1 - secondDecay) * slope * slope;
      parameters[i]! -= (this.#learningRate * (first[i]! / firstBias)) / (Math.sqrt(second[i]! / secondBias) + epsilon);
    }
  }
}

/** Normal, of variance 2 / inputs of the unit (He et al. 2015); biases zero. */
export function initialParameters(sizes: readonly number[], random: Random): Float64Array {
  const parameters = new Float64Array(parameterCount(sizes));
  let at = 0;
  for (let layer = 1; layer < sizes.length; layer++) {
    const inputs = sizes[layer - 1]!;
    const weights = inputs * sizes[layer]!;
    for (let i = 0; i < weights; i++) parameters[at + i] = random.normal() * Math.sqrt(2 / inputs);
    at += weights + sizes[layer]!;
  }
  return parameters;
}

/**
 * Zeroes the last unit's weights, and sets its bias to the mean target: the random function that the hidden layers begin with
 * would stay in what few epochs of few examples learn.
 */
function startAtMean(parameters: Float64Array, lastHidden: number, output: MlpOutput, target: number): void {
  parameters.fill(0, -1 - lastHidden);
  const isBetween = target > 0 && target < 1;
  if (output === 'linear') parameters[parameters.length - 1] = target;
  else if (isBetween) parameters[parameters.length - 1] = Math.log(target / (1 - target));
}

/** Mean target, and of each input mean and 1 / standard deviation of each input; an input that never changes is scaled to 0. */
function measureInputs(
  examples: Examples,
  random: Random,
): { readonly mean: Float32Array; readonly scale: Float32Array; readonly target: number } {
  const drawn = random.sample(examples.count, scaledExamples);
  const input = new Float32Array(examples.inputs);
  const mean = new Float64Array(examples.inputs);
  const squares = new Float64Array(examples.inputs);
  let targets = 0;
  drawn.forEach((index, before) => {
    targets += examples.read(index, input);
    // Welford's update: inputs can be tiny beside their mean.
    for (let i = 0; i < input.length; i++) {
      const difference = input[i]! - mean[i]!;
      mean[i]! += difference / (before + 1);
      squares[i]! += difference * (input[i]! - mean[i]!);
    }
  });
  const scale = Float32Array.from(squares, (sum) => {
    const deviation = Math.fround(1 / Math.sqrt(sum / drawn.length));
    return Number.isFinite(deviation) ? deviation : 0;
  });
  return { mean: Float32Array.from(mean), scale, target: targets / drawn.length };
}

/** ln(1 + exp(x)) without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
