import type { Matrix } from '../../math/matrix.js';
import type { Raster } from '../../pixels/resample.js';
import type { BagOfWords } from './bag-of-words.js';
import { toGrey } from '../../pixels/luma.js';
import { colorHistogram, greyHistogram } from './histogram.js';
import { hog } from './hog.js';
import { siftFeatures } from './sift/sift.js';
import type { Feature, FeatureRasters } from './feature-messages.js';
import { colorBins, greyBins } from '../leaf.js';

/**
 * Computes each feature of one image; keypoints are found once for all that need them. Tens of milliseconds: not for the
 * main thread.
 * @throws RangeError where a raster is missing, or a vocabulary is not known
 */
export function computeFeatures(
  { picture, square }: FeatureRasters,
  features: readonly Feature[],
  bags: ReadonlyMap<string, BagOfWords>,
): Float32Array<ArrayBuffer>[] {
  let found: Matrix<Float32Array> | undefined;
  const descriptors = () => (found ??= siftFeatures(toGrey(requireRaster(picture))).descriptors);
  return features.map((feature) => {
    switch (feature.kind) {
      case 'sift':
        return Float32Array.from(descriptors().values);
      case 'bag-of-words': {
        const bag = bags.get(feature.vocabulary);
        if (bag === undefined) throw new RangeError('The thread does not know the vocabulary');
        return withFlag(bag.histogram(descriptors()));
      }
      case 'hog':
        return withFlag(hog(toGrey(requireRaster(square))));
      case 'grey-histogram':
        return Float32Array.from(greyHistogram(toGrey(requireRaster(picture)), greyBins));
      case 'color-histogram':
        return Float32Array.from(colorHistogram(requireRaster(picture), colorBins));
    }
  });
}

/**
 * One number more: 1 where all others are 0, else 0. So images without a keypoint or a gradient are alike to each other
 * and to nothing else, and no vector is without direction.
 */
function withFlag(values: Float32Array): Float32Array<ArrayBuffer> {
  const flagged = new Float32Array(values.length + 1);
  flagged.set(values);
  if (values.every((value) => value === 0)) flagged[values.length] = 1;
  return flagged;
}

function requireRaster(raster: Raster | undefined): Raster {
  if (raster === undefined) throw new RangeError('The image was not prepared for this feature');
  return raster;
}
