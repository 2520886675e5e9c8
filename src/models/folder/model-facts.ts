import type { ManifestFields } from '../manifest-schema.js';
import type { CatalogueEntry } from '../catalogue/catalogue-entry.js';
import { answerShapes, describeModel } from './probe.js';
import type { TensorDescription } from './probe-messages.js';
import { findInput, findOutput, show, type Hints } from './read-weights.js';

export interface FoundModel {
  readonly input: ManifestFields['input'];
  readonly output: ManifestFields['output'];
}

/** `type` is that of the first input, whatever else is known. */
export type FoundOrNot = { readonly type: string | undefined } & (
  | { readonly found: FoundModel }
  | { readonly problems: readonly string[]; readonly input: FoundModel['input'] | undefined }
);

interface Weights {
  readonly weightsPath: string;
  readonly threads: number;
}

/**
 * What weights say of themselves, with what the hints say where they leave it open.
 * @returns every sentence that says what is missing or wrong, all at once
 * @throws ModelError if these are no ONNX weights
 */
export async function findModel(
  weights: Weights,
  hintsFor: (outputs: readonly TensorDescription[]) => Hints,
): Promise<FoundOrNot> {
  const { inputs, outputs } = await describeModel(weights);
  const type = inputs[0]?.type;
  const hints = hintsFor(outputs);
  const input = findInput(inputs, hints);
  if ('problems' in input) return { problems: input.problems, input: undefined, type };
  const output = findOutput(await answerShapes(weights, input.value), hints);
  if ('problems' in output) return { problems: output.problems, input: input.value, type };
  return { found: { input: input.value, output: output.value }, type };
}

/** An export may name its output as it likes; its pooling, where it pools by itself, is none. */
export function withCatalogue(given: Hints, { input, output }: CatalogueEntry, outputs: readonly TensorDescription[]): Hints {
  const named = given.output ?? (outputs.some(({ name }) => name === output.name) ? output.name : undefined);
  return {
    ...given,
    layout: given.layout ?? input.layout,
    size: given.size ?? { width: input.width, height: input.height },
    output: named,
    pooling: given.pooling ?? (output.pooling === 'none' ? undefined : output.pooling),
    prefixTokens: given.prefixTokens ?? output.prefixTokens,
    normalized: given.normalized ?? output.normalized,
  };
}

/**
 * Holds weights against what the catalogue says of them, by reading and by running them.
 * @returns one clause for each fact that differs
 * @throws ModelError if these are no ONNX weights
 */
export async function modelDifferences(weights: Weights, { input, output }: CatalogueEntry): Promise<readonly string[]> {
  const { inputs, outputs } = await describeModel(weights);
  const differences: string[] = [];
  const [only] = inputs;
  if (only === undefined || inputs.length !== 1 || only.name !== input.name || only.type !== input.type) {
    differences.push(`its input is ${list(inputs)}, and the catalogue says ${JSON.stringify(input.name)} (${input.type})`);
  }
  if (!outputs.some(({ name }) => name === output.name)) {
    differences.push(`its output is ${list(outputs)}, and the catalogue says ${JSON.stringify(output.name)}`);
  }
  if (differences.length > 0) return differences;
  const shapes = await answerShapes(weights, input);
  const hints = { output: output.name, pooling: output.pooling, prefixTokens: output.prefixTokens };
  const found = findOutput(shapes, hints);
  const shape = list(shapes.filter(({ name }) => name === output.name));
  if ('problems' in found || found.value.dimensions !== output.dimensions) {
    differences.push(`its output is ${shape}, and the catalogue says ${output.dimensions} numbers, pooling ${output.pooling}`);
  }
  return differences;
}

function list(tensors: readonly TensorDescription[]): string {
  return tensors.length === 0 ? 'none' : tensors.map((each) => `${show(each)} (${each.type})`).join(', ');
}
