import { invalidArgument, type SemblanceError } from '../base/errors.js';
import { Random } from '../math/random.js';
import type { ImageRecord } from '../database/types.js';
import type { Store } from '../database/store.js';

export interface DrawnImage {
  readonly id: string;
  /** `metadata.label`, where that is text. */
  readonly label: string | undefined;
}

const imagesPerPage = 500;

/**
 * Draws stored images evenly, without holding the others (Vitter 1985, algorithm R). The same gallery and seed give the same
 * images.
 * @param options.keep which images take part: all unless given
 */
export async function drawImages(
  store: Store,
  options: {
    readonly count: number;
    readonly seed: number;
    readonly keep?: ((image: DrawnImage) => boolean) | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<readonly DrawnImage[]> {
  const { count, seed, keep = () => true, signal } = options;
  const random = new Random(seed);
  const drawn: DrawnImage[] = [];
  let seen = 0;
  for (let after: string | undefined; ;) {
    signal?.throwIfAborted();
    const { edges, hasNextPage } = await store.listImages({ first: imagesPerPage, after });
    for (const { node } of edges) {
      const image = { id: node.id, label: labelOf(node) };
      if (!keep(image)) continue;
      const place = drawn.length < count ? drawn.length : random.integer(seen + 1);
      if (place < count) drawn[place] = image;
      seen += 1;
    }
    after = edges.at(-1)?.cursor;
    if (!hasNextPage || after === undefined) return drawn;
  }
}

export function hasLabel({ label }: DrawnImage): boolean {
  return label !== undefined;
}

export function noLabels(): SemblanceError {
  return invalidArgument('labels', 'stored images with a text metadata.label', undefined);
}

export function labelOf({ metadata }: Pick<ImageRecord, 'metadata'>): string | undefined {
  const { label } = metadata;
  return typeof label === 'string' && label !== '' ? label : undefined;
}
