import { getEventListeners } from 'node:events';
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../../src/app.js';
import { greySidePixels } from '../../../src/base/limits.js';
import { createOperations } from '../../../src/api/operations.js';
import { rerankers } from '../../../src/methods/rerank/reranker.js';
import { fixtureBytes } from '../../fixtures/images.js';
import { codeOf, dataOf, onlyError, type GraphqlAnswer } from '../../support/client.js';
import { openHttpDoor, type HttpDoor } from '../../support/http-app.js';
import { makeJpeg, makePng } from '../../support/make-image.js';
import { openPersistentApp, persistentStores, type PersistentApp } from '../../support/persistent-app.js';
import { tinyModelFolder } from '../../support/tiny-models.js';

/** A projection to 64 numbers wants 65 images at least. */
const galleryImages = 72;
const classes = ['red', 'green', 'blue'];
const tinyModel = 'nchw-float32-convolutional';

/** In the order in which they are made, one more image stored before each. `sampled`: nothing, all, or those with a label. */
const methods = {
  gradients: { recipe: 'hog', dimensions: 577, sampled: 0 },
  words: { recipe: 'bovw-20', dimensions: 21, sampled: galleryImages + 1 },
  projected: { recipe: 'vit.whiten-64', dimensions: 64, sampled: galleryImages + 2 },
  fused: { recipe: 'hog:2+grey.class', dimensions: 644, sampled: galleryImages },
  network: { recipe: `@${tinyModel}`, dimensions: 40, sampled: 0 },
} as const;
const spaceNames = Object.keys(methods) as (keyof typeof methods)[];

interface MethodHit {
  readonly rank: number;
  readonly similarity: number;
  readonly space: string;
  readonly rerank: string | null;
  readonly score: number | null;
  readonly region: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null;
  readonly image: { readonly id: string };
}

const parameters =
  '$k: Int! = 5, $space: String, $rerank: Rerank, $candidates: Int, $region: RegionInput, $searchRegions: Boolean, $filter: ImageFilter, $minSimilarity: Float';
const args =
  'k: $k, space: $space, rerank: $rerank, candidates: $candidates, region: $region, searchRegions: $searchRegions, filter: $filter, minSimilarity: $minSimilarity';
const fields = 'rank similarity space rerank score region { x y width height } image { id }';

type Variables = Readonly<Record<string, unknown>>;

