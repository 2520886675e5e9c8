import { describe, expect, it } from 'vitest';
import { matrixOf, rowOf, type Matrix } from '../../../../src/math/matrix.js';
import { Random } from '../../../../src/math/random.js';
import { norm, squaredEuclidean } from '../../../../src/math/vector.js';
import { BagOfWords, chooseVocabularySize, trainVocabulary } from '../../../../src/methods/features/bag-of-words.js';
import { readGolden } from '../../../support/golden-values.js';

interface Golden {
  readonly words: number[][];
  readonly images: number[][][];
  readonly inverseDocumentFrequencies: number[];
  readonly histograms: number[][];
}

const golden = readGolden<Golden>('bag-of-words');
const none: Matrix<Float32Array> = { rows: 0, columns: 4, values: new Float32Array() };
const goldenImages = golden.images.map((rows) => (rows.length === 0 ? none : matrixOf(rows)));

/** Images whose descriptors lie around five points far apart; image i never shows point i % 5. */
const random = new Random(1);
const points = matrixOf(
  Array.from({ length: 5 }, (_, point) =>
    Array.from({ length: 4 }, (__, axis) => (axis === point % 4 ? 10 * (point + 1) : 0)),
  ),
);
const images = Array.from({ length: 20 }, (_, image) =>
  matrixOf(
    Array.from({ length: 40 }, (__, row) => {
      const point = (row + image + 1) % 5 === image % 5 ? (image + 1) % 5 : (row + image + 1) % 5;
      return rowOf(points, point).map((value) => value + 0.2 * random.normal());
    }),
  ),
);

describe('BagOfWords', () => {
  const bag = new BagOfWords({
    words: matrixOf(golden.words),
    inverseDocumentFrequencies: Float32Array.from(golden.inverseDocumentFrequencies),
  });

  it('makes the tf-idf histograms of scikit-learn, to 1e-6', () => {
    goldenImages.forEach((image, index) => {
      const histogram = bag.histogram(image);
      golden.histograms[index]?.forEach((value, word) => {
        expect(histogram[word]).toBeCloseTo(value, 6);
      });
    });
  });

  it('has nothing to say of an image without descriptors', () => {
    expect(bag.histogram(none)).toEqual(new Float32Array(7));
  });

  it('refuses descriptors of another length', () => {
    expect(() => bag.histogram(matrixOf([[1, 2]]))).toThrow('Words of 4 numbers do not fit descriptors of 2');
  });
});

describe('trainVocabulary', () => {
  it('finds the words, the same for a seed', () => {
    const vocabulary = trainVocabulary({ images, words: 5, seed: 1 });
    for (let point = 0; point < points.rows; point++) {
      const distances = [0, 1, 2, 3, 4].map((word) =>
        squaredEuclidean(rowOf(points, point), rowOf(vocabulary.words, word)),
      );
      expect(Math.min(...distances)).toBeLessThan(0.05);
    }
    expect(trainVocabulary({ images, words: 5, seed: 1 })).toEqual(vocabulary);
    expect(norm(new BagOfWords(vocabulary).histogram(images[0] ?? none))).toBeCloseTo(1, 6);
  });

  it('weighs a word by how many images have it, those without descriptors counted', () => {
    const vocabulary = trainVocabulary({ images: [...images, none], words: 1, seed: 1 });
    expect(vocabulary.inverseDocumentFrequencies[0]).toBeCloseTo(Math.log(22 / 21) + 1, 6);
    const { inverseDocumentFrequencies } = trainVocabulary({ images: goldenImages, words: 3, seed: 2 });
    expect(Math.min(...inverseDocumentFrequencies)).toBeGreaterThanOrEqual(1);
  });

  it('draws no more descriptors than it may: then too few for the words', () => {
    expect(() => trainVocabulary({ images, words: 30, seed: 1, maxDescriptors: 20 })).toThrow(
      'Expected an integer from 1 to the 20 descriptors to train on for words but received 30',
    );
  });

  it('refuses fewer descriptors than words', () => {
    expect(() => trainVocabulary({ images: goldenImages, words: 33, seed: 1 })).toThrow('the 32 descriptors');
    expect(() => trainVocabulary({ images: [none], words: 1, seed: 1 })).toThrow('the 0 descriptors');
  });
});

describe('chooseVocabularySize', () => {
  it('takes the number of words that is there', () => {
    const seen: number[] = [];
    const { words, scores } = chooseVocabularySize({
      images,
      candidates: [2, 3, 5, 9, 40],
      seed: 1,
      onCandidate: (score) => seen.push(score.words),
    });
    expect(words).toBe(5);
    expect(scores.map((score) => score.words)).toEqual([2, 3, 5, 9, 40]);
    expect(Math.min(...scores.map((score) => score.daviesBouldin))).toBe(scores[2]?.daviesBouldin);
    expect(seen).toEqual([2, 3, 5, 9, 40]);
  });

  it('takes the smallest where descriptors are all alike', () => {
    const alike = matrixOf([
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    const { words, scores } = chooseVocabularySize({ images: [alike], candidates: [3, 2], seed: 1 });
    expect({ words, scores }).toEqual({
      words: 2,
      scores: [
        { words: 3, daviesBouldin: Infinity },
        { words: 2, daviesBouldin: Infinity },
      ],
    });
  });

  it.each([[[]], [[1, 5]], [[5, 900]]])('refuses candidates %j', (candidates) => {
    expect(() => chooseVocabularySize({ images, candidates, seed: 1 })).toThrow('for words but received');
  });
});
