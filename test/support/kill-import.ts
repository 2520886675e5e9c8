import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { expect } from 'vitest';
import type { ImageNode, TestClient } from './client.js';
import { makeJpeg, seededRandom } from './make-image.js';
import { makeFolder, startProgram, startServer, type TestServer, type TestStore } from './server.js';

export interface KillOptions {
  readonly store: TestStore;
  readonly seed: number;
  /** Images of the import. */
  readonly count: number;
}

const concurrency = 4;
const imageSize = { width: 64, height: 48 };

/**
 * Kills a server, its whole process group, at a moment of an import that the seed chooses, and holds it to its word: all
 * that it acknowledged is there with bytes, thumbnail and embedding, nothing is there in part, and the import completes.
 *
 * This process uploads and writes the acknowledged ids down; the server is in another group and does not share its fate.
 */
export async function killDuringImport({ store, seed, count }: KillOptions): Promise<void> {
  const random = seededRandom(seed);
  const folder = await makeFolder();
  const environment = store.environment();
  const start = (): Promise<TestServer> => startServer({ folder, env: environment });
  const pictures = await Promise.all(
    Array.from({ length: count }, (_, index) => makeJpeg(seed * 1_000_000 + index, imageSize)),
  );
  const notes = await mkdtemp(join(tmpdir(), 'acknowledged-'));
  const log = join(notes, 'ids');
  await writeFile(log, '');

  const doomed = await start();
  const killAfter = Math.floor(random() * count * 0.95);
  // Between two acknowledgements too: in the middle of a transaction, of a run of the model, of an answer.
  const pauseMs = random() * 30;
  let acknowledged = 0;
  let killed: Promise<unknown> | undefined;
  await uploadAll(doomed.client, pictures, async (id) => {
    await writeFile(log, `${id}\n`, { flag: 'a' });
    if (++acknowledged > killAfter) killed ??= delay(pauseMs).then(() => doomed.kill());
    return doomed.running;
  });
  await killed;
  expect(await doomed.exited).toEqual({ code: null, signal: 'SIGKILL' });

  const ids = (await readFile(log, 'utf8')).split('\n').filter((id) => id !== '');
  expect(ids.length).toBeGreaterThan(killAfter);
  await rm(notes, { recursive: true });

  const server = await start();
  const survivors = await server.client.allImages();
  expect(survivors.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
  await expectWhole(server.client, survivors, pictures);

  await uploadAll(server.client, pictures, () => Promise.resolve(true));
  const images = await server.client.allImages();
  expect(images).toHaveLength(count);
  await expectWhole(server.client, images, pictures);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
}

/** The same for `semblance import`: the process that embeds and writes is the one that is killed. */
export async function killImportCommand({ store, seed, count }: KillOptions): Promise<void> {
  const random = seededRandom(seed);
  const folder = await makeFolder();
  const options = { folder, env: store.environment() };
  const pictures = await Promise.all(
    Array.from({ length: count }, (_, index) => makeJpeg(seed * 1_000_000 + index, imageSize)),
  );
  const files = await Promise.all(
    pictures.map(async (bytes, index) => {
      const path = join(folder, `${index}.jpg`);
      await writeFile(path, bytes);
      return path;
    }),
  );
  const doomed = await startProgram(['import', ...files], options);
  // From its start over the opening of the database to the last images: wherever it is hit, this must hold.
  await delay(1_000 + random() * 4_000);
  doomed.signal('SIGKILL');
  await doomed.exited;

  const partial = await startServer(options);
  const survivors = await partial.client.allImages();
  await expectWhole(partial.client, survivors, pictures);
  await partial.stop();

  const again = await startProgram(['import', ...files], options);
  const { code } = await again.exited;
  expect({ code, output: again.output }).toMatchObject({ code: 0 });
  expect(again.output).toContain(`Imported ${count - survivors.length}, already there ${survivors.length}`);
  const server = await startServer(options);
  const images = await server.client.allImages();
  expect(images).toHaveLength(count);
  await expectWhole(server.client, images, pictures);
  await server.stop();
}

/** Goes on while `acknowledge` says so. */
async function uploadAll(
  client: TestClient,
  pictures: readonly Buffer[],
  acknowledge: (id: string) => Promise<boolean>,
): Promise<void> {
  const queue = [...pictures.entries()];
  const uploader = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, bytes] = next;
      // What a killed server does not answer was not acknowledged.
      const answer = await client.uploadAnswer(bytes, `${index}.jpg`).catch(() => undefined);
      if (answer === undefined) return;
      const id = answer.data?.uploadImage.image.id;
      if (id === undefined) throw new Error(`An upload failed: ${JSON.stringify(answer.errors)}`);
      if (!(await acknowledge(id))) return;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, uploader));
}

/**
 * Every image has its bytes, a thumbnail that decodes, and an embedding that searches find.
 * @param total images of the gallery, where `images` are some of them
 */
export async function expectWhole(
  client: TestClient,
  images: readonly ImageNode[],
  pictures: readonly Buffer[],
  total = images.length,
): Promise<void> {
  const known = new Map(pictures.map((bytes) => [createHash('sha256').update(bytes).digest('hex'), bytes]));
  const queue = [...images];
  const checker = async (): Promise<void> => {
    for (let image = queue.shift(); image !== undefined; image = queue.shift()) {
      const [original, thumbnail, hits] = await Promise.all([
        client.get(image.url),
        client.get(image.thumbnailUrl),
        client.similar(image.id, { k: 1 }),
      ]);
      expect(original.status).toBe(200);
      expect(known.get(image.sha256)?.equals(original.body)).toBe(true);
      expect(thumbnail.status).toBe(200);
      expect((await sharp(thumbnail.body).metadata()).width).toBe(320);
      // The query is left out, so this answers only where the image has an embedding, and its neighbour too.
      expect(hits).toHaveLength(total > 1 ? 1 : 0);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, checker));
  const [first] = images;
  if (first === undefined) return;
  // Every image but the query is a candidate: none lacks its embedding.
  const candidates = await client.similar(first.id, { k: 1_000 });
  expect(candidates).toHaveLength(Math.min(1_000, total - 1));
}
