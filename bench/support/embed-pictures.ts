import { availableParallelism, tmpdir } from 'node:os';
import { normalise } from '../../src/math/vector.js';
import { openEmbedder } from '../../src/models/embedder/open-embedder.js';
import { ImageDecoder } from '../../src/pixels/decode/decode.js';
import { cropToRegion, type Region } from '../../src/pixels/region.js';

export interface PictureEmbedder {
  /** @returns an embedding of norm 1 for each region of the picture, in their order; of the whole picture unless given */
  embed(bytes: Buffer, regions?: readonly Region[]): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}

export const wholePicture: Region = { x: 0, y: 0, width: 1, height: 1 };

/** Embeds pictures as the server does, without a database. */
export async function openPictureEmbedder(model: string): Promise<PictureEmbedder> {
  const decoder = new ImageDecoder({ maxPixels: 50_000_000, concurrency: availableParallelism() });
  const embedder = openEmbedder({ model, dataDir: tmpdir(), threads: 1 });
  await embedder.settled;
  return {
    embed: async (bytes, regions = [wholePicture]) => {
      const image = await decoder.decode(bytes, 'bulk');
      const embeddings: Float32Array[] = [];
      // One after another: the queue of a model is bounded.
      for (const region of regions) {
        const input = await embedder.prepare(cropToRegion(image, region), 'bulk');
        embeddings.push(normalise(await embedder.embed(input, 'bulk')));
      }
      return embeddings;
    },
    close: async () => {
      await Promise.all([decoder.close(), embedder.close()]);
    },
  };
}

/** Runs `work` for every item, a few at a time, and answers in their order. */
export async function mapFew<T, U>(items: readonly T[], work: (item: T, index: number) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  const few = 8;
  for (let i = 0; i < items.length; i += few) {
    results.push(...(await Promise.all(items.slice(i, i + few).map((item, at) => work(item, i + at)))));
    if (i % (few * 25) === 0) console.error(`${i} of ${items.length}`);
  }
  return results;
}
