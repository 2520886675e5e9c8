import { dot } from '../../math/vector.js';
import { Random } from '../../math/random.js';
import { inTurns } from './turns.js';

/** Pairs of images by index; pair i is `first[i]`, `second[i]`. */
export interface Pairs {
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  /** 1 where both are of one class, else 0. */
  readonly same: Uint8Array;
}

export interface PairsInput {
  /** Of length 1, at least two of them. */
  readonly units: readonly Float32Array[];
  /** One class index per image; at least two classes. */
  readonly classes: Int32Array;
  /** Most pairs of one class that begin at one image, and most of two. */
  readonly perImage: number;
  readonly seed: number;
  /** Called after each image with the number of images done. */
  readonly onProgress?: ((images: number) => void) | undefined;
}

/** Of all pairs. More, or harder ones, teach that what is near is of another class. */
const hardShare = 0.25;

/**
 * From each image as many pairs with its own class (positives) as with others (negatives): `perImage` of each, or as many as
 * its class has other images. An image that is alone in its class begins no pair, and is a negative of others.
 *
 * A quarter of the pairs is hard: positives drawn from the farther half of the class, negatives from the nearer half of all
 * other classes. The rest is easy: drawn from all. Not the very farthest and nearest, for among those distance says the
 * opposite of what it says everywhere else, and a search asks for everywhere else. The same input makes the same pairs.
 */
export async function drawPairs({ units, classes, perImage, seed, onProgress }: PairsInput): Promise<Pairs> {
  const random = new Random(seed);
  const members = groupByClass(classes);
  const all = Array.from(classes.keys());
  const first: number[] = [];
  const second: number[] = [];
  const same: number[] = [];
  await inTurns(units.length, (image) => {
    const positives = members.get(classes[image]!)!.filter((other) => other !== image);
    const count = Math.min(perImage, positives.length);
    const hard = Math.round(hardShare * count);
    if (count > 0) {
      const similarity = similaritiesTo(units, image);
      const negatives = all.filter((other) => classes[other] !== classes[image]);
      const partners = [
        ...draw(positives, count - hard, random),
        ...draw(
          upperHalf(positives, (other) => -similarity[other]!),
          hard,
          random,
        ),
        ...draw(negatives, count - hard, random),
        ...draw(
          upperHalf(negatives, (other) => similarity[other]!),
          hard,
          random,
        ),
      ];
      partners.forEach((partner) => {
        first.push(image);
        second.push(partner);
        same.push(classes[partner] === classes[image] ? 1 : 0);
      });
    }
    onProgress?.(image + 1);
  });
  return { first: Uint32Array.from(first), second: Uint32Array.from(second), same: Uint8Array.from(same) };
}

function similaritiesTo(units: readonly Float32Array[], image: number): Float64Array {
  return Float64Array.from(units, (unit) => dot(units[image]!, unit));
}

/** Each once; again, where there are fewer items than are asked for. */
function draw(items: readonly number[], count: number, random: Random): readonly number[] {
  const drawn = random.sample(items.length, count);
  return Array.from({ length: count }, (_, i) => items[drawn[i % drawn.length]!]!);
}

/** Those whose value is the median or more. */
function upperHalf(items: readonly number[], valueOf: (item: number) => number): readonly number[] {
  const values = Float64Array.from(items, valueOf).sort();
  const median = values[values.length >> 1]!;
  return items.filter((item) => valueOf(item) >= median);
}

/** The images of each class, classes in the order in which they come. */
export function groupByClass<T>(classes: ArrayLike<T>): ReadonlyMap<T, readonly number[]> {
  const members = new Map<T, number[]>();
  for (let image = 0; image < classes.length; image++) {
    const known = members.get(classes[image]!);
    if (known === undefined) members.set(classes[image]!, [image]);
    else known.push(image);
  }
  return members;
}
