import { greySidePixels } from '../../base/limits.js';
import { ImageSsim, type SsimImage } from '../../math/ssim.js';
import type { Reranker, RerankImage } from './reranker.js';
import { overSquaredDistance } from './ssim.js';
import { scoreEach } from './turns.js';

const greyBytes = greySidePixels * greySidePixels;

/** Minus the Euclidean distance of the grey renditions, each grey from 0 to 1. */
export const pixelEuclidean: Reranker = {
  name: 'PIXEL_EUCLIDEAN',
  async score(query, candidates) {
    const grey = greyOf(query);
    return scoreEach(candidates, (candidate) => 0 - Math.sqrt(squaredGreyDistance(grey, greyOf(candidate))));
  },
};

/** Mean structural similarity of the grey renditions: see ImageSsim. */
export function pixelSsim(preparedImages = 0): Reranker {
  const greys = new PreparedGreys(preparedImages);
  return {
    name: 'PIXEL_SSIM',
    async score(query, candidates) {
      const prepared = greys.prepare(greyOf(query));
      return scoreEach(candidates, (candidate) => greys.compare(prepared, greys.prepare(greyOf(candidate))));
    },
  };
}

/** The same divided by the squared distance of the renditions, each grey from 0 to 1. */
export function pixelSsimOverEuclidean(preparedImages = 0): Reranker {
  const greys = new PreparedGreys(preparedImages);
  return {
    name: 'PIXEL_SSIM_OVER_EUCLIDEAN',
    async score(query, candidates) {
      const grey = greyOf(query);
      const prepared = greys.prepare(grey);
      return scoreEach(candidates, (candidate) => {
        const squaredDistance = squaredGreyDistance(grey, greyOf(candidate));
        // Nothing to compare of equal images.
        if (squaredDistance === 0) return Infinity;
        return overSquaredDistance(greys.compare(prepared, greys.prepare(greyOf(candidate))), squaredDistance);
      });
    },
  };
}

/** Local statistics of grey renditions, kept for the first `kept` of them that come. */
class PreparedGreys {
  readonly #ssim = new ImageSsim(greySidePixels, greySidePixels);
  readonly #prepared = new Map<Uint8Array, SsimImage>();
  readonly #kept: number;

  constructor(kept: number) {
    this.#kept = kept;
  }

  prepare(grey: Uint8Array): SsimImage {
    const known = this.#prepared.get(grey);
    if (known !== undefined) return known;
    const prepared = this.#ssim.prepare(grey);
    // The first ones stay: to drop the oldest would keep nothing where the same gallery is compared in turn.
    if (this.#prepared.size < this.#kept) this.#prepared.set(grey, prepared);
    return prepared;
  }

  compare(a: SsimImage, b: SsimImage): number {
    return this.#ssim.compare(a, b);
  }
}

function greyOf({ grey }: RerankImage): Uint8Array {
  if (grey?.length === greyBytes) return grey;
  throw new RangeError(`Expected a grey rendition of ${greyBytes} pixels but received ${grey?.length ?? 'none'}`);
}

function squaredGreyDistance(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < greyBytes; i++) {
    const difference = a[i]! - b[i]!;
    sum += difference * difference;
  }
  return sum / (255 * 255);
}
