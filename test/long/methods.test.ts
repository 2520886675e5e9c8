import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataOf, onlyError, type GraphqlAnswer, type TestClient, type Variables } from '../support/client.js';
import { makeJpeg, makePng } from '../support/make-image.js';
import {
  cleanUp,
  makeFolder,
  runProgram,
  startServer,
  testStores,
  type RunOptions,
  type TestServer,
} from '../support/server.js';

afterAll(cleanUp);

interface Hit {
  readonly similarity: number;
  readonly space: string;
  readonly rerank: string | null;
  readonly score: number | null;
  readonly region: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null;
  readonly image: { readonly id: string; readonly filename: string };
}

interface Search {
  readonly searchByUpload: readonly Hit[];
}

const hitFields = 'similarity space rerank score region { x y width height } image { id filename }';

function searchWith(client: TestClient, bytes: Buffer, variables: Variables): Promise<GraphqlAnswer<Search>> {
  const query = `query ($file: Upload!, $k: Int! = 6, $space: String, $rerank: Rerank, $candidates: Int, $region: RegionInput, $searchRegions: Boolean) {
    searchByUpload(file: $file, k: $k, space: $space, rerank: $rerank, candidates: $candidates, region: $region, searchRegions: $searchRegions) { ${hitFields} }
  }`;
  return client.multipart(query, { file: null, ...variables }, { 'variables.file': { bytes, filename: 'q.jpg' } });
}

const tile = { width: 96, height: 72 };
const mosaics = 4;
/** Each picture stands in one mosaic; the one in its upper right corner is asked for. */
const seedOf = (mosaic: number, corner: number): number => 100 + mosaic * 4 + corner;

/** Four pictures in one, two by two. */
async function makeMosaic(mosaic: number): Promise<Buffer> {
  const { width, height } = tile;
  const corners = await Promise.all([0, 1, 2, 3].map((corner) => makePng(seedOf(mosaic, corner), tile)));
  return sharp({ create: { width: 2 * width, height: 2 * height, channels: 3, background: 'white' } })
    .composite(corners.map((input, at) => ({ input, left: (at % 2) * width, top: Math.floor(at / 2) * height })))
    .png()
    .toBuffer();
}

