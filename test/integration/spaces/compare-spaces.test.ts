import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../../src/app.js';
import { SemblanceError } from '../../../src/base/errors.js';
import {
  compareSpaces,
  type CompareSpacesInput,
  type SpaceComparison,
} from '../../../src/spaces/compare/compare-spaces.js';
import { FittedRecipes } from '../../../src/spaces/fitted-recipes.js';
import type { Progress } from '../../../src/base/progress.js';
import type { EmbeddingSpace, Store } from '../../../src/database/store.js';
import { testStoreKinds } from '../../support/database.js';
import { seededRandom } from '../../support/make-image.js';
import { openPersistentApp, persistentStores, type PersistentApp } from '../../support/persistent-app.js';
import { newImage, openTestStore, testSpace, type TestStore } from '../../support/store.js';

/** A direction in the plane of the first two numbers. */
function direction(degrees: number): Float32Array {
  const vector = new Float32Array(testSpace.dimensions);
  vector[0] = Math.cos((degrees * Math.PI) / 180);
  vector[1] = Math.sin((degrees * Math.PI) / 180);
  return vector;
}

interface Placed {
  readonly name: string;
  readonly label?: unknown;
  /** Degrees in either space. */
  readonly a: number;
  readonly b: number;
}

/** In a the cats and the dogs stand together; in b each stands nearest to one of the others. */
const pets: readonly Placed[] = [
  { name: 'cat1', label: 'cat', a: 0, b: 0 },
  { name: 'cat2', label: 'cat', a: 10, b: 25 },
  { name: 'dog1', label: 'dog', a: 40, b: 10 },
  { name: 'dog2', label: 'dog', a: 55, b: 60 },
];
/** Far from all others: a label that no other image has, and one that is no text. */
const strangers: readonly Placed[] = [
  { name: 'bird', label: 'bird', a: 160, b: 160 },
  { name: 'number', label: 7, a: 170, b: 170 },
];

