import { setImmediate } from 'node:timers/promises';
import { invalidArgument } from '../../base/errors.js';
import { maxScorerEpochs, maxScorerImages, maxScorerPairs } from '../../base/limits.js';
import type { Mlp } from '../../math/learning/mlp.js';
import { mlpTraining, type Examples } from '../../math/learning/mlp-training.js';
import { Random } from '../../math/random.js';
import { vectorSsim } from '../../math/ssim.js';
import { squaredEuclidean } from '../../math/vector.js';
import type { ScorerKind } from '../../database/store.js';
import { squaredDifference, unitOf } from './pair-input.js';
import { drawPairs, groupByClass, type Pairs } from './pairs.js';
import type { Scorer } from './reranker.js';

const maxPositivesPerImage = 20;
/** Chosen on classes that no reported figure was measured on: more units or faster steps learn the training's images by heart. */
const hiddenUnits = [16];
const learningRates: Readonly<Record<ScorerKind, number>> = { heuristic: 1e-3, labels: 1e-4 };

export interface ScorerTraining {
  readonly kind: ScorerKind;
  /** As their space gave them: their lengths do not matter. */
  readonly embeddings: readonly Float32Array[];
  /** The class of each. */
  readonly labels: readonly string[];
  readonly seed: number;
  /** Default 5. */
  readonly epochs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** `pairs` counts images, `training` pairs over all epochs. */
  readonly onProgress?:
    | ((progress: { readonly stage: 'pairs' | 'training'; readonly done: number; readonly total: number }) => void)
    | undefined;
}

/**
 * Trains a network to predict from the squared difference of two embeddings, each at length 1, how alike they are. It learns
 * from easy and hard pairs (see drawPairs) of at most `maxScorerImages` images, drawn class by class in turn.
 *
 * - `heuristic`: SSIM ÷ (1 + squared distance) of the two embeddings at length 1, by squared error. Labels choose the pairs
 *   alone.
 * - `labels`: 1 for two images of one class and 0 else, by cross-entropy.
 *
 * The same embeddings, labels, epochs and seed make the same network. Gives the event loop a turn after each mini-batch.
 * @throws SemblanceError BAD_USER_INPUT for fewer than two classes, or where no class has two images
 * @throws RangeError where embeddings differ in length, or labels in number
 */
export async function trainScorer(options: ScorerTraining): Promise<Scorer> {
  const { kind, seed, epochs = 5, signal, onProgress } = options;
  if (!Number.isInteger(epochs) || epochs < 1 || epochs > maxScorerEpochs) {
    throw invalidArgument('epochs', `an integer from 1 to ${maxScorerEpochs}`, epochs);
  }
  const { units, classes, classCount } = sampleOf(options);
  const pairs = await drawPairs({
    units,
    classes,
    perImage: Math.min(maxPositivesPerImage, Math.floor(maxScorerPairs / (2 * units.length))),
    seed,
    onProgress: (done) => {
      signal?.throwIfAborted();
      onProgress?.({ stage: 'pairs', done, total: units.length });
    },
  });
  const examples = kind === 'labels' ? labelExamples(units, pairs) : heuristicExamples(units, pairs);
  const steps = mlpTraining({
    examples,
    hidden: hiddenUnits,
    learningRate: learningRates[kind],
    output: kind === 'labels' ? 'logistic' : 'linear',
    seed,
    epochs,
    onProgress: (done) => onProgress?.({ stage: 'training', done, total: epochs * examples.count }),
  });
  const network = await finish(steps, signal);
  return { kind, network, images: units.length, classes: classCount, trainedAt: new Date().toISOString() };
}

async function finish(steps: Generator<undefined, Mlp>, signal: AbortSignal | undefined): Promise<Mlp> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await setImmediate();
    signal?.throwIfAborted();
  }
}

interface Sample {
  readonly units: readonly Float32Array[];
  readonly classes: Int32Array;
  readonly classCount: number;
}

function sampleOf({ embeddings, labels, seed }: ScorerTraining): Sample {
  const dimensions = embeddings[0]?.length ?? 0;
  if (labels.length !== embeddings.length) {
    throw new RangeError(`${labels.length} labels do not fit ${embeddings.length} embeddings`);
  }
  const odd = embeddings.find(({ length }) => length !== dimensions);
  if (odd !== undefined)
    throw new RangeError(`Embeddings of ${dimensions} and ${odd.length} numbers are of two spaces`);
  const members = groupByClass(labels);
  if (members.size < 2) throw invalidArgument('labels', 'at least two classes', members.size);
  if (members.size === labels.length)
    throw invalidArgument('labels', 'a class of at least two images', [...members.keys()]);
  const images = drawInTurn([...members.values()], new Random(seed));
  const drawn = [...groupByClass(images.map((image) => labels[image]!)).keys()];
  const indexOf = new Map(drawn.map((name, index) => [name, index]));
  return {
    units: images.map((image) => unitOf(embeddings[image]!)),
    classes: Int32Array.from(images, (image) => indexOf.get(labels[image]!)!),
    classCount: drawn.length,
  };
}

/**
 * At most `maxScorerImages`: two of each class, then two more, and so on, those of a class in random order. Classes of one
 * image come last: they begin no pair.
 */
function drawInTurn(classes: readonly (readonly number[])[], random: Random): readonly number[] {
  const shuffled = classes
    .map((images) => random.shuffle([...images]))
    .sort((a, b) => Number(a.length === 1) - Number(b.length === 1));
  const longest = shuffled.reduce((most, { length }) => Math.max(most, length), 0);
  const drawn: number[] = [];
  for (let turn = 0; turn < longest && drawn.length < maxScorerImages; turn += 2) {
    for (const images of shuffled) drawn.push(...images.slice(turn, turn + 2));
  }
  return drawn.slice(0, maxScorerImages);
}

function labelExamples(units: readonly Float32Array[], pairs: Pairs): Examples {
  return examplesOf(units, pairs, Float64Array.from(pairs.same));
}

function heuristicExamples(units: readonly Float32Array[], pairs: Pairs): Examples {
  const targets = Float64Array.from(pairs.first, (image, pair) =>
    heuristicTarget(units[image]!, units[pairs.second[pair]!]!),
  );
  return examplesOf(units, pairs, targets);
}

/** SSIM_OVER_EUCLIDEAN made finite, for a network cannot learn a pole: −1 to 1, and 1 for equal vectors. */
export function heuristicTarget(a: Float32Array, b: Float32Array): number {
  return vectorSsim(a, b) / (1 + squaredEuclidean(a, b));
}

function examplesOf(units: readonly Float32Array[], pairs: Pairs, targets: Float64Array): Examples {
  return {
    count: targets.length,
    inputs: units[0]!.length,
    read: (pair, input) => {
      squaredDifference(units[pairs.first[pair]!]!, units[pairs.second[pair]!]!, input);
      return targets[pair]!;
    },
  };
}
