import type { Raster } from '../../pixels/resample.js';
import type { Vocabulary } from './bag-of-words.js';

/** What a thread may compute of one image. `sift`: the descriptors themselves, row behind row. */
export type Feature =
  | { readonly kind: 'hog' | 'grey-histogram' | 'color-histogram' | 'sift' }
  /** `vocabulary`: the key under which the thread was sent it. */
  | { readonly kind: 'bag-of-words'; readonly vocabulary: string };

/** An image in the two sizes that features are computed from; each where one of them needs it. */
export interface FeatureRasters {
  /** Longer side at most `pictureSidePixels`. */
  readonly picture: Raster | undefined;
  /** `hogSidePixels` squared. */
  readonly square: Raster | undefined;
}

export type ToFeatureThread =
  | { readonly kind: 'vocabulary'; readonly key: string; readonly vocabulary: Vocabulary }
  /** Answered before the next. */
  | { readonly kind: 'compute'; readonly rasters: FeatureRasters; readonly features: readonly Feature[] };

export type FromFeatureThread =
  /** One vector a feature, in their order. */
  | { readonly kind: 'computed'; readonly values: readonly Float32Array<ArrayBuffer>[] }
  | { readonly kind: 'failed'; readonly reason: string };
