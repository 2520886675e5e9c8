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
  /** Most pairs of each of the four kinds that begin at one image. */
  readonly perKind: number;
  readonly seed: number;
  /** Called after each image with the number of images done. */
  readonly onProgress?: ((images: number) => void) | undefined;
}

/**
 * From each image as many pairs of each of four kinds: easy positives and easy negatives drawn at random, hard positives the
 * farthest of its class, hard negatives the nearest of all other classes. As many as `perKind`, or as its class has other
 * images: an image that is alone in its class begins no pair, and is a negative of others. The same input makes the same
 * pairs.
 */
export async function drawPairs({ units, classes, perKind, seed, onProgress }: PairsInput): Promise<Pairs> {
  const random = new Random(seed);
  const members = groupByClass(classes);
  const first: number[] = [];
  const second: number[] = [];
  const same: number[] = [];
  await inTurns(units.length, (image) => {
    const others = members.get(classes[image]!)!.filter((other) => other !== image);
    const count = Math.min(perKind, others.length);
    const positives = [...drawn(others, count, random), ...farthest(others, count, units, image)];
    const negatives = [
      ...drawnNegatives(classes, count, random, image),
      ...nearestNegatives({ units, classes, count, image }),
    ];
    for (const [partners, isSame] of [
      [positives, 1],
      [negatives, 0],
    ] as const) {
      for (const partner of partners) {
        first.push(image);
        second.push(partner);
        same.push(isSame);
      }
    }
    onProgress?.(image + 1);
  });
  return { first: Uint32Array.from(first), second: Uint32Array.from(second), same: Uint8Array.from(same) };
}

function drawn(items: readonly number[], count: number, random: Random): readonly number[] {
  return Array.from(random.sample(items.length, count), (index) => items[index]!);
}

function farthest(
  others: readonly number[],
  count: number,
  units: readonly Float32Array[],
  image: number,
): readonly number[] {
  const lowest = new Lowest(count);
  for (const other of others) lowest.offer(other, dot(units[image]!, units[other]!));
  return lowest.items;
}

/** With repetition: of few other images each must come more than once. */
function drawnNegatives(classes: Int32Array, count: number, random: Random, image: number): readonly number[] {
  return Array.from({ length: count }, () => {
    for (;;) {
      const other = random.integer(classes.length);
      if (classes[other] !== classes[image]) return other;
    }
  });
}

function nearestNegatives({
  units,
  classes,
  count,
  image,
}: Pick<PairsInput, 'units' | 'classes'> & { readonly count: number; readonly image: number }): readonly number[] {
  if (count === 0) return [];
  const lowest = new Lowest(count);
  for (let other = 0; other < units.length; other++) {
    if (classes[other] !== classes[image]) lowest.offer(other, -dot(units[image]!, units[other]!));
  }
  return lowest.items;
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

/** Keeps the items of the lowest values, lowest first; of equal values the one that came first. */
class Lowest {
  readonly items: number[] = [];
  readonly #values: number[] = [];
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  offer(item: number, value: number): void {
    if (this.items.length === this.#count) {
      if (this.#count === 0 || value >= this.#values.at(-1)!) return;
      this.items.pop();
      this.#values.pop();
    }
    let at = this.items.length;
    while (at > 0 && value < this.#values[at - 1]!) at--;
    this.items.splice(at, 0, item);
    this.#values.splice(at, 0, value);
  }
}
