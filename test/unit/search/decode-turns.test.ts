import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../../src/app.js';
import { ImageDecoder } from '../../../src/pixels/decode/decode.js';
import type { DecodedImage } from '../../../src/pixels/decode/decoded-image.js';
import type { Priority } from '../../../src/base/concurrency/priority.js';
import { maxImagePixels } from '../../../src/base/limits.js';
import { createOperations } from '../../../src/api/operations.js';
import { buildMemoryApp } from '../../support/http-app.js';
import { makePng } from '../../support/make-image.js';

/** One turn, which the test can hold, and notes of who got it. */
class WatchedDecoder extends ImageDecoder {
  readonly started: string[] = [];
  readonly #names = new Map<number, string>();

  /** Names an image by its width, which only this test's images have. */
  name(width: number, name: string): void {
    this.#names.set(width, name);
  }

  override use<T>(
    bytes: Buffer,
    priority: Priority,
    work: (image: DecodedImage) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const noted = (image: DecodedImage): Promise<T> => {
      this.started.push(this.#names.get(image.width) ?? 'unnamed');
      return work(image);
    };
    return super.use(bytes, priority, noted, signal);
  }

  /** Takes the turn until the answer is called and has settled. */
  async hold(): Promise<() => Promise<void>> {
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const bytes = await makePng(1, { width: 8, height: 8 });
    let running: Promise<void> = Promise.resolve();
    await new Promise<void>((resolve) => {
      running = super.use(bytes, 'query', () => {
        resolve();
        return held;
      });
    });
    return async () => {
      letGo();
      await running;
    };
  }
}

/** Bytes that count how often they were asked for. */
function watchedBytes(bytes: Buffer): { readonly source: AsyncIterable<Uint8Array>; readonly reads: () => number } {
  let reads = 0;
  const source = {
    // eslint-disable-next-line @typescript-eslint/require-await -- the interface of a stream
    async *[Symbol.asyncIterator]() {
      reads++;
      yield bytes;
    },
  };
  return { source, reads: () => reads };
}

describe('turns at decoding', () => {
  let app: App;
  beforeAll(async () => {
    app = await buildMemoryApp();
  });
  afterAll(() => app.close());

  const gallery = (maxWaiting?: number) => {
    const decoder = new WatchedDecoder({ maxPixels: maxImagePixels, concurrency: 1, maxWaiting });
    const operations = createOperations({ ...app.context, decoder, maxUploadBytes: 1_000_000 });
    const waiting = async (counts: Readonly<Record<Priority, number>>): Promise<void> => {
      await expect.poll(() => ({ ...decoder.waiting })).toEqual(counts);
    };
    return { decoder, operations, waiting };
  };

  it('gives the next one to a search and a rendition, whatever uploads wait', async () => {
    const { decoder, operations, waiting } = gallery();
    const stored = await operations.uploadImage({
      bytes: await makePng(2, { width: 20, height: 20 }),
      filename: 'a.png',
      priority: 'query',
    });
    decoder.name(20, 'rendition');
    decoder.name(30, 'bulk');
    decoder.name(40, 'search');
    decoder.name(50, 'upload');
    decoder.started.length = 0;

    const letGo = await decoder.hold();
    const uploads = await Promise.all(Array.from({ length: 6 }, (_, i) => makePng(10 + i, { width: 30, height: 30 })));
    const results = uploads.map((bytes) => operations.uploadImage({ bytes, filename: 'b.png', priority: 'bulk' }));
    await waiting({ query: 0, bulk: 6 });
    results.push(
      operations.uploadImage({
        bytes: await makePng(3, { width: 50, height: 50 }),
        filename: 'c.png',
        priority: 'query',
      }),
    );
    await waiting({ query: 1, bulk: 6 });
    const search = operations.searchByUpload({ bytes: await makePng(4, { width: 40, height: 40 }), k: 1 });
    await waiting({ query: 2, bulk: 6 });
    const rendition = operations.readRendition(stored.image.id);
    await waiting({ query: 3, bulk: 6 });

    await letGo();
    await Promise.all([...results, search, rendition]);
    expect(decoder.started).toEqual(['upload', 'search', 'rendition', ...uploads.map(() => 'bulk')]);
  });

  it('reads no bytes of what it refuses, and goes on once there is room', async () => {
    const { decoder, operations, waiting } = gallery(1);
    const [first, second, third] = await Promise.all([21, 22, 23].map((seed) => makePng(seed)));
    if (first === undefined || second === undefined || third === undefined) throw new Error('Three images were drawn');
    const letGo = await decoder.hold();
    const bulk = operations.uploadImage({ bytes: first, filename: 'a.png', priority: 'bulk' });
    const query = operations.searchByUpload({ bytes: second, k: 1 });
    await waiting({ query: 1, bulk: 1 });

    const refusal = { code: 'OVERLOADED', message: 'Too many images wait to be decoded' };
    const refused = watchedBytes(third);
    const upload = { bytes: refused.source, filename: 'c.png', priority: 'bulk' } as const;
    await expect(operations.uploadImage(upload)).rejects.toMatchObject(refusal);
    await expect(operations.searchByUpload({ bytes: refused.source, k: 1 })).rejects.toMatchObject(refusal);
    expect(refused.reads()).toBe(0);

    await letGo();
    await Promise.all([bulk, query]);
    await expect(operations.uploadImage(upload)).resolves.toMatchObject({ created: true });
    expect(refused.reads()).toBe(1);
  });

  it('decodes no rendition for a client that left', async () => {
    const { decoder, operations, waiting } = gallery();
    const { image } = await operations.uploadImage({ bytes: await makePng(31), filename: 'a.png', priority: 'query' });
    decoder.started.length = 0;
    const letGo = await decoder.hold();
    const client = new AbortController();
    const outcome = operations.readRendition(image.id, client.signal).catch((reason: unknown) => reason);
    await waiting({ query: 1, bulk: 0 });
    client.abort(new Error('the client left'));
    await letGo();
    expect(await outcome).toMatchObject({ message: 'the client left' });
    expect(decoder.started).toEqual([]);
  });
});
