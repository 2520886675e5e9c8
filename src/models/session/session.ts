import { InferenceSession, Tensor } from 'onnxruntime-node';
import { messageOf } from '../../base/errors.js';
import type { ManifestFields } from '../manifest-schema.js';
import { ModelError } from '../model-error.js';
import type { TensorDescription, WeightsDescription } from '../folder/probe-messages.js';
import { cropBytes, type InputTensor } from '../preprocess.js';
import { freeBatchSizes } from './session-batches.js';

type Model = Pick<ManifestFields, 'input' | 'output'>;

export { Tensor };

export function createSession(graph: Uint8Array, threads: number): Promise<InferenceSession> {
  return InferenceSession.create(graph, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Spinning threads would take the cores from decoding and from the database between two runs.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    logSeverityLevel: 3,
  });
}

/**
 * One model in ONNX Runtime. `run` blocks its thread, so this belongs in a worker; a process that creates and releases
 * sessions leaks, so a session stays until shutdown.
 */
export class EmbeddingSession {
  readonly #session: InferenceSession;
  readonly #model: Model;
  /** Images of every run, if the weights fix them. */
  readonly fixedBatch: number | undefined;

  private constructor(session: InferenceSession, model: Model) {
    this.#session = session;
    this.#model = model;
    this.fixedBatch = checkModel(session, model);
  }

