import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { App } from '../../src/app.js';
import { cosine } from '../../src/math/vector.js';
import type { SearchAnswer } from '../../src/search/search-answer.js';
import { makeJpeg } from './make-image.js';

const k = 5;
/** What single precision, and a batch of another shape, may change of a similarity. */
const tolerance = 1e-3;
/** Leaves the processors to what the traffic goes on beside: a step would take minutes else. */
const pauseMs = 50;

interface Seen {
  readonly query: string;
  readonly answer: SearchAnswer;
}

/** Searches, uploads and deletions, until they are ended. */
export interface Traffic {
  /** Searches that were answered so far, by space. */
  readonly answered: ReadonlyMap<string, number>;
  /** Something failed: `end` and `stop` reject with it. */
  readonly broken: boolean;
  /** Images that were there before, and those that were uploaded so far and stay. */
  readonly staying: readonly string[];
  /**
   * Ends it and checks it: nothing failed, no answer had fewer than k hits, and each hit's similarity is that of the space
   * that its answer names, and of no other.
   * @param embeddings of `staying` by space, as far as they were uploaded when they were read; of two spaces at least
   * @returns `staying`
   */
  end(embeddings: ReadonlyMap<string, ReadonlyMap<string, Float32Array>>): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** @param ids of stored images, more than a search asks for, that nobody deletes */
export function startTraffic(app: App, ids: readonly string[]): Traffic {
  const { operations } = app;
  const answered = new Map<string, number>();
  const seen: Seen[] = [];
  const staying = [...ids];
  let going = true;
  let broken = false;
  const keep = (query: string, answer: SearchAnswer): void => {
    seen.push({ query, answer });
    answered.set(answer.space, (answered.get(answer.space) ?? 0) + 1);
  };
  const repeat = async (work: (round: number) => Promise<void>): Promise<void> => {
    for (let round = 0; going; round++) {
      await work(round);
      await delay(pauseMs);
    }
  };
  const queryOf = (round: number): string => ids[round % ids.length] ?? '';
  const workers = [
    repeat(async (round) => {
      keep(queryOf(round), await operations.similarImages({ imageId: queryOf(round), k }));
    }),
    repeat(async (round) => {
      keep(queryOf(round), await operations.similarImages({ imageId: queryOf(round), k, rerank: 'EUCLIDEAN' }));
    }),
    repeat(async (round) => {
      const original = await operations.readOriginal(queryOf(round));
      if (original === undefined) throw new Error('Nobody deletes these');
      const answer = await operations.searchByUpload({ bytes: original.bytes, k: k + 1 });
      // Itself first: what remains is the answer of similarImages.
      expect(answer.hits[0]?.similarity).toBeCloseTo(1, 2);
      keep(queryOf(round), { ...answer, hits: answer.hits.filter(({ image }) => image.id !== queryOf(round)) });
    }),
    repeat(async (round) => {
      const upload = { bytes: await makeJpeg(10_000 + round), filename: `${round}.jpg`, priority: 'query' } as const;
      const { image } = await operations.uploadImage(upload);
      if (round % 3 === 0) await operations.deleteImage(image.id);
      else staying.push(image.id);
    }),
  ];
  const stop = async (): Promise<void> => {
    going = false;
    await Promise.all(workers);
  };
  // A worker that fails is heard of when the traffic ends.
  for (const worker of workers) {
    worker.catch(() => {
      going = false;
      broken = true;
    });
  }
  return {
    answered,
    staying,
    get broken() {
      return broken;
    },
    stop,
    end: async (embeddings) => {
      await stop();
      const told = new Map<string, number>();
      for (const { query, answer } of seen) {
        expect(answer.hits).toHaveLength(k);
        for (const { image, similarity } of answer.hits) {
          const bySpace = similaritiesOf(query, image.id, embeddings);
          const own = bySpace.get(answer.space);
          if (own === undefined) continue;
          expect(Math.abs(similarity - own), answer.space).toBeLessThan(tolerance);
          const others = [...bySpace].filter(([space]) => space !== answer.space);
          if (others.some(([, other]) => Math.abs(similarity - other) < tolerance)) continue;
          told.set(answer.space, (told.get(answer.space) ?? 0) + 1);
        }
      }
      // Similarities that both spaces give would tell nothing.
      for (const space of embeddings.keys()) expect(told.get(space), space).toBeGreaterThan(answered.get(space) ?? NaN);
      return staying;
    },
  };
}

/** Of two images, in each space that holds both. */
function similaritiesOf(
  a: string,
  b: string,
  embeddings: ReadonlyMap<string, ReadonlyMap<string, Float32Array>>,
): ReadonlyMap<string, number> {
  const similarities = new Map<string, number>();
  for (const [space, held] of embeddings) {
    const [one, other] = [held.get(a), held.get(b)];
    if (one !== undefined && other !== undefined) similarities.set(space, cosine(one, other));
  }
  return similarities;
}
