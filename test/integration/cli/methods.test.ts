import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GalleryMethods } from '../../../src/cli/gallery.js';
import { drawSampleQuery } from '../../../src/pixels/sample/draw-sample.js';
import { rerankers } from '../../../src/methods/rerank/reranker.js';
import { runCommand } from '../../support/command.js';
import { writeSample } from '../../support/sample-folder.js';
import { cleanUp, embeddedStores, makeFolder, runProgram, serverStores, type TestStore } from '../../support/server.js';

interface SearchJson {
  readonly space: string;
  readonly rerank?: string;
  readonly results: readonly {
    readonly similarity: number;
    readonly score?: number;
    readonly region?: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
    readonly id: string;
    readonly filename: string;
    readonly metadata: { readonly label: string };
  }[];
}

const families = ['butterfly', 'car', 'sunset'];
const perFamily = 8;
const stored = families.length * perFamily;

/** Several starts of the program, each of which opens a database and a model. */
const manyStarts = { timeout: 300_000 };

afterAll(cleanUp);

/** One gallery, which each part finds as the parts before it left it. */
function openGallery(testStore: TestStore) {
  const environment = testStore.environment();
  const store: TestStore = { name: testStore.name, environment: () => environment };
  let folder = '';
  let query = '';
  const semblance = (...args: string[]) => runCommand(args, { store, folder });
  const succeed = async (...args: string[]): Promise<string> => {
    const run = await semblance(...args);
    expect(run.output).not.toContain('Warning');
    expect(run.code, run.output).toBe(0);
    return run.stdout;
  };
  const refuse = async (...args: string[]): Promise<string> => {
    const run = await semblance(...args);
    expect(run.code, run.output).toBe(1);
    expect(run.output).not.toContain('    at ');
    return run.output;
  };
  const search = async (...args: string[]): Promise<SearchJson> =>
    JSON.parse(await succeed('search', query, '--json', ...args)) as SearchJson;
  const methods = async (): Promise<GalleryMethods> => JSON.parse(await succeed('methods', '--json')) as GalleryMethods;

  beforeAll(async () => {
    folder = await makeFolder();
    query = join(folder, 'query.jpg');
    await writeFile(query, (await drawSampleQuery('butterfly')).bytes);
    await writeSample(join(folder, 'pictures'), { families, perFamily });
    const imported = await runProgram(['import', join(folder, 'pictures'), '--label-from-folders'], { store, folder });
    expect(imported.output).not.toContain('Warning');
    expect(imported.stdout).toContain(`Imported ${stored}`);
  }, 120_000);
  return {
    semblance,
    succeed,
    refuse,
    search,
    methods,
    queryFile: () => query,
    pathOf: (...names: string[]) => join(folder, ...names),
  };
}

const labels = ({ results }: SearchJson): readonly string[] => results.map(({ metadata }) => metadata.label);

