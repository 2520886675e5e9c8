import { expect } from 'vitest';
import type { App } from '../../src/app.js';
import type { SearchAnswer } from '../../src/operations/search-answer.js';
import { makeJpeg } from './make-image.js';

const k = 5;

interface Seen {
  readonly query: string;
  readonly answer: SearchAnswer;
}

/** Searches, uploads and deletions without pause, until they are ended. */
export interface Traffic {
  /** Searches that were answered so far, by space. */
  readonly answered: ReadonlyMap<string, number>;
  /** Something failed: `end` and `stop` reject with it. */
  readonly broken: boolean;
  /**
   * Ends it and checks it: nothing failed, no answer had fewer than k hits, and each hit's similarity is that of the space
   * that its answer names. Answers the ids of the images that were uploaded and stayed.
   * @param embeddings of the images by space, as far as they are there
   */
  end(embeddings: ReadonlyMap<string, ReadonlyMap<string, Float32Array>>): Promise<readonly string[]>;
  stop(): Promise<readonly string[]>;
}

/** @param ids of stored images, more than a search asks for, that nobody deletes */
export function startTraffic(app: App, ids: readonly string[]): Traffic {
  const { operations } = app;
  const answered = new Map<string, number>();
  const seen: Seen[] = [];
  const stayed: string[] = [];
  let going = true;
  let broken = false;
  const keep = (query: string, answer: SearchAnswer): void => {
    seen.push({ query, answer });
    answered.set(answer.space, (answered.get(answer.space) ?? 0) + 1);
  };
  const repeat = async (work: (round: number) => Promise<void>): Promise<void> => {
    for (let round = 0; going; round++) await work(round);
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
      else stayed.push(image.id);
    }),
  ];
  const stop = async (): Promise<readonly string[]> => {
    going = false;
    await Promise.all(workers);
    return stayed;
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
    get broken() {
      return broken;
    },
    stop,
    end: async (embeddings) => {
      await stop();
      for (const { query, answer } of seen) {
        expect(answer.hits).toHaveLength(k);
        const space = embeddings.get(answer.space);
        const asked = space?.get(query);
        expect(asked, answer.space).toBeDefined();
        for (const { image, similarity } of answer.hits) {
          const embedding = space?.get(image.id);
          if (embedding === undefined || asked === undefined) continue;
          expect(similarity).toBeCloseTo(cosine(asked, embedding), 3);
        }
      }
      return stayed;
    },
  };
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, index) => sum + value * (y[index] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