  /** @throws ModelError if these are no ONNX weights, or not those that the manifest describes */
  static async open(weights: Uint8Array, model: Model, threads: number): Promise<EmbeddingSession> {
    const session = await openWeights(weights, threads);
    try {
      return new EmbeddingSession(session, model);
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /**
   * @param input whole images of `input.width * input.height * 3` elements, one after another
   * @returns `dimensions` numbers per image, in the same order, pooled but not normalised
   * @throws ModelError if the model's answer has another shape than the manifest says
   */
  async run(input: InputTensor): Promise<Float32Array<ArrayBuffer>> {
    const size = cropBytes(this.#model.input);
    const images = input.length / size;
    const embeddings = new Float32Array(images * this.#model.output.dimensions);
    for (let done = 0; done < images;) {
      const left = images - done;
      const batch = this.fixedBatch ?? freeBatchSizes.find((candidate) => candidate <= left) ?? 1;
      const used = Math.min(batch, left);
      const part = input.subarray(done * size, (done + used) * size);
      const tokens = await this.#runBatch(used === batch ? part : padded(part, batch * size), batch);
      pool(tokens, used, this.#model.output, embeddings.subarray(done * this.#model.output.dimensions));
      done += used;
    }
    return embeddings;
  }

  async #runBatch(data: InputTensor, batch: number): Promise<Tokens> {
    const { input, output } = this.#model;
    const tensor = makeTensor(data, [batch, ...imageShape(input)]);
    const result = (await this.#session.run({ [input.name]: tensor }, [output.name]))[output.name];
    if (result === undefined || !(result.data instanceof Float32Array))
      throw new ModelError('The model gave no float32 output');
    const tokens = readTokens(result.data, result.dims, output);
    if (tokens === undefined || result.dims[0] !== batch)
      throw wrongShape('output', output.name, outputShape(output), result.dims);
    return tokens;
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** Inputs and outputs of weights that no manifest describes. @throws ModelError if these are no ONNX weights */
export async function describeWeights(weights: Uint8Array, threads: number): Promise<WeightsDescription> {
  const session = await openWeights(weights, threads);
  const description = {
    inputs: session.inputMetadata.map(describeTensor),
    outputs: session.outputMetadata.map(describeTensor),
  };
  await session.release();
  return description;
}

/** What every output of the weights is once they have run on one image. @throws ModelError */
export async function shapesOfAnswer(
  weights: Uint8Array,
  input: Model['input'],
  image: InputTensor,
  threads: number,
): Promise<readonly TensorDescription[]> {
  const session = await openWeights(weights, threads);
  try {
    const batch = session.inputMetadata[0]?.isTensor === true ? session.inputMetadata[0].shape[0] : undefined;
    const images = typeof batch === 'number' ? batch : 1;
    const tensor = makeTensor(padded(image, images * image.length), [images, ...imageShape(input)]);
    const answer = await session.run({ [input.name]: tensor });
    return Object.entries(answer).map(([name, { type, dims }]) => ({ name, type, shape: dims }));
  } catch (error) {
    throw new ModelError(`The model fails on an image of ${input.width}x${input.height}: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await session.release();
  }
}

function describeTensor(metadata: InferenceSession.ValueMetadata): TensorDescription {
  return metadata.isTensor
    ? { name: metadata.name, type: metadata.type, shape: metadata.shape }
    : { name: metadata.name, type: 'no tensor', shape: [] };
}

async function openWeights(weights: Uint8Array, threads: number): Promise<InferenceSession> {
  try {
    return await createSession(weights, threads);
  } catch (error) {
    throw new ModelError(`ONNX Runtime cannot load the weights: ${messageOf(error)}`, { cause: error });
  }
}

/** Output of one run: per image `count` vectors of `width` numbers. */
interface Tokens {
  readonly data: Float32Array;
  readonly count: number;
  readonly width: number;
}

function readTokens(data: Float32Array, dims: readonly number[], output: Model['output']): Tokens | undefined {
  const [count, width] = output.pooling === 'none' ? [1, dims[1]] : [dims[1], dims[2]];
  if (dims.length !== outputRank(output) || count === undefined || width !== tokenWidth(output)) return undefined;
  return count > (output.pooling === 'none' ? 0 : prefixTokens(output)) ? { data, count, width } : undefined;
}

function pool({ data, count, width }: Tokens, images: number, output: Model['output'], target: Float32Array): void {
  const skip = prefixTokens(output);
  for (let image = 0; image < images; image += 1) {
    const first = image * count * width;
    const start = image * output.dimensions;
    if (output.pooling !== 'mean') target.set(data.subarray(first, first + width), start);
    if (output.pooling === 'none' || output.pooling === 'cls') continue;
    const offset = output.pooling === 'mean' ? start : start + width;
    for (let column = 0; column < width; column += 1) {
      let sum = 0;
      for (let token = skip; token < count; token += 1) sum += data[first + token * width + column] ?? NaN;
      target[offset + column] = sum / (count - skip);
    }
  }
}

function makeTensor(data: InputTensor, dims: readonly number[]): Tensor {
  return data instanceof Float32Array ? new Tensor('float32', data, dims) : new Tensor('uint8', data, dims);
}

function padded(part: InputTensor, length: number): InputTensor {
  const whole = part instanceof Float32Array ? new Float32Array(length) : new Uint8Array(length);
  whole.set(part);
  return whole;
}

function prefixTokens(output: Model['output']): number {
  if (output.pooling === 'none' || output.pooling === 'cls') return 0;
  return output.prefixTokens ?? (output.pooling === 'cls+mean' ? 1 : 0);
}

function tokenWidth(output: Model['output']): number {
  return output.pooling === 'cls+mean' ? output.dimensions / 2 : output.dimensions;
}

function outputRank(output: Model['output']): number {
  return output.pooling === 'none' ? 2 : 3;
}

function imageShape(input: Model['input']): readonly number[] {
  return input.layout === 'NCHW' ? [3, input.height, input.width] : [input.height, input.width, 3];
}

function outputShape(output: Model['output']): readonly (number | string)[] {
  return output.pooling === 'none' ? ['n', output.dimensions] : ['n', 'tokens', tokenWidth(output)];
}

/**
 * Holds the weights' own description against the manifest; a dimension that the weights leave free fits anything, and so
 * does an output whose shape they do not know: every run checks what came.
 * @returns the batch size that the weights fix
 */
function checkModel(session: InferenceSession, { input, output }: Model): number | undefined {
  const inputs = session.inputNames.map((name) => JSON.stringify(name)).join(', ');
  if (session.inputNames.length !== 1)
    throw new ModelError(`The model has ${session.inputNames.length} inputs (${inputs}), expected one`);
  const given = session.inputMetadata[0];
  if (given?.name !== input.name)
    throw new ModelError(`The model's input is ${inputs}, not ${JSON.stringify(input.name)}`);
  if (!given.isTensor || given.type !== input.type) {
    throw new ModelError(
      `The model's input is ${given.isTensor ? given.type : 'no tensor'}, the manifest says ${input.type}`,
    );
  }
  if (!fits(given.shape, ['n', ...imageShape(input)]))
    throw wrongShape('input', input.name, ['n', ...imageShape(input)], given.shape);

  const answered = session.outputMetadata.find(({ name }) => name === output.name);
  if (answered === undefined) {
    const outputs = session.outputNames.map((name) => JSON.stringify(name)).join(', ');
    throw new ModelError(`The model's outputs are ${outputs}; ${JSON.stringify(output.name)} is not among them`);
  }
  if (!answered.isTensor || answered.type !== 'float32') {
    throw new ModelError(`The model's output is ${answered.isTensor ? answered.type : 'no tensor'}, expected float32`);
  }
  if (answered.shape.length > 0 && !fits(answered.shape, outputShape(output)))
    throw wrongShape('output', output.name, outputShape(output), answered.shape);

  const batch = given.shape[0];
  return typeof batch === 'number' ? batch : undefined;
}

function fits(shape: readonly (number | string)[], expected: readonly (number | string)[]): boolean {
  return (
    shape.length === expected.length &&
    expected.every((want, i) => typeof want === 'string' || typeof shape[i] !== 'number' || shape[i] === want)
  );
}

function wrongShape(
  kind: 'input' | 'output',
  name: string,
  expected: readonly (number | string)[],
  actual: readonly (number | string)[],
): ModelError {
  const show = (shape: readonly (number | string)[]) =>
    `[${shape.map((part) => (part === '' ? '?' : part)).join(', ')}]`;
  return new ModelError(
    `The model's ${kind} ${JSON.stringify(name)} has shape ${show(actual)}, the manifest says ${show(expected)}`,
  );
}