describe.each(testStoreKinds())('two spaces of known neighbours on the %s store', (kind) => {
  let opened: TestStore;
  let store: Store;
  let b: EmbeddingSpace;
  beforeAll(async () => {
    opened = await openTestStore(kind);
    store = {
      ...opened.store,
      kind,
      state: { kind: 'ready' },
      connections: { total: 0, idle: 0, waiting: 0 },
      replicas: [],
      replicaReads: { replica: 0, primary: 0 },
      recordServerUrl: () => Promise.resolve(),
    };
    b = await store.createSpace({ ...testSpace, name: 'b' });
  });
  afterAll(async () => opened.close());
  afterEach(async () => {
    await opened.database.pool.query(`DELETE FROM ${opened.name('image')}`);
    for (const { id, name, state } of await store.listSpaces()) {
      if (name !== 'b' && state !== 'active') await store.removeSpace(id);
    }
  });

  const idOf = (name: string) => newImage(0, name).id;
  const fill = async (images: readonly Placed[]) => {
    const spaces = await store.liveSpaces();
    for (const { name, label, ...degrees } of images) {
      await store.insertImage(
        newImage(0, name, {
          metadata: label === undefined ? {} : { label },
          embeddings: spaces.map((space) => ({
            spaceId: space.id,
            embedding: direction(space.name === 'b' ? degrees.b : degrees.a),
          })),
        }),
      );
    }
  };
  const forget = async (space: EmbeddingSpace, ...names: readonly string[]) => {
    await opened.database.pool.query(
      `DELETE FROM ${opened.name('embedding')} WHERE space_id = $1 AND image_id = ANY ($2::uuid[])`,
      [space.id, names.map(idOf)],
    );
  };
  const compare = async (input: Partial<CompareSpacesInput> = {}, on: Store = store): Promise<SpaceComparison> =>
    compareSpaces({ store: on, recipes: new FittedRecipes(on) }, { a: 'test', b: 'b', ...input });
  const refusal = async (input: Partial<CompareSpacesInput> = {}, on?: Store): Promise<string> => {
    const error: unknown = await compare(input, on).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return error instanceof SemblanceError ? `${error.code}: ${error.message}` : String(error);
  };
  const measuresOf = ({ labels }: SpaceComparison) =>
    Object.fromEntries(labels.measures.map((each) => [each.name, each]));

  it('gives overlap and mAP as they are worked out by hand', async () => {
    await fill([...pets, ...strangers]);
    const comparison = await compare({ k: 2 });
    expect(comparison).toMatchObject({
      a: { name: 'test', description: '@test-model', state: 'active', missing: 0, byIndex: 0 },
      b: { name: 'b', state: 'building', missing: 0, byIndex: 0 },
      seed: 1,
      k: 2,
      depth: 100,
      images: { stored: 6, shared: 6 },
      queries: 6,
      deleted: 0,
      short: 0,
      // The label of `number` is no text; no other image has that of `bird`.
      labels: { labelled: 5, evaluated: 4 },
    });
    // Only dog1 has other neighbours: dog2 and cat2, and cat1 and cat2.
    expect(comparison.overlap.mean).toBeCloseTo(5.5 / 6, 12);
    expect(comparison.overlap.low).toBeLessThan(comparison.overlap.mean);
    expect(comparison.overlap.high).toBe(1);
    const { map_cut_100: map, map_cut_min_100: mapMin, P_2: precision } = measuresOf(comparison);
    // One other image each is relevant. In a it comes first; in b second, second, third and second.
    expect(map?.a).toEqual({ mean: 1, low: 1, high: 1 });
    expect(map?.b.mean).toBeCloseTo((1 / 2 + 1 / 2 + 1 / 3 + 1 / 2) / 4, 12);
    expect(map?.difference.mean).toBeCloseTo(11 / 24 - 1, 12);
    expect(map?.difference.high).toBeLessThan(0);
    expect(mapMin).toEqual({ ...map, name: 'map_cut_min_100', meaning: mapMin?.meaning });
    expect([precision?.a.mean, precision?.b.mean]).toEqual([1 / 2, 3 / 8]);
    expect(comparison.mostDifferent).toMatchObject([
      {
        imageId: idOf('dog1'),
        filename: 'dog1.png',
        label: 'dog',
        overlap: 0.5,
        a: [
          { imageId: idOf('dog2'), label: 'dog', shared: false },
          { imageId: idOf('cat2'), label: 'cat', shared: true },
        ],
        b: [
          { imageId: idOf('cat1'), label: 'cat', shared: false },
          { imageId: idOf('cat2'), label: 'cat', shared: true },
        ],
      },
    ]);
    expect(comparison.mostDifferent[0]?.a[0]?.similarity).toBeCloseTo(Math.cos((15 * Math.PI) / 180), 6);
    expect(JSON.parse(JSON.stringify(comparison))).toEqual(comparison);
  });

  it('takes the two in the order given', async () => {
    await fill(pets);
    const [forth, back] = [await compare({ k: 1 }), await compare({ a: 'b', b: 'test', k: 1 })];
    expect(forth.overlap.mean).toBe(0);
    expect(measuresOf(forth)['P_1']).toMatchObject({ a: { mean: 1 }, b: { mean: 0 }, difference: { mean: -1 } });
    expect(measuresOf(back)['P_1']).toMatchObject({ a: { mean: 0 }, b: { mean: 1 }, difference: { mean: 1 } });
    // Of equal overlap, so by id.
    const ids = pets.map(({ name }) => idOf(name)).sort();
    expect(forth.mostDifferent.map(({ imageId }) => imageId)).toEqual(ids);
  });

  it('keeps of a label no more than 255 bytes, and compares all of it', async () => {
    const long = 'é'.repeat(200);
    await fill(pets.map((pet) => ({ ...pet, label: `${long}${String(pet.label)}` })));
    const comparison = await compare({ k: 1 });
    expect(measuresOf(comparison)['P_1']).toMatchObject({ a: { mean: 1 }, b: { mean: 0 } });
    const shown = comparison.mostDifferent.flatMap((query) => [query, ...query.a, ...query.b]);
    expect(new Set(shown.map(({ label }) => label))).toEqual(new Set(['é'.repeat(127)]));
  });

  it('finds no difference between a space and its copy', async () => {
    await store.createSpace({ ...testSpace, name: 'copy' });
    await fill([...pets, ...strangers]);
    const comparison = await compare({ b: 'copy' });
    expect(comparison.overlap).toEqual({ mean: 1, low: 1, high: 1 });
    expect(comparison.mostDifferent).toEqual([]);
    for (const { difference } of comparison.labels.measures) expect(difference).toEqual({ mean: 0, low: 0, high: 0 });
  });

  it('gives overlap alone where no image has a label', async () => {
    await fill(pets.map(({ name, a, b: other }) => ({ name, a, b: other })));
    expect((await compare()).labels).toEqual({ labelled: 0, evaluated: 0, measures: [] });
  });

  it('compares a space that lacks images on what both hold', async () => {
    await fill([...pets, ...strangers]);
    await forget(b, 'cat2', 'number');
    await forget(opened.space, 'bird');
    const comparison = await compare({ k: 1 });
    expect(comparison).toMatchObject({
      a: { missing: 1 },
      b: { missing: 2 },
      images: { stored: 6, shared: 3 },
      queries: 3,
      short: 0,
      // No other cat is left.
      labels: { labelled: 3, evaluated: 2 },
    });
    const shared = new Set([idOf('cat1'), idOf('dog1'), idOf('dog2')]);
    for (const { imageId, ...sides } of comparison.mostDifferent) {
      for (const id of [imageId, ...[...sides.a, ...sides.b].map((hit) => hit.imageId)]) expect(shared).toContain(id);
    }
    // cat1 finds dog1 in both; dog1 finds dog2 in a and cat1 in b; dog2 finds dog1 in both.
    expect(comparison.overlap.mean).toBeCloseTo(2 / 3, 12);
    expect(measuresOf(comparison)['P_1']).toMatchObject({ a: { mean: 1 }, b: { mean: 0.5 } });
  });

  it('searches for more where the other space lacks some of it', async () => {
    await fill(pets);
    await forget(b, 'cat2');
    const asked: [number, number][] = [];
    const watched: Store = {
      ...store,
      searchByImage: (id, options) => {
        asked.push([options.spaceId ?? 0, options.k]);
        return store.searchByImage(id, options);
      },
    };
    await compare({}, watched);
    // Taking turns.
    expect(asked.map(([spaceId]) => spaceId === b.id)).toEqual([false, true, true, false, false, true]);
    for (const [spaceId, k] of asked) expect(k).toBe(spaceId === b.id ? 100 : 101);
  });

  it('draws the sample by the seed', async () => {
    const random = seededRandom(5);
    await fill(Array.from({ length: 40 }, (_, index) => ({ name: `${index}`, a: random() * 360, b: random() * 360 })));
    const drawn = async (seed: number) =>
      (await store.sampleShared([opened.space.id, b.id], { count: 10, seed })).images;
    const ids = (await drawn(1)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(10);
    expect((await drawn(1)).map(({ id }) => id)).toEqual(ids);
    expect((await drawn(2)).map(({ id }) => id)).not.toEqual(ids);
    const [first, again] = [await compare({ sample: 10, seed: 3 }), await compare({ sample: 10, seed: 3 })];
    expect(first.queries).toBe(10);
    expect({ ...again, a: first.a, b: first.b }).toEqual(first);
  });

  it('passes over what is deleted meanwhile, tells how far it is, and stops when told', async () => {
    await fill([...pets, ...strangers]);
    const order = (await store.sampleShared([opened.space.id, b.id], { count: 6, seed: 1 })).images.map(({ id }) => id);
    const seen: string[] = [];
    const deleting: Store = {
      ...store,
      searchByImage: async (id, options) => {
        seen.push(id);
        if (seen.length === 2) await store.deleteImage(order[3] ?? '');
        return store.searchByImage(id, options);
      },
    };
    const progress: Progress[] = [];
    const comparison = await compare({ onProgress: (each) => progress.push(each) }, deleting);
    expect(comparison).toMatchObject({ queries: 5, deleted: 1, images: { shared: 6 } });
    expect(progress.map(({ done, total }) => `${done}/${total}`)).toEqual(['1/6', '2/6', '3/6', '4/6', '5/6', '6/6']);

    const stop = new AbortController();
    const stopped = compare({
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (done === 2) stop.abort();
        expect(done).toBeLessThanOrEqual(2);
      },
    });
    await expect(stopped).rejects.toThrow(/abort/i);
  });

  it('says so where a space is taken away meanwhile', async () => {
    const { id } = await store.createSpace({ ...testSpace, name: 'brief' });
    await fill(pets);
    let searches = 0;
    const retiring: Store = {
      ...store,
      searchByImage: async (imageId, options) => {
        if (++searches === 3) await store.retireSpace(id);
        return store.searchByImage(imageId, options);
      },
    };
    expect(await refusal({ b: 'brief' }, retiring)).toBe(
      'CONFLICT: The space "test" or "brief" was retired or removed during the comparison',
    );
    expect(await refusal({ b: 'brief' })).toBe(
      'CONFLICT: The space "brief" is retired: no search finds it, so there is nothing to compare',
    );
  });

  it('refuses what cannot be compared, and says what to do', async () => {
    expect(await refusal()).toBe('CONFLICT: A comparison takes two stored images at least, and there are 0');
    await fill(pets.slice(0, 1));
    expect(await refusal()).toBe('CONFLICT: A comparison takes two stored images at least, and there are 1');
    await fill(pets);
    await forget(b, ...pets.slice(1).map(({ name }) => name));
    expect(await refusal()).toBe(
      'CONFLICT: A comparison takes two images at least that both spaces hold, and "test" and "b" share 1: `semblance spaces backfill b` embeds what is missing',
    );
    await forget(b, ...pets.map(({ name }) => name));
    expect(await refusal()).toBe(
      'CONFLICT: The space "b" holds no image yet: `semblance spaces backfill b` embeds them',
    );
    expect(await refusal({ b: 'test' })).toMatch(/^BAD_USER_INPUT: Expected the name of another space than a for b/);
    expect(await refusal({ a: 'none' })).toMatch(/^NOT_FOUND: There is no space "none"; there are "test", "b"/);
    expect(await refusal({ k: 0 })).toMatch(/^BAD_USER_INPUT: Expected an integer from 1 to 1000 for k /);
    expect(await refusal({ sample: 1 })).toMatch(/^BAD_USER_INPUT: Expected an integer from 2 to 5000 for sample /);
    expect(await refusal({ sample: 5001 })).toMatch(/^BAD_USER_INPUT: /);
    expect(await refusal({ seed: -1 })).toMatch(/^BAD_USER_INPUT: Expected an integer from 0 to 4294967295 for seed /);
  });
});