describe.each(persistentStores())('methods on the %s store', (kind) => {
  let gallery: PersistentApp;
  let app: App;
  let door: HttpDoor;
  const ids: string[] = [];

  beforeAll(async () => {
    gallery = await openPersistentApp(kind);
    app = gallery.app;
    await cp(tinyModelFolder(tinyModel), join(gallery.dataDir, 'models', tinyModel), { recursive: true });
    for (let seed = 1; seed <= galleryImages; seed++) {
      const { image } = await app.operations.uploadImage({
        bytes: await makeJpeg(seed),
        filename: `${seed}.jpg`,
        metadata: { label: classes[seed % classes.length] },
        priority: 'bulk',
      });
      ids.push(image.id);
    }
    door = await openHttpDoor(app.operations);
  }, 300_000);

  afterAll(async () => {
    await door.close();
    await gallery.remove();
  });

  const idOf = (seed: number): string => ids[seed - 1] ?? '';

  const reopen = async (): Promise<void> => {
    await door.close();
    app = await gallery.reopen();
    door = await openHttpDoor(app.operations);
  };

  const similarAnswer = (imageId: string, variables: Variables = {}) =>
    door.client.graphql<{ readonly similarImages: readonly MethodHit[] }>(
      `query ($imageId: ID!, ${parameters}) { similarImages(imageId: $imageId, ${args}) { ${fields} } }`,
      { imageId, ...variables },
    );
  const similar = async (imageId: string, variables?: Variables) =>
    dataOf(await similarAnswer(imageId, variables)).similarImages;

  const searchAnswer = (
    bytes: Buffer,
    variables: Variables = {},
  ): Promise<GraphqlAnswer<{ readonly searchByUpload: readonly MethodHit[] }>> =>
    door.client.multipart(
      `query ($file: Upload!, ${parameters}) { searchByUpload(file: $file, ${args}) { ${fields} } }`,
      { file: null, ...variables },
      { 'variables.file': { bytes, filename: 'query.jpg' } },
    );
  const search = async (bytes: Buffer, variables?: Variables) =>
    dataOf(await searchAnswer(bytes, variables)).searchByUpload;

  const refusalOf = async (answer: Promise<GraphqlAnswer<unknown>>) => {
    const { message, extensions } = onlyError(await answer);
    return `${String(extensions?.['code'])}: ${message}`;
  };

  interface Methods {
    readonly methods: {
      readonly spaces: readonly {
        readonly name: string;
        readonly model: string;
        readonly description: string;
        readonly dimensions: number;
        readonly state: string;
        readonly imageCount: number;
        readonly regionCount: number;
        readonly scorers: readonly string[];
      }[];
      readonly rerankers: readonly {
        readonly name: string;
        readonly description: string;
        readonly needs: { readonly grey: boolean; readonly scorer: string | null };
      }[];
    };
  }
  const listMethods = async () =>
    (
      await door.client.data<Methods>(`{ methods {
        spaces { name model description dimensions state imageCount regionCount scorers }
        rerankers { name description needs { grey scorer } }
      } }`)
    ).methods;

  describe('a space', () => {
    test.each(spaceNames)('%s is fitted, filled while uploads go on, and only then searched', async (name) => {
      const stages = new Set<string>();
      const created = await app.operations.createSpace({
        name,
        recipe: methods[name].recipe,
        seed: 7,
        onProgress: ({ stage, done, total }) => {
          stages.add(stage);
          expect(done).toBeLessThanOrEqual(total);
        },
      });
      const missing = galleryImages + spaceNames.indexOf(name);
      const { dimensions, sampled } = methods[name];
      expect(created).toMatchObject({ space: { name, state: 'building', dimensions }, sampled, missing, failed: [] });
      expect(created.sampled === 0).toBe(stages.size === 0);

      const refusal = await refusalOf(similarAnswer(idOf(1), { space: name }));
      expect(refusal).toBe(
        `BAD_USER_INPUT: The space "${name}" is being built: ${missing} images have no embedding in it yet. \`semblance spaces backfill ${name}\` finishes it`,
      );
      const during = await door.client.upload(await makeJpeg(100 + spaceNames.indexOf(name)));
      ids.push(during.image.id);
      const listed = (await listMethods()).spaces.find((space) => space.name === name);
      expect(listed).toMatchObject({ state: 'BUILDING', imageCount: 1 });

      expect(await app.operations.backfillSpace({ name })).toEqual({
        space: name,
        state: 'ready',
        embedded: missing,
        failed: [],
        missing: 0,
        interrupted: false,
      });
      const hits = await similar(during.image.id, { space: name });
      expect(hits).toHaveLength(5);
      expect(hits.map(({ space, rerank, score, region }) => ({ space, rerank, score, region }))).toEqual(
        hits.map(() => ({ space: name, rerank: null, score: null, region: null })),
      );
    });

    test('is there after a restart, and gives the embeddings that it gave before', async () => {
      const before = await Promise.all(spaceNames.map((space) => similar(idOf(3), { space, k: 20 })));
      await reopen();
      const after = await Promise.all(spaceNames.map((space) => similar(idOf(3), { space, k: 20 })));
      expect(after).toEqual(before);
      for (const space of spaceNames) {
        // Encoded anew, with what was read from the database.
        const answer = await searchAnswer(await makeJpeg(3), { space, k: 2 });
        const [first, second] = dataOf(answer).searchByUpload;
        expect(first?.image.id).toBe(idOf(3));
        expect(first?.similarity).toBeCloseTo(1, 5);
        expect(second?.similarity).toBeLessThan(1);
        expect(answer.extensions?.semblance).toMatchObject({ space, rerankMs: 0 });
      }
    });

    test('costs a search one more statement where it is named, and none where it is not', async () => {
      const asked: string[] = [];
      const store = new Proxy(app.store, {
        get: (target, name) => {
          if (name !== 'kind' && name !== 'state') asked.push(String(name));
          const value = Reflect.get(target, name) as unknown;
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
      const operations = createOperations({ ...app.context, store });
      await operations.similarImages({ imageId: idOf(1), k: 3 });
      expect(asked.splice(0)).toEqual(['searchByImage']);
      await operations.similarImages({ imageId: idOf(1), k: 3, space: 'words' });
      expect(asked.splice(0)).toEqual(['liveSpaces', 'searchByImage']);
      await operations.similarImages({ imageId: idOf(1), k: 3, rerank: 'EUCLIDEAN' });
      expect(asked.splice(0)).toEqual(['liveSpaces', 'searchByImage', 'readEmbeddings']);
      await operations.searchByUpload({ bytes: await makeJpeg(1), k: 3, space: 'words' });
      // What was fitted was read once before: see the restart above.
      expect(asked.splice(0)).toEqual(['liveSpaces', 'searchByVector']);
    });

    test('that came up under an upload gets its embedding of it, too', async () => {
      const { store } = app;
      const stale = Object.create(store) as typeof store;
      const set: number[] = [];
      stale.findForUpload = async (id) => {
        const { image, spaces } = await store.findForUpload(id);
        return { image, spaces: spaces.filter(({ state }) => state === 'active') };
      };
      stale.insertImage = (image) => {
        set.push(image.embeddings.length);
        return store.insertImage(image);
      };
      const operations = createOperations({ ...app.context, store: stale });
      const { image, created } = await operations.uploadImage({
        bytes: await makeJpeg(200),
        filename: 'late.jpg',
        priority: 'bulk',
      });
      expect(created).toBe(true);
      expect(set).toEqual([1, 1 + spaceNames.length]);
      for (const space of spaceNames) expect(await similar(image.id, { space, k: 1 })).toHaveLength(1);
      await app.operations.deleteImage(image.id);
    });

    test('differs from the others in what it finds', async () => {
      const found = await Promise.all(
        [undefined, ...spaceNames].map(async (space) =>
          (await similar(idOf(5), { space, k: 20 })).map(({ image }) => image.id).join(),
        ),
      );
      expect(new Set(found).size).toBe(found.length);
    });

    test('leaves what names none as it was', async () => {
      const { extensions, data } = await similarAnswer(idOf(1));
      expect(extensions?.semblance?.space).toBe('semblance-compact');
      expect(data?.similarImages[0]?.space).toBe('semblance-compact');
      expect(await door.client.data('{ status { activeSpace model dimensions imageCount } }')).toEqual({
        status: {
          activeSpace: 'semblance-compact',
          model: 'semblance-compact',
          dimensions: 768,
          imageCount: galleryImages + spaceNames.length,
        },
      });
    });

    test('is listed with its method and state', async () => {
      const { spaces, rerankers: listed } = await listMethods();
      expect(spaces.map(({ name }) => name)).toEqual(['semblance-compact', ...[...spaceNames].sort()]);
      expect(spaces.map(({ state }) => state)).toEqual(['ACTIVE', ...spaceNames.map(() => 'READY')]);
      expect(spaces.find(({ name }) => name === 'words')).toMatchObject({ model: 'bovw-20', description: 'bovw-20' });
      expect(spaces.find(({ name }) => name === 'network')?.model).toBe(tinyModel);
      expect(new Set(spaces.map(({ imageCount }) => imageCount))).toEqual(new Set([ids.length]));
      expect(listed.map(({ name }) => name)).toEqual([...rerankers]);
      expect(listed.filter(({ needs }) => needs.grey).map(({ name }) => name)).toEqual(
        rerankers.filter((name) => name.startsWith('PIXEL_')),
      );
      expect(listed.find(({ name }) => name === 'LEARNED_LABELS')?.needs.scorer).toBe('LABELS');
    });
  });

  describe('what cannot be made', () => {
    const create = (name: string, recipe: string, more: { readonly sampleImages?: number } = {}) =>
      app.operations.createSpace({ name, recipe, ...more });

    test.each([
      ['a name that cannot be typed', 'two words', 'hog', 'BAD_USER_INPUT', /for name but received "two words"/],
      ['a name that is taken', 'words', 'hog', 'CONFLICT', /a space "words" already/],
      ['an unknown method', 'new', 'fourier', 'BAD_USER_INPUT', /"fourier"/],
      ['an unknown model', 'new', '@nobody', 'MODEL_UNAVAILABLE', /"nobody" was not found/],
      [
        'more dimensions than images',
        'new',
        'vit.pca-200',
        'BAD_USER_INPUT',
        /from 1 to 7\d \(a sample of 7\d × 768\)/,
      ],
    ])('%s', async (_case, name, recipe, code, message) => {
      await expect(create(name, recipe)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message) as string,
      });
    });

    test('a vocabulary of more words than descriptors', async () => {
      await expect(create('new', 'bovw-700', { sampleImages: 1 })).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        message: expect.stringContaining('descriptors') as string,
      });
    });

    test('classes without labels', async () => {
      const empty = await openPersistentApp(kind);
      try {
        for (let seed = 1; seed <= 3; seed++)
          await empty.app.operations.uploadImage({ bytes: await makePng(seed), filename: 'x.png', priority: 'bulk' });
        const made = empty.app.operations.createSpace({ name: 'new', recipe: 'hog.class' });
        const trained = empty.app.operations.trainScorer({ kind: 'labels' });
        const message = 'Expected stored images with a text metadata.label for labels but received nothing';
        await expect(made).rejects.toMatchObject({ code: 'BAD_USER_INPUT', message });
        await expect(trained).rejects.toMatchObject({ code: 'BAD_USER_INPUT', message });
      } finally {
        await empty.remove();
      }
    });

    test('none of them left a space behind', async () => {
      expect((await listMethods()).spaces).toHaveLength(1 + spaceNames.length);
    });
  });

  describe('a re-ranker', () => {
    const learned = rerankers.filter((name) => name.startsWith('LEARNED_'));

    test.each(learned)('%s wants a scorer of the space', async (rerank) => {
      const scorer = rerank === 'LEARNED_LABELS' ? 'labels' : 'heuristic';
      expect(await refusalOf(similarAnswer(idOf(1), { rerank, space: 'words' }))).toBe(
        `BAD_USER_INPUT: ${rerank} has no scorer in the space "words": \`semblance train-scorer --space words --kind ${scorer}\` trains one`,
      );
    });

    test('that learned serves the space it was trained for, also after a restart', async () => {
      for (const scorer of ['heuristic', 'labels'] as const) {
        const trained = await app.operations.trainScorer({ kind: scorer, epochs: 1 });
        expect(trained).toEqual({ space: 'semblance-compact', kind: scorer, images: galleryImages, classes: 3 });
      }
      await reopen();
      for (const rerank of learned) {
        expect(await similar(idOf(1), { rerank })).toHaveLength(5);
        expect(codeOf(await similarAnswer(idOf(1), { rerank, space: 'gradients' }))).toBe('BAD_USER_INPUT');
      }
      expect((await listMethods()).spaces[0]?.scorers).toEqual(['HEURISTIC', 'LABELS']);
    });

    test.each(rerankers)('%s orders the candidates by its score, and says so', async (rerank) => {
      const byCosine = await similar(idOf(2), { k: 12 });
      const answer = await similarAnswer(idOf(2), { rerank, k: 12, candidates: 12 });
      const hits = dataOf(answer).similarImages;
      expect(hits.map(({ image }) => image.id).sort()).toEqual(byCosine.map(({ image }) => image.id).sort());
      const scores = hits.map(({ score }) => score ?? NaN);
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      expect(hits.map((hit) => hit.rerank)).toEqual(hits.map(() => rerank));
      const similarities = new Map(byCosine.map(({ image, similarity }) => [image.id, similarity]));
      for (const { image, similarity } of hits) expect(similarity).toBe(similarities.get(image.id));
      expect(answer.extensions?.semblance?.rerankMs).toBeGreaterThan(0);
      // From further down by cosine than k.
      const few = await similar(idOf(2), { rerank, k: 3, candidates: 12 });
      expect(few.map(({ image }) => image.id)).toEqual(hits.slice(0, 3).map(({ image }) => image.id));
    });

    test.each(rerankers)('%s takes an upload', async (rerank) => {
      const [first] = await search(await makeJpeg(4), { rerank, candidates: 30 });
      if (rerank !== 'INNER_PRODUCT' && !rerank.startsWith('LEARNED_')) expect(first?.image.id).toBe(idOf(4));
      expect(first?.score).not.toBeNull();
      if (rerank === 'PIXEL_SSIM_OVER_EUCLIDEAN') expect(first?.score).toBe(Number.MAX_VALUE);
    });

    test('works in a space that is named, after filter and minSimilarity', async () => {
      const hits = await similar(idOf(3), {
        space: 'words',
        rerank: 'SSIM',
        k: 100,
        filter: { metadata: { label: 'red' } },
        minSimilarity: 0,
      });
      // Of 24 red images the query is one.
      expect(hits).toHaveLength(23);
      expect(new Set(hits.map(({ space }) => space))).toEqual(new Set(['words']));
    });

    test('tells white shapes on transparency apart, stored or uploaded', async () => {
      const triangle = await readFile(join(import.meta.dirname, '../../fixtures/transparency/white-triangle.png'));
      // The same pixels in another file.
      const again = await sharp(triangle).png({ compressionLevel: 1 }).toBuffer();
      const turned = await sharp(triangle).rotate(180).png().toBuffer();
      const uploads = [triangle, again, turned].map((bytes, index) =>
        app.operations.uploadImage({ bytes, filename: `${index}.png`, priority: 'query' }),
      );
      const [first = '', same = '', other = ''] = (await Promise.all(uploads)).map(({ image }) => image.id);
      try {
        for (const rerank of ['PIXEL_EUCLIDEAN', 'PIXEL_SSIM', 'PIXEL_SSIM_OVER_EUCLIDEAN']) {
          for (const hits of [
            await similar(first, { rerank, k: 100 }),
            await search(await sharp(triangle).png({ compressionLevel: 2 }).toBuffer(), { rerank, k: 100 }),
          ]) {
            const scoreOf = (id: string) => hits.find(({ image }) => image.id === id)?.score ?? NaN;
            expect(hits.filter(({ image }) => image.id !== first)[0]?.image.id, rerank).toBe(same);
            const bestScore = { PIXEL_EUCLIDEAN: 0, PIXEL_SSIM: 1 }[rerank] ?? Number.MAX_VALUE;
            expect(scoreOf(same), rerank).toBeCloseTo(bestScore, 9);
            expect(scoreOf(other), rerank).toBeLessThan(bestScore - 0.05);
          }
        }
      } finally {
        for (const id of [first, same, other]) await app.operations.deleteImage(id);
      }
    });

    test('makes a grey rendition once where an image has none', async () => {
      const written: string[] = [];
      const { signal } = new AbortController();
      const { store } = app;
      const oldest = new Set(ids.slice(0, 24));
      const before = Object.create(store) as typeof store;
      before.readGreys = async (wanted) =>
        new Map([...(await store.readGreys(wanted))].filter(([id]) => written.includes(id) || !oldest.has(id)));
      before.writeGrey = (id, grey) => {
        expect(grey).toHaveLength(greySidePixels ** 2);
        // However many images wait: Node warns of more than ten.
        expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(10);
        written.push(id);
        return store.writeGrey(id, grey);
      };
      const operations = createOperations({ ...app.context, store: before });
      const input = { imageId: idOf(1), k: 100, rerank: 'PIXEL_EUCLIDEAN' } as const;
      const stored = await app.operations.similarImages(input);
      const made = await operations.similarImages({ ...input, signal });
      expect(made.hits).toEqual(stored.hits);
      expect([...written].sort()).toEqual([...oldest].sort());
      await operations.similarImages(input);
      expect(written).toHaveLength(oldest.size);
    });

    test('an image whose original this version refuses comes last, without a score', async () => {
      const { store } = app;
      const refused = idOf(2);
      const other = Object.create(store) as typeof store;
      other.readGreys = async (wanted) =>
        new Map([...(await store.readGreys(wanted))].filter(([id]) => id !== refused));
      other.readOriginal = async (id) => {
        const original = await store.readOriginal(id);
        return id === refused && original ? { ...original, bytes: fixtureBytes({ file: 'bitmap.bmp' }) } : original;
      };
      const operations = createOperations({ ...app.context, store: other });
      const options = { k: 100, rerank: 'PIXEL_EUCLIDEAN' } as const;
      const { hits } = await operations.similarImages({ ...options, imageId: idOf(1) });
      expect(hits.map(({ score }) => score).indexOf(undefined)).toBe(hits.length - 1);
      expect(hits.at(-1)?.image.id).toBe(refused);
      await expect(operations.similarImages({ ...options, imageId: refused })).rejects.toMatchObject({
        code: 'INVALID_IMAGE',
      });
    });

    test.each([
      ['more candidates than allowed', { rerank: 'SSIM', candidates: 1001 }, 'an integer from k (5) to 1000'],
      ['fewer candidates than k', { rerank: 'SSIM', candidates: 4 }, 'an integer from k (5) to 1000'],
      ['an unknown space', { space: 'elsewhere' }, '"semblance-compact"'],
      ['regions beside it', { rerank: 'SSIM', searchRegions: true }, 'searchRegions'],
    ])('%s: refused', async (_case, variables, message) => {
      for (const answer of [similarAnswer(idOf(1), variables), searchAnswer(await makeJpeg(1), variables)]) {
        const refusal = await refusalOf(answer);
        expect(refusal).toMatch(/^BAD_USER_INPUT: Expected /);
        expect(refusal).toContain(message);
      }
    });

    test('an unknown one is refused by its name', async () => {
      expect(await refusalOf(similarAnswer(idOf(1), { rerank: 'MANHATTAN' }))).toMatch(/^BAD_USER_INPUT: .*MANHATTAN/);
    });

    test('an unknown image is refused as ever', async () => {
      const unknown = '00000000-0000-8000-8000-000000000000';
      for (const variables of [
        { rerank: 'SSIM' },
        { space: 'words' },
        { region: { x: 0, y: 0, width: 1, height: 1 } },
        { searchRegions: true },
      ])
        expect(codeOf(await similarAnswer(unknown, variables))).toBe('NOT_FOUND');
    });

    test('costs are bounded over a whole operation', async () => {
      const aliases = (argument: string, count: number) =>
        Array.from({ length: count }, (_, i) => `a${i}: similarImages(imageId: "${idOf(1)}", ${argument}) { rank }`);
      for (const [argument, count, name] of [
        ['k: 1, rerank: SSIM, candidates: 1000', 21, 'candidates'],
        ['k: 1, region: { x: 0, y: 0, width: 0.5, height: 0.5 }', 21, 'searches for a region'],
      ] as const) {
        const { errors = [] } = await door.client.graphql(`{ ${aliases(argument, count).join(' ')} }`);
        expect(errors.map(({ extensions }) => extensions?.['code'])).toEqual(['BAD_USER_INPUT']);
        expect(errors[0]?.message).toMatch(new RegExp(`asks for up to [0-9]+ ${name}`));
      }
    });
  });

  describe('regions', () => {
    /** Four pictures of the gallery, each a quarter. */
    const mosaicSeeds = [11, 12, 13, 14] as const;
    const quarter = (number: number) => ({
      x: (number % 2) / 2,
      y: Math.floor(number / 2) / 2,
      width: 0.5,
      height: 0.5,
    });
    let mosaic: Buffer;
    let mosaicId: string;

    beforeAll(async () => {
      const pictures = await Promise.all(mosaicSeeds.map((seed) => makeJpeg(seed)));
      mosaic = await sharp({ create: { width: 192, height: 144, channels: 3, background: '#000' } })
        .composite(pictures.map((input, i) => ({ input, left: (i % 2) * 96, top: Math.floor(i / 2) * 72 })))
        .png()
        .toBuffer();
    });

    test.each([
      ['none of it inside', { x: 1.5, y: 0, width: 0.5, height: 0.5 }],
      ['over the edge', { x: 0.6, y: 0, width: 0.5, height: 0.5 }],
      ['below 0', { x: -0.1, y: 0, width: 0.5, height: 0.5 }],
      ['no area', { x: 0, y: 0, width: 0, height: 0.5 }],
    ])('%s: refused', async (_case, region) => {
      for (const answer of [similarAnswer(idOf(1), { region }), searchAnswer(mosaic, { region })])
        expect(await refusalOf(answer)).toMatch(/^BAD_USER_INPUT: Expected .* for region but received /);
    });

    test('searchRegions says what to run while no image has any', async () => {
      expect(await refusalOf(searchAnswer(mosaic, { searchRegions: true }))).toMatch(
        /^BAD_USER_INPUT: .*semblance index-regions/,
      );
    });

    test.each([0, 1, 2, 3])('a region of an upload finds what quarter %i shows, in every space', async (number) => {
      for (const space of [undefined, ...spaceNames]) {
        // Class fusion takes the class that the fold of the whole upload predicts, which need not be the picture's.
        if (space === 'fused') continue;
        const [first] = await search(mosaic, { space, region: quarter(number), k: 1 });
        expect(first?.image.id).toBe(idOf(mosaicSeeds[number] ?? 0));
      }
    });

    test('a region of a stored image is searched for, the image itself left out, and re-ranked', async () => {
      mosaicId = (await door.client.upload(mosaic, 'mosaic.png')).image.id;
      const region = quarter(2);
      const answer = await similarAnswer(mosaicId, { region, k: 1000 });
      const hits = dataOf(answer).similarImages;
      expect(hits[0]?.image.id).toBe(idOf(mosaicSeeds[2]));
      expect(hits.map(({ image }) => image.id)).not.toContain(mosaicId);
      expect(hits).toHaveLength(ids.length);
      expect(answer.extensions?.semblance?.embedMs).toBeGreaterThan(0);
      for (const rerank of ['EUCLIDEAN', 'PIXEL_SSIM'])
        expect((await similar(mosaicId, { region, rerank }))[0]?.image.id).toBe(idOf(mosaicSeeds[2]));
    });

    test('an image is found by an object in it, and the answer says where', async () => {
      const total = ids.length + 1;
      expect(await app.operations.indexRegions({})).toEqual({
        space: 'semblance-compact',
        indexed: total,
        failed: [],
        interrupted: false,
      });
      expect(await app.operations.indexRegions({})).toMatchObject({ indexed: 0 });
      expect((await listMethods()).spaces[0]?.regionCount).toBe(9 * total);
      for (const [number, seed] of mosaicSeeds.entries()) {
        const hits = await search(await makeJpeg(seed), { searchRegions: true, k: 5 });
        expect(hits[0]).toMatchObject({ image: { id: idOf(seed) }, region: null });
        expect(hits[1]).toMatchObject({ image: { id: mosaicId }, region: quarter(number) });
        const [stored] = await similar(idOf(seed), { searchRegions: true, k: 1 });
        expect(stored).toMatchObject({ image: { id: mosaicId }, region: quarter(number) });
        // Without its parts it is not among the nearest by as much.
        const whole = await similar(idOf(seed), { k: 1000 });
        expect(whole.find(({ image }) => image.id === mosaicId)?.similarity).toBeLessThan(stored?.similarity ?? 0);
      }
      expect(codeOf(await similarAnswer(idOf(1), { searchRegions: true, space: 'words' }))).toBe('BAD_USER_INPUT');
    });
  });

  describe('a long operation', () => {
    test('stops where it is told to, and goes on there', async () => {
      const stop = new AbortController();
      await app.operations.createSpace({ name: 'stopped', recipe: 'grey' });
      const total = await app.operations.countImages();
      const first = await app.operations.backfillSpace({
        name: 'stopped',
        signal: stop.signal,
        onProgress: ({ done }) => {
          if (done === 10) stop.abort();
        },
      });
      expect(first).toMatchObject({ state: 'building', interrupted: true, failed: [] });
      expect(first.embedded).toBeGreaterThanOrEqual(10);
      expect(first.embedded).toBeLessThan(total);
      expect(first.missing).toBe(total - first.embedded);
      const second = await app.operations.backfillSpace({ name: 'stopped' });
      expect(second).toMatchObject({ state: 'ready', embedded: total - first.embedded, missing: 0 });
    });

    test('lists an image that it can make nothing of, and goes on', async () => {
      const { store } = app;
      const broken = Object.create(store) as typeof store;
      broken.readOriginal = async (id) => {
        const original = await store.readOriginal(id);
        return original && id === idOf(6) ? { ...original, bytes: original.bytes.subarray(0, 200) } : original;
      };
      const operations = createOperations({ ...app.context, store: broken });
      await operations.createSpace({ name: 'partial', recipe: 'grey' });
      const filled = await operations.backfillSpace({ name: 'partial' });
      expect(filled).toMatchObject({ state: 'building', missing: 1, interrupted: false });
      expect(filled.failed).toMatchObject([{ imageId: idOf(6), reason: 'The image/jpeg image is broken or cut off' }]);
      expect(await refusalOf(similarAnswer(idOf(1), { space: 'partial' }))).toContain('1 images have no embedding');
    });

    test('removes a space once, and never the active one', async () => {
      for (const name of ['stopped', 'partial']) expect(await app.operations.removeSpace(name)).toBe(name);
      await expect(app.operations.removeSpace('stopped')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(app.operations.removeSpace('semblance-compact')).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(codeOf(await similarAnswer(idOf(1), { space: 'stopped' }))).toBe('BAD_USER_INPUT');
      expect((await listMethods()).spaces.map(({ name }) => name).sort()).toEqual(
        ['semblance-compact', ...spaceNames].sort(),
      );
    });
  });

  describe('a space whose model is gone', () => {
    beforeAll(async () => {
      await rm(join(gallery.dataDir, 'models', tinyModel), { recursive: true });
      await reopen();
    });

    test('takes uploads with it, which name it', async () => {
      const answer = await door.client.uploadAnswer(await makeJpeg(900));
      expect(await refusalOf(Promise.resolve(answer))).toMatch(
        /^MODEL_UNAVAILABLE: The model of the embedding space "network" is not available/,
      );
      expect(codeOf(await searchAnswer(await makeJpeg(1), { space: 'network' }))).toBe('MODEL_UNAVAILABLE');
      expect(await app.operations.health()).toEqual({
        ready: false,
        reasons: [expect.stringMatching(/^space "network": .*was not found/) as string],
      });
    });

    test('leaves searches in the others alone, and in itself those that need no model', async () => {
      expect(await search(await makeJpeg(1))).toHaveLength(5);
      expect(await search(await makeJpeg(1), { space: 'projected' })).toHaveLength(5);
      expect(await similar(idOf(1), { space: 'network' })).toHaveLength(5);
    });

    test('is removed, and uploads go on', async () => {
      await app.operations.removeSpace('network');
      expect((await door.client.upload(await makeJpeg(900))).created).toBe(true);
      expect(await app.operations.health()).toEqual({ ready: true, reasons: [] });
    });
  });
});
