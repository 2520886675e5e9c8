import { embeddingDimensions, maxModelDimensions } from '../../base/limits.js';
import type { ManifestFields } from '../manifest-schema.js';
import type { TensorDescription } from './probe-messages.js';

type Input = ManifestFields['input'];
type Output = ManifestFields['output'];

/** What somebody says of a model, each where the weights leave it open or more than one thing possible. */
export interface Hints {
  readonly size?: { readonly width: number; readonly height: number } | undefined;
  readonly layout?: Input['layout'] | undefined;
  readonly output?: string | undefined;
  readonly pooling?: Output['pooling'] | undefined;
  readonly prefixTokens?: number | undefined;
  readonly normalized?: boolean | undefined;
}

/** What was found out, or every sentence that says what is missing or wrong. */
export type Found<T> = { readonly value: T } | { readonly problems: readonly string[] };

export const poolings = ['none', 'cls', 'mean', 'cls+mean'] as const satisfies readonly Output['pooling'][];

/** The one image input of the weights. */
export function findInput(inputs: readonly TensorDescription[], hints: Hints): Found<Input> {
  const [input] = inputs;
  if (input === undefined || inputs.length !== 1) {
    return { problems: [`The model has ${inputs.length} inputs (${list(inputs)}), and one image is all that it will get.`] };
  }
  const { type, shape } = input;
  if (type !== 'float32' && type !== 'uint8') {
    return { problems: [`The model's input ${show(input)} is ${type}; float32 and uint8 are possible.`] };
  }
  if (shape.length !== 4) {
    return { problems: [`The model's input ${show(input)} is no batch of images: four dimensions are expected.`] };
  }
  const layout = findLayout(input, hints);
  if ('problems' in layout) return layout;
  const [height, width] = layout.value === 'NCHW' ? [shape[2], shape[3]] : [shape[1], shape[2]];
  const size = hints.size ?? { width: numberOr(width), height: numberOr(height) };
  if (size.width === undefined || size.height === undefined) {
    return { problems: [`The model's input ${show(input)} takes images of any size: say --size, such as 224 or 224x160.`] };
  }
  if ((typeof width === 'number' && width !== size.width) || (typeof height === 'number' && height !== size.height)) {
    return { problems: [`The model's input ${show(input)} does not take images of ${size.width}x${size.height}.`] };
  }
  return { value: { name: input.name, layout: layout.value, type, width: size.width, height: size.height } };
}

/** @param outputs as they came from a run, so that every dimension is a number */
export function findOutput(outputs: readonly TensorDescription[], hints: Hints): Found<Output> {
  const fitting = outputs.filter((output) => whyUnfit(output) === undefined);
  const named = hints.output === undefined ? undefined : outputs.find(({ name }) => name === hints.output);
  if (hints.output !== undefined && named === undefined) {
    return { problems: [`The model has no output ${JSON.stringify(hints.output)}, but ${list(outputs)}.`] };
  }
  // A wide one beside it is a classifier's answer rather than an embedding.
  const narrow = fitting.filter(({ shape }) => Number(shape.at(-1)) <= embeddingDimensions);
  const choice = narrow.length > 0 ? narrow : fitting;
  const output = named ?? (choice.length === 1 ? choice[0] : undefined);
  if (output === undefined) {
    return {
      problems: [
        fitting.length > 1
          ? `The model has more than one output that could be its embedding, ${list(fitting)}: say --output.`
          : `None of the model's outputs can be an embedding. ${outputs.map((each) => `${show(each)}: ${whyUnfit(each) ?? ''}.`).join(' ')}`,
      ],
    };
  }
  const unfit = whyUnfit(output);
  if (unfit !== undefined) return { problems: [`The output ${show(output)} cannot be an embedding: ${unfit}.`] };
  return withPooling(output, hints);
}

function withPooling(output: TensorDescription, hints: Hints): Found<Output> {
  const normalized = hints.normalized ?? false;
  const { pooling, prefixTokens } = hints;
  const width = Number(output.shape.at(-1));
  if (output.shape.length === 2) {
    if (pooling !== undefined && pooling !== 'none') {
      return { problems: [`The output ${show(output)} is pooled already: --pooling ${pooling} does not go with it.`] };
    }
    return { value: { name: output.name, pooling: 'none', dimensions: width, normalized } };
  }
  if (pooling === undefined || pooling === 'none') {
    return { problems: [`The output ${show(output)} has a vector for each token: say --pooling cls, mean or cls+mean.`] };
  }
  const dimensions = pooling === 'cls+mean' ? 2 * width : width;
  if (dimensions > maxModelDimensions) {
    return { problems: [`${pooling} of ${show(output)} has ${dimensions} numbers; at most ${maxModelDimensions} are possible.`] };
  }
  const prefix = prefixTokens === undefined ? {} : { prefixTokens };
  return { value: { name: output.name, pooling, dimensions, normalized, ...prefix } };
}

function findLayout(input: TensorDescription, { layout }: Hints): Found<Input['layout']> {
  const [planar, interleaved] = [input.shape[1] === 3, input.shape[3] === 3];
  const shown = planar === interleaved ? undefined : planar ? 'NCHW' : 'NHWC';
  if (shown !== undefined && layout !== undefined && shown !== layout) {
    return { problems: [`The model's input ${show(input)} is ${shown}: --layout ${layout} does not go with it.`] };
  }
  const value = shown ?? layout;
  if (value !== undefined) return { value };
  return {
    problems: [`The model's input ${show(input)} does not show where its three colours are: say --layout NCHW or NHWC.`],
  };
}

function whyUnfit({ type, shape }: TensorDescription): string | undefined {
  if (type !== 'float32') return `it is ${type}, and float32 is expected`;
  if (shape.length !== 2 && shape.length !== 3) return 'neither a vector for each image nor one for each token';
  const width = Number(shape.at(-1));
  return width <= maxModelDimensions
    ? undefined
    : `its vectors have ${width} numbers and at most ${maxModelDimensions} are possible`;
}

function numberOr(dimension: number | string | undefined): number | undefined {
  return typeof dimension === 'number' && dimension > 0 ? dimension : undefined;
}

function list(tensors: readonly TensorDescription[]): string {
  return tensors.length === 0 ? 'none' : tensors.map(show).join(', ');
}

export function show({ name, shape }: TensorDescription): string {
  return `${JSON.stringify(name)} [${shape.map((part) => (part === '' ? '?' : part)).join(', ')}]`;
}