/** One story per store: what the commands make, the server uses, before and after a restart. */
describe.each(testStores)('methods that the command line made ($name)', (store) => {
  const labels = ['left', 'right'];
  const perLabel = 6;
  let options: RunOptions;
  let server: TestServer | undefined;
  let query: Buffer;

  const run = async (...args: string[]): Promise<string> => {
    const finished = await runProgram(args, options);
    expect(finished.code, finished.output).toBe(0);
    return finished.stdout;
  };
  const start = async (): Promise<TestClient> => (server = await startServer(options)).client;
  /** For commands that want the database to themselves. */
  const stop = async (): Promise<void> => {
    await server?.stop();
    server = undefined;
  };
  const search = async (client: TestClient, variables: Variables): Promise<readonly Hit[]> =>
    dataOf(await searchWith(client, query, variables)).searchByUpload;

  beforeAll(async () => {
    const folder = await makeFolder();
    options = { folder, env: store.environment() };
    query = await makeJpeg(1, tile);
    for (const [index, label] of labels.entries()) {
      await mkdir(join(folder, 'pictures', label), { recursive: true });
      for (let n = 0; n < perLabel; n++) {
        const file = join(folder, 'pictures', label, `${n}.jpg`);
        await writeFile(file, await makeJpeg(1 + index * 50 + n, tile));
      }
    }
    for (let mosaic = 0; mosaic < mosaics; mosaic++)
      await writeFile(join(folder, `mosaic-${mosaic}.png`), await makeMosaic(mosaic));
    await run('import', join(folder, 'pictures'), '--label-from-folders');
  }, 120_000);
  afterAll(stop);

  it('a space is searched by its name, embeds what is uploaded, and is there after a restart', async () => {
    expect(await run('spaces', 'create', 'words', '--method', 'color+bovw-8:2', '--backfill')).toContain(
      'The space can be searched',
    );
    let client = await start();
    const hits = await search(client, { space: 'words', rerank: 'EUCLIDEAN', candidates: 12 });
    expect(hits).toHaveLength(6);
    expect(hits[0]).toMatchObject({ space: 'words', rerank: 'EUCLIDEAN', region: null, image: { filename: '0.jpg' } });
    expect(hits[0]?.score).toBeCloseTo(0, 4);
    // The same picture says something else in the space of the model, where no space is named.
    const plain = await search(client, {});
    expect(plain[0]).toMatchObject({ space: 'semblance-compact', rerank: null, score: null });
    expect(plain[1]?.similarity).not.toBeCloseTo(hits[1]?.similarity ?? NaN, 6);

    const { methods } = await client.data<{
      methods: {
        spaces: readonly { readonly name: string; readonly state: string; readonly imageCount: number }[];
        rerankers: readonly { readonly name: string }[];
      };
    }>('{ methods { spaces { name state imageCount dimensions description } rerankers { name } } }');
    expect(methods.spaces).toEqual([
      {
        name: 'semblance-compact',
        state: 'ACTIVE',
        imageCount: 12,
        dimensions: 768,
        description: '@semblance-compact',
      },
      { name: 'words', state: 'READY', imageCount: 12, dimensions: 521, description: 'color+bovw-8:2' },
    ]);
    expect(methods.rerankers).toHaveLength(10);

    await stop();
    client = await start();
    const again = await search(client, { space: 'words', rerank: 'EUCLIDEAN', candidates: 12 });
    expect(again).toEqual(hits);
    const fresh = await makeJpeg(77, tile);
    const { image } = await client.upload(fresh, 'fresh.jpg');
    const found = dataOf(await searchWith(client, fresh, { space: 'words', k: 1 })).searchByUpload;
    expect(found[0]?.image.id).toBe(image.id);
    expect(found[0]?.similarity).toBeCloseTo(1, 5);
    expect(onlyError(await searchWith(client, query, { space: 'Words' }))).toMatchObject({
      extensions: { code: 'BAD_USER_INPUT' },
      message: expect.stringContaining('"words"') as unknown,
    });
    await stop();
  });

  it('a scorer serves its space, after a restart too, and no other', async () => {
    let client = await start();
    const learned = { rerank: 'LEARNED_LABELS', candidates: 12, k: 12 };
    expect(onlyError(await searchWith(client, query, learned)).message).toContain('semblance train-scorer');
    await stop();
    expect(await run('train-scorer', '--kind', 'labels', '--space', 'words')).toContain('--rerank learned-labels');
    client = await start();
    const hits = await search(client, { ...learned, space: 'words' });
    const scores = hits.map(({ score }) => score ?? NaN);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(scores.every((score) => score >= 0 && score <= 1)).toBe(true);
    expect(hits[0]).toMatchObject({ space: 'words', rerank: 'LEARNED_LABELS' });
    // Trained on words, so it knows nothing of the space of the model.
    expect(onlyError(await searchWith(client, query, learned))).toMatchObject({
      extensions: { code: 'BAD_USER_INPUT' },
      message: expect.stringContaining('semblance train-scorer --space semblance-compact --kind labels') as unknown,
    });
    await stop();
    client = await start();
    expect(await search(client, { ...learned, space: 'words' })).toEqual(hits);
    await stop();
  });

  it('a part finds the image that it is a part of, and says where', async () => {
    const folder = options.folder ?? '';
    const asked = { x: 0.5, y: 0, width: 0.5, height: 0.5 };
    await run('import', ...Array.from({ length: mosaics }, (_, mosaic) => join(folder, `mosaic-${mosaic}.png`)));
    let client = await start();
    const corner = await makePng(seedOf(2, 1), tile);
    const unindexed = await searchWith(client, corner, { searchRegions: true });
    expect(onlyError(unindexed).message).toContain('semblance index-regions');
    await stop();
    expect(await run('index-regions')).toMatch(/^Indexed the parts of 1[67] images/);

    client = await start();
    const [nearest] = dataOf(await searchWith(client, corner, { searchRegions: true })).searchByUpload;
    expect(nearest).toMatchObject({ image: { filename: 'mosaic-2.png' }, region: asked, rerank: null });
    expect(nearest?.similarity).toBeGreaterThan(0.98);
    // The other way round: a part of what is uploaded finds the picture that it shows.
    await client.upload(corner, 'corner.png');
    const mosaic = await makeMosaic(2);
    const [shown] = dataOf(await searchWith(client, mosaic, { region: asked, k: 1 })).searchByUpload;
    expect(shown).toMatchObject({ image: { filename: 'corner.png' }, region: null });
    const [whole] = dataOf(await searchWith(client, mosaic, { k: 1 })).searchByUpload;
    expect(whole?.image.filename).toBe('mosaic-2.png');
    const beyond = await searchWith(client, mosaic, { region: { ...asked, width: 0.6 } });
    expect(onlyError(beyond)).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
    await stop();
  });
});
