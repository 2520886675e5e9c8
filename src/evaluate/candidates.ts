import { setImmediate } from 'node:timers/promises';
import type { ExactSearch } from '../models/session/nearest.js';
import { normalise } from '../math/vector.js';
import type { EvaluationImages } from './read-images.js';

/** Images that are indexed and asked, by their rows. */
export interface Parts {
  readonly images: EvaluationImages;
  /** In trec_eval's order of equal scores: see from-files.ts. */
  readonly gallery: readonly number[];
  readonly queries: readonly number[];
}

/** What one query found, nearest first; itself left out. */
export interface Candidates {
  /** Into `queries`. */
  readonly query: number;
  /** Into `gallery`. */
  readonly positions: readonly number[];
  readonly similarities: readonly number[];
  readonly ms: number;
}

/** A block is searched as a whole; blocks begin at its multiples, so that a run that goes on gives the same numbers. */
export const queryBlock = 256;

/** Queries from `first` on, in order. */
export type CandidateSource = (first: number) => AsyncGenerator<Candidates>;

export interface ExactOptions {
  readonly parts: Parts;
  readonly vectors: Float32Array;
  readonly dimensions: number;
  readonly search: ExactSearch;
  /** Candidates of a query. */
  readonly count: number;
  readonly signal: AbortSignal;
}

/** Cosine to every image of the gallery. */
export function exactCandidates({ parts, vectors, dimensions, search, count, signal }: ExactOptions): CandidateSource {
  const units = (rows: readonly number[]): Float32Array => {
    const values = new Float32Array(rows.length * dimensions);
    for (const [at, row] of rows.entries()) {
      const unit = values.subarray(at * dimensions, (at + 1) * dimensions);
      unit.set(vectors.subarray(row * dimensions, (row + 1) * dimensions));
      normalise(unit);
    }
    return values;
  };
  const { gallery, queries } = parts;
  const own = new Map(gallery.map((row, position) => [row, position]));
  const indexed = { values: units(gallery), dimensions };
  // One more, for a query that finds itself.
  const asked = Math.min(gallery.length, count + 1);
  return async function* (first) {
    for (let start = first - (first % queryBlock); start < queries.length; start += queryBlock) {
      signal.throwIfAborted();
      const block = queries.slice(start, start + queryBlock);
      const startedMs = performance.now();
      const found = await search.nearest(indexed, { values: units(block), dimensions }, asked);
      const ms = (performance.now() - startedMs) / block.length;
      for (let at = Math.max(0, first - start); at < block.length; at++) {
        const self = own.get(block[at]!);
        const positions: number[] = [];
        const similarities: number[] = [];
        for (let place = at * asked; place < (at + 1) * asked && positions.length < count; place++) {
          const position = found.rows[place]!;
          if (position === self) continue;
          positions.push(position);
          similarities.push(found.products[place]!);
        }
        yield { query: start + at, positions, similarities, ms };
      }
      // The search blocked the thread: Ctrl-C and the bar get their turn.
      await setImmediate();
    }
  };
}