/** A PNG of noise around one colour. */
async function tinted(colour: readonly [number, number, number], seed: number): Promise<Buffer> {
  const random = seededRandom(seed);
  const pixels = new Uint8Array(32 * 32 * 3);
  for (let at = 0; at < pixels.length; at += 3) {
    const shift = Math.round((random() - 0.5) * 30);
    for (const [channel, value] of colour.entries()) pixels[at + channel] = Math.max(0, Math.min(255, value + shift));
  }
  return sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
    .png()
    .toBuffer();
}

describe.each(persistentStores())('a space of colours and one of greys on the %s store', (kind) => {
  let gallery: PersistentApp;
  let app: App;
  beforeEach(async () => {
    gallery = await openPersistentApp(kind);
    app = gallery.app;
    // Of the same brightness: 0.299 R + 0.587 G + 0.114 B.
    const colours = { red: [200, 60, 60], green: [60, 131, 60] } as const;
    for (const [label, colour] of Object.entries(colours)) {
      for (let index = 0; index < 10; index++) {
        const bytes = await tinted(colour, index + (label === 'red' ? 0 : 100));
        await app.operations.uploadImage({
          bytes,
          filename: `${label}-${index}.png`,
          metadata: { label },
          priority: 'bulk',
        });
      }
    }
    for (const name of ['grey', 'color']) {
      await app.operations.createSpace({ name, recipe: name });
      await app.operations.backfillSpace({ name });
    }
  });
  afterEach(async () => gallery.remove());

  it('tells that colours find what greys cannot', async () => {
    const comparison = await app.operations.compareSpaces({ a: 'grey', b: 'color', k: 5 });
    expect(comparison).toMatchObject({ queries: 20, labels: { labelled: 20, evaluated: 20 } });
    const map = comparison.labels.measures.find(({ name }) => name === 'map_cut_100');
    expect(map?.b).toEqual({ mean: 1, low: 1, high: 1 });
    expect(map?.a.high).toBeLessThan(0.95);
    expect(map?.difference.low).toBeGreaterThan(0);
    expect(comparison.overlap.mean).toBeLessThan(0.8);
  });
});
