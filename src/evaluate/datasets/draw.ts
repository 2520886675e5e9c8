import { SemblanceError } from '../../base/errors.js';
import { Random } from '../../math/random.js';
import { classesOf, type Dataset } from './dataset.js';

/** Of each class's training images, from the end of their paths. */
const validationShare = 0.1;

export interface DrawOptions {
  readonly seed: number;
  readonly limitGallery?: number | undefined;
  readonly limitQueries?: number | undefined;
  /** Half of the classes train learned similarities, the other half is indexed and asked. */
  readonly splitClasses?: boolean | undefined;
  /** Asks training images instead of those that are reported: for choices. */
  readonly validation?: boolean | undefined;
}

/** The part of a data set that is evaluated; its protocol says what was drawn. */
export function drawDataset(dataset: Dataset, options: DrawOptions): Dataset {
  const { seed, limitGallery, limitQueries, splitClasses = false, validation = false } = options;
  let drawn = dataset;
  if (splitClasses) drawn = splitByClass(drawn, seed);
  if (validation) drawn = toValidation(drawn);
  if (limitGallery !== undefined) drawn = limitedGallery(drawn, limitGallery, seed);
  if (limitQueries !== undefined && limitQueries < drawn.queries.length) {
    drawn = {
      ...drawn,
      queries: drawEvenly(drawn, drawn.queries, limitQueries, seed),
      protocol: `${drawn.protocol} Of ${count(drawn.queries.length)} queries ${count(limitQueries)} are asked, evenly over the classes.`,
    };
  }
  return drawn;
}

function splitByClass(dataset: Dataset, seed: number): Dataset {
  requireLabels(dataset, 'splitClasses');
  const names = classesOf(dataset, dataset.gallery);
  if (names.length < 4) {
    throw new SemblanceError(
      'BAD_USER_INPUT',
      `Half of the classes must be two at least; ${dataset.name} has ${names.length}`,
    );
  }
  const shuffled = new Random(seed).shuffle([...names]);
  const trained = new Set(shuffled.slice(0, Math.floor(names.length / 2)));
  const isTrained = (image: number): boolean => trained.has(dataset.images[image]!.className ?? '');
  return {
    ...dataset,
    gallery: dataset.gallery.filter((image) => !isTrained(image)),
    queries: dataset.queries.filter((image) => !isTrained(image)),
    training: dataset.gallery.filter(isTrained),
    protocol: `${dataset.protocol} Learned similarities are trained on ${trained.size} of ${names.length} classes; only the other ${names.length - trained.size} are indexed and asked.`,
  };
}

function toValidation(dataset: Dataset): Dataset {
  requireLabels(dataset, 'validation');
  const { training, images } = dataset;
  if (training.length === 0) {
    const message =
      'There are no training images to validate on: give images for training and for testing, or split the classes';
    throw new SemblanceError('BAD_USER_INPUT', message);
  }
  const queries = new Set(
    [...byClass(dataset, training).values()].flatMap((members) => {
      const inOrder = members.toSorted((a, b) => (images[a]!.id < images[b]!.id ? -1 : 1));
      return inOrder.slice(inOrder.length - Math.ceil(inOrder.length * validationShare));
    }),
  );
  const gallery = training.filter((image) => !queries.has(image));
  return {
    ...dataset,
    gallery,
    queries: training.filter((image) => queries.has(image)),
    training: gallery,
    protocol: `Validation: the last ${100 * validationShare} % of the training images of each class search the others; relevant are those of the query's class. No test image is read.`,
  };
}

function limitedGallery(dataset: Dataset, limit: number, seed: number): Dataset {
  requireLabels(dataset, 'limitGallery');
  if (limit >= dataset.gallery.length) return dataset;
  const gallery = drawEvenly(dataset, dataset.gallery, limit, seed);
  const kept = new Set(gallery);
  const former = new Set(dataset.gallery);
  const stays = (image: number): boolean => kept.has(image) || !former.has(image);
  return {
    ...dataset,
    gallery,
    queries: dataset.queries.filter(stays),
    training: dataset.training.filter(stays),
    protocol: `${dataset.protocol} Of ${count(dataset.gallery.length)} images ${count(limit)} are indexed, evenly over the classes.`,
  };
}

/** As many of each class as there are, one from each class in turn; drawn by the seed. In the order of `from`. */
function drawEvenly(dataset: Dataset, from: readonly number[], count: number, seed: number): readonly number[] {
  const random = new Random(seed);
  const classes = Array.from(byClass(dataset, from).values(), (members) => random.shuffle([...members]));
  const drawn = new Set<number>();
  for (let turn = 0; drawn.size < Math.min(count, from.length); turn++) {
    for (const members of classes) {
      const member = members[turn];
      if (member !== undefined && drawn.size < count) drawn.add(member);
    }
  }
  return from.filter((image) => drawn.has(image));
}

function byClass({ images }: Dataset, indices: readonly number[]): ReadonlyMap<string, readonly number[]> {
  const classes = new Map<string, number[]>();
  for (const index of indices) {
    const name = images[index]!.className ?? '';
    const members = classes.get(name);
    if (members === undefined) classes.set(name, [index]);
    else members.push(index);
  }
  return new Map([...classes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function requireLabels({ listed, name }: Dataset, option: string): void {
  if (listed === undefined) return;
  throw new SemblanceError('BAD_USER_INPUT', `${option} needs classes, but ${name} is judged by a qrels file`);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