describe.each(embeddedStores)('methods on the $name store', (store) => {
  const { semblance, succeed, refuse, search, methods, queryFile, pathOf } = openGallery(store);

  it('are those of an empty gallery before any is made', async () => {
    const { spaces, rerankers: listed } = await methods();
    expect(spaces).toMatchObject([
      {
        name: 'semblance-compact',
        state: 'active',
        description: '@semblance-compact',
        imageCount: stored,
        scorers: [],
      },
    ]);
    expect(listed.map(({ name }) => name)).toEqual(rerankers);
    expect(await succeed('methods')).toMatch(/^learned-labels +train-scorer --kind labels /m);
  });

  it('cannot be searched in a space that lacks images, and says how many', manyStarts, async () => {
    expect(await succeed('spaces', 'create', 'words', '--method', 'hog+bovw-16')).toBe(
      `Made the space words: hog+bovw-16, 594 dimensions, fitted on ${stored} images.\n` +
        `${stored} stored images lack an embedding in it. Next: semblance spaces backfill words\n`,
    );
    const refusal = await refuse('search', queryFile(), '--space', 'words');
    expect(refusal).toContain(`${stored} images have no embedding in it yet`);
    expect(refusal).toContain('semblance spaces backfill words');
    expect(await refuse('spaces', 'create', 'words', '--method', 'color')).toContain(
      'There is a space "words" already',
    );
    expect(await refuse('spaces', 'create', 'words', '--method', 'color', '--backfill')).toContain(
      'The space words is there already, made by hog+bovw-16: choose another name',
    );
  });

  it('search a space by its name once it is filled', manyStarts, async () => {
    // The same method leaves a `create --backfill` nothing to make, as after one that was cut off.
    const run = await semblance('spaces', 'create', 'words', '--method', 'hog+bovw-16', '--backfill');
    expect(run.output).toContain('The space words is there already: going on with its images.');
    expect(run.stdout).toBe(`Embedded ${stored} images in words, failed 0. The space can be searched: --space words\n`);
    const found = await search('--space', 'words', '-k', '5');
    expect(found).toMatchObject({ space: 'words' });
    expect(found.rerank).toBeUndefined();
    expect(labels(found).filter((label) => label === 'butterfly').length).toBeGreaterThanOrEqual(4);
    expect(await succeed('spaces', 'list')).toMatch(/^words +ready +hog\+bovw-16 +594 +24 +0 +–$/m);
  });

  it('order the candidates by a re-ranker, and show its score', manyStarts, async () => {
    const found = await search('--space', 'words', '--rerank', 'ssim-over-euclidean', '--candidates', '24', '-k', '24');
    expect(found).toMatchObject({ space: 'words', rerank: 'SSIM_OVER_EUCLIDEAN' });
    const scores = found.results.map(({ score }) => score ?? NaN);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(found.results.map(({ similarity }) => similarity)).not.toEqual(scores);
    const stored = pathOf('pictures', 'car', 'car-01.jpg');
    expect(
      await succeed('search', stored, '--rerank', 'PIXEL_SSIM_OVER_EUCLIDEAN', '--out', pathOf('ratio.png')),
    ).toMatch(
      /^rank +score +similarity +filename +label +path +id\n +1 +∞ +1\.000 +car-01\.jpg +car +car\/car-01\.jpg/,
    );
    expect((await sharp(await readFile(pathOf('ratio.png'))).metadata()).format).toBe('png');
  });

  it('learn from labels, for one space alone', manyStarts, async () => {
    expect(await refuse('search', queryFile(), '--rerank', 'learned-labels')).toContain(
      'semblance train-scorer --space semblance-compact --kind labels',
    );
    expect(await succeed('train-scorer', '--kind', 'labels')).toBe(
      `Trained on ${stored} images of 3 classes and stored with the space semblance-compact: --rerank learned-labels\n`,
    );
    const found = await search('--rerank', 'learned-labels');
    expect(found).toMatchObject({ space: 'semblance-compact', rerank: 'LEARNED_LABELS' });
    const scores = found.results.map(({ score }) => score ?? NaN);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(scores.every((score) => score > 0 && score < 1)).toBe(true);
    expect(await refuse('search', queryFile(), '--rerank', 'learned-labels', '--space', 'words')).toContain(
      'semblance train-scorer --space words --kind labels',
    );
    expect((await methods()).spaces.map(({ scorers }) => scorers)).toEqual([['labels'], []]);
  });

  it('find a part by a part once parts are indexed', manyStarts, async () => {
    const part = ['--region', '0,0,0.5,0.5', '--search-regions'];
    expect(await refuse('search', queryFile(), ...part)).toContain(
      '`semblance index-regions --space semblance-compact`',
    );
    expect(await succeed('index-regions')).toBe(
      `Indexed the parts of ${stored} images in the space semblance-compact, failed 0.\n`,
    );
    expect(await succeed('index-regions')).toContain('Indexed the parts of 0 images');
    // A quarter of a stored image is one of its parts.
    const { results } = await search('-k', '1');
    const id = results[0]?.id ?? '';
    const whole = JSON.parse(await succeed('search', queryFile(), '--json', ...part)) as SearchJson;
    expect(whole.results.every(({ region }) => region !== undefined)).toBe(true);
    const similar = JSON.parse(await succeed('similar', id, '--json', '-k', '3', ...part)) as SearchJson;
    expect(similar.results.map((hit) => hit.id)).not.toContain(id);
    expect(await succeed('search', queryFile(), ...part, '--out', pathOf('parts.png'))).toMatch(
      /^rank +similarity +region +filename +label +path +id\n +1 +0\.\d{3} +0(\.25|\.5)?,0(\.25|\.5)?,0\.5,0\.5 /,
    );
    expect(await refuse('search', queryFile(), '--search-regions', '--rerank', 'ssim')).toContain('rerank');
  });

  it('remove a space with what is in it, but never the active one', manyStarts, async () => {
    expect(await succeed('spaces', 'remove', 'words')).toBe('Removed the space words.\n');
    expect((await methods()).spaces.map(({ name }) => name)).toEqual(['semblance-compact']);
    expect(await refuse('spaces', 'remove', 'words')).toContain('There is no space "words"');
    expect(await refuse('spaces', 'remove', 'semblance-compact')).toContain('active');
    expect(await refuse('search', queryFile(), '--space', 'words')).toContain('"semblance-compact"');
  });
});

/** What these commands print and refuse is the same on every store. */
describe.each(serverStores)('methods on the $name store', (store) => {
  const { succeed, search, methods, queryFile } = openGallery(store);

  it('are made, searched, trained, indexed and removed', manyStarts, async () => {
    await succeed('spaces', 'create', 'colours', '--method', 'color', '--backfill');
    await succeed('train-scorer', '--kind', 'labels', '--space', 'colours');
    await succeed('index-regions', '--space', 'colours');
    expect((await methods()).spaces).toMatchObject([
      { name: 'semblance-compact', state: 'active', imageCount: stored },
      { name: 'colours', state: 'ready', imageCount: stored, scorers: ['labels'] },
    ]);
    const found = await search('--space', 'colours', '--rerank', 'learned-labels', '-k', '5');
    expect(found).toMatchObject({ space: 'colours', rerank: 'LEARNED_LABELS' });
    expect(labels(found)).toContain('butterfly');
    const parts = await search('--space', 'colours', '--region', '0,0,0.5,0.5', '--search-regions');
    expect(parts.results.some(({ region }) => region !== undefined)).toBe(true);
    await succeed('spaces', 'remove', 'colours');
    const { results } = JSON.parse(await succeed('search', queryFile(), '--json', '-k', '3')) as SearchJson;
    expect(results).toHaveLength(3);
  });
});
