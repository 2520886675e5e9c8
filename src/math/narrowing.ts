import { matrixOfZeros, rowOf, type Matrix } from './matrix.js';
import { fitPca, project, type Projection } from './pca.js';
import { Random } from './random.js';
import { dot, normalise } from './vector.js';

export interface NarrowingOptions {
  /** Vectors of length 1; none is needed for a random projection. */
  readonly sample: Matrix<Float32Array>;
  readonly components: number;
  /** Draws the random projection; undefined: PCA of the sample. */
  readonly randomSeed: number | undefined;
}

export interface Narrowing {
  readonly projection: Projection;
  /**
   * Share of the ten nearest vectors of the sample, by cosine, that are among the ten nearest once they are projected, 0 to 1;
   * undefined where the sample is too small to tell.
   */
  readonly neighboursKept: number | undefined;
}

const neighbours = 10;
const maxQueries = 200;
const maxSearched = 2_000;

/** Fits or draws a projection to fewer dimensions, and measures what it costs. */
export function narrow({ sample, components, randomSeed }: NarrowingOptions): Narrowing {
  const projection =
    randomSeed === undefined ? fitPca({ sample, components }) : drawProjection(sample.columns, components, randomSeed);
  return { projection, neighboursKept: shareKept(sample, projection) };
}

/**
 * Orthonormal directions that are drawn evenly, about no mean: cosines stay as they are on average (Johnson and Lindenstrauss).
 * @returns the same for the same seed
 */
export function drawProjection(dimensions: number, components: number, seed: number): Projection {
  const random = new Random(seed);
  const directions = matrixOfZeros(components, dimensions);
  const rows = Array.from({ length: components }, (_, row) => rowOf(directions, row));
  for (const [row, direction] of rows.entries()) {
    for (let i = 0; i < dimensions; i++) direction[i] = random.normal();
    // Modified Gram-Schmidt: drawn directions are far from parallel, so that one pass leaves nothing but rounding.
    for (let other = 0; other < row; other++) {
      const against = rows[other]!;
      const share = dot(direction, against);
      for (let i = 0; i < dimensions; i++) direction[i]! -= share * against[i]!;
    }
    normalise(direction);
  }
  return {
    dimensions,
    mean: new Float32Array(dimensions),
    components: { rows: components, columns: dimensions, values: Float32Array.from(directions.values) },
    explainedVariance: new Float32Array(components),
  };
}

function shareKept(sample: Matrix<Float32Array>, projection: Projection): number | undefined {
  const searched = Math.min(sample.rows, maxSearched);
  if (searched <= neighbours) return undefined;
  const whole = Array.from({ length: searched }, (_, row) => rowOf(sample, row));
  const narrowed = whole.map((vector) => normalise(project(projection, vector)));
  const queries = Math.min(searched, maxQueries);
  let kept = 0;
  for (let query = 0; query < queries; query++) {
    const before = new Set(nearest(whole, query));
    kept += nearest(narrowed, query).filter((found) => before.has(found)).length;
  }
  return kept / (queries * neighbours);
}

/** Indices of the vectors nearest to one of them, without itself. */
function nearest(vectors: readonly Float32Array[], query: number): readonly number[] {
  const sought = vectors[query]!;
  return vectors
    .map((vector, index) => ({ index, similarity: index === query ? -Infinity : dot(sought, vector) }))
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, neighbours)
    .map(({ index }) => index);
}
