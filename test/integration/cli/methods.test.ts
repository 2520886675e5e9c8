import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GalleryMethods } from '../../../src/cli/gallery.js';
import { drawSampleQuery } from '../../../src/image/sample/draw-sample.js';
import type { SpaceComparison } from '../../../src/operations/compare-spaces.js';
import { rerankers } from '../../../src/retrieval/rerank/reranker.js';
import { runCommand } from '../../support/command.js';
import { makeJpeg } from '../../support/make-image.js';
import { writeSample } from '../../support/sample-folder.js';
import {
  cleanUp,
  makeFolder,
  runProgram,
  startProgram,
  startServer,
  testStores,
  waitFor,
  type TestServer,
  type TestStore,
} from '../../support/server.js';

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

/** One story per store, each part with what the parts before it made. */
describe.each(testStores)('methods on the $name store', (testStore) => {
  const environment = testStore.environment();
  const store: TestStore = { name: testStore.name, environment: () => environment };
  let folder: string;
  let query: string;
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
  const labels = ({ results }: SearchJson): readonly string[] => results.map(({ metadata }) => metadata.label);

  beforeAll(async () => {
    folder = await makeFolder();
    query = join(folder, 'query.jpg');
    await writeFile(query, (await drawSampleQuery('butterfly')).bytes);
    await writeSample(join(folder, 'pictures'), { families, perFamily });
    const imported = await runProgram(['import', join(folder, 'pictures'), '--label-from-folders'], { store, folder });
    expect(imported.output).not.toContain('Warning');
    expect(imported.stdout).toContain(`Imported ${stored}`);
  }, 120_000);

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
    const refusal = await refuse('search', query, '--space', 'words');
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
    const stored = join(folder, 'pictures', 'car', 'car-01.jpg');
    expect(
      await succeed('search', stored, '--rerank', 'PIXEL_SSIM_OVER_EUCLIDEAN', '--out', join(folder, 'ratio.png')),
    ).toMatch(/^rank +score +similarity +filename +id\n +1 +∞ +1\.000 +car-01\.jpg/);
    expect((await sharp(await readFile(join(folder, 'ratio.png'))).metadata()).format).toBe('png');
  });

  it('learn from labels, for one space alone', manyStarts, async () => {
    expect(await refuse('search', query, '--rerank', 'learned-labels')).toContain(
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
    expect(await refuse('search', query, '--rerank', 'learned-labels', '--space', 'words')).toContain(
      'semblance train-scorer --space words --kind labels',
    );
    expect((await methods()).spaces.map(({ scorers }) => scorers)).toEqual([['labels'], []]);
  });

  it('find a part by a part once parts are indexed', manyStarts, async () => {
    const part = ['--region', '0,0,0.5,0.5', '--search-regions'];
    expect(await refuse('search', query, ...part)).toContain('`semblance index-regions --space semblance-compact`');
    expect(await succeed('index-regions')).toBe(
      `Indexed the parts of ${stored} images in the space semblance-compact, failed 0.\n`,
    );
    expect(await succeed('index-regions')).toContain('Indexed the parts of 0 images');
    // A quarter of a stored image is one of its parts.
    const { results } = await search('-k', '1');
    const id = results[0]?.id ?? '';
    const whole = JSON.parse(await succeed('search', query, '--json', ...part)) as SearchJson;
    expect(whole.results.every(({ region }) => region !== undefined)).toBe(true);
    const similar = JSON.parse(await succeed('similar', id, '--json', '-k', '3', ...part)) as SearchJson;
    expect(similar.results.map((hit) => hit.id)).not.toContain(id);
    expect(await succeed('search', query, ...part, '--out', join(folder, 'parts.png'))).toMatch(
      /^rank +similarity +region +filename +id\n +1 +0\.\d{3} +0(\.25|\.5)?,0(\.25|\.5)?,0\.5,0\.5 /,
    );
    expect(await refuse('search', query, '--search-regions', '--rerank', 'ssim')).toContain('rerank');
  });

  it('remove a space with what is in it, but never the active one', manyStarts, async () => {
    expect(await succeed('spaces', 'remove', 'words')).toBe('Removed the space words.\n');
    expect((await methods()).spaces.map(({ name }) => name)).toEqual(['semblance-compact']);
    expect(await refuse('spaces', 'remove', 'words')).toContain('There is no space "words"');
    expect(await refuse('spaces', 'remove', 'semblance-compact')).toContain('active');
    expect(await refuse('search', query, '--space', 'words')).toContain('"semblance-compact"');
  });
});

describe('methods while a server holds the data folder', () => {
  it('are searched, listed, made and changed through it', manyStarts, async () => {
    const folder = await makeFolder();
    const pictures = join(folder, 'pictures');
    await writeSample(pictures, { families: ['car', 'fish'], perFamily: 3 });
    const [car = ''] = ['car-01.jpg'].map((name) => join(pictures, 'car', name));
    expect((await runProgram(['import', pictures, '--label-from-folders'], { folder })).code).toBe(0);
    for (const args of [
      ['spaces', 'create', 'colours', '--method', 'color', '--backfill'],
      ['train-scorer', '--kind', 'labels', '--space', 'colours'],
      ['index-regions', '--space', 'colours'],
    ]) {
      const run = await runCommand(args, { folder });
      expect(run.code, run.output).toBe(0);
    }
    const searches = [
      ['--space', 'colours', '--rerank', 'learned-labels', '--candidates', '6', '-k', '6'],
      ['--space', 'colours', '--region', '0,0,0.5,0.5', '--search-regions'],
      ['--rerank', 'pixel-ssim-over-euclidean'],
    ];
    const through = async (...args: string[]): Promise<unknown> =>
      JSON.parse((await runCommand([...args, '--json'], { folder })).stdout);
    const local = [];
    for (const options of searches) local.push(await through('search', car, ...options));
    const listed = (await through('methods')) as GalleryMethods;

    const server = await startServer({ folder });
    for (const [index, options] of searches.entries())
      expect(await through('search', car, ...options)).toEqual(local[index]);
    const remote = (await through('methods')) as GalleryMethods;
    expect(listed).toEqual(remote);
    expect(remote.spaces).toMatchObject([{ name: 'semblance-compact' }, { name: 'colours', scorers: ['labels'] }]);
    expect(await through('spaces', 'list', '--server', server.url)).toEqual(remote.spaces);

    const held = `is held by a running server (process ${server.child.pid}): working through ${server.url}.\n`;
    const commands: readonly (readonly [readonly string[], string])[] = [
      [['spaces', 'create', 'shapes', '--method', 'hog'], '6 stored images lack an embedding in it.'],
      [['spaces', 'create', 'shapes', '--method', 'hog', '--backfill'], 'Embedded 6 images in shapes, failed 0.'],
      [['spaces', 'activate', 'shapes'], 'To take it back: semblance spaces activate semblance-compact'],
      [['train-scorer', '--kind', 'labels'], 'Trained on 6 images of 2 classes and stored with the space shapes'],
      [['index-regions', '--space', 'colours'], 'Indexed the parts of 0 images in the space colours, failed 0.'],
      [['spaces', 'compare', 'colours', 'shapes'], 'Searched for 6 of the 6 images that both spaces hold'],
      [['spaces', 'retire', 'colours'], 'Retired the space colours.'],
    ];
    for (const [args, sentence] of commands) {
      const run = await runCommand(args, { folder });
      expect(run.output).toContain(held);
      expect(run.stdout).toContain(sentence);
      expect(run.code, run.output).toBe(0);
    }
    const remove = await runProgram(['spaces', 'remove', 'colours', '--server', server.url]);
    expect([remove.output, remove.code]).toEqual(['Removed the space colours.\n', 0]);
    const json = ['spaces', 'compare', 'semblance-compact', 'shapes', '--json'];
    const compared = JSON.parse((await runCommand(json, { folder })).stdout) as SpaceComparison;
    for (const [args, sentence] of [
      [['spaces', 'create', 'shapes', '--method', 'color', '--backfill'], 'is there already, made by hog'],
      [['spaces', 'create', 'own', '--model', './model'], 'Expected the name of a model that the server has'],
    ] as const) {
      const run = await runCommand(args, { folder });
      expect(run.output).toContain(sentence);
      expect(run.code).toBe(1);
    }
    await server.stop();
    const alone = JSON.parse((await runCommand(json, { folder })).stdout) as SpaceComparison;
    // Through a server it is the same, but for the time that it took.
    const timeless = ({ a, b, ...rest }: SpaceComparison) => ({
      ...rest,
      a: { ...a, searchMs: 0 },
      b: { ...b, searchMs: 0 },
    });
    expect(timeless(compared)).toEqual(timeless(alone));
  });

  it('a job outlives Ctrl-C by being cancelled, and its server by being gone on with', manyStarts, async () => {
    const folder = await makeFolder();
    expect((await runProgram(['sample', '--out', 'sheet.png'], { folder })).code).toBe(0);
    const server = await startServer({ folder });
    const jobs = async (of: TestServer) =>
      (
        await of.client.data<{ jobs: readonly { readonly state: string; readonly kind: string }[] }>(
          '{ jobs { state kind } }',
        )
      ).jobs;
    const isRunning = (of: TestServer) => async () => (await jobs(of))[0]?.state === 'RUNNING';

    const index = await startProgram(['index-regions'], { folder });
    await waitFor('the job to run', isRunning(server));
    index.signal('SIGINT');
    expect((await index.exited).code, index.output).toBe(130);
    expect(index.stdout).toContain('Interrupted: the same command goes on there.');
    expect(await jobs(server)).toEqual([{ state: 'CANCELLED', kind: 'INDEX_REGIONS' }]);

    await server.client.data('mutation { indexRegions { id } }');
    await waitFor('the second job to run', isRunning(server));
    expect((await server.stop()).code).toBe(0);
    const next = await startServer({ folder });
    await waitFor('the job to end', async () => (await jobs(next))[0]?.state === 'DONE');
    const { spaces } = await next.client.data<{ spaces: readonly { regionCount: number }[] }>(
      '{ spaces { regionCount } }',
    );
    expect(spaces).toEqual([{ regionCount: 9 * 306 }]);
    await next.stop();
  });
});

describe('long commands that are interrupted', () => {
  const count = 250;
  let folder: string;

  beforeAll(async () => {
    folder = await makeFolder();
    for (const label of ['even', 'odd']) await mkdir(join(folder, 'pictures', label), { recursive: true });
    for (let seed = 0; seed < count; seed++) {
      const file = join(folder, 'pictures', seed % 2 === 0 ? 'even' : 'odd', `${seed}.jpg`);
      await writeFile(file, await makeJpeg(seed, { width: 400, height: 300 }));
    }
    const run = await runProgram(['import', join(folder, 'pictures'), '--label-from-folders'], { folder });
    expect(run.code, run.output).toBe(0);
  }, 300_000);

  it('go on with a space where they stopped', manyStarts, async () => {
    const create = ['spaces', 'create', 'words', '--method', 'bovw-8', '--sample', '8', '--backfill'];
    const run = await startProgram(create, { folder });
    await run.printed('Made the space words');
    run.signal('SIGINT');
    expect(await run.exited, run.output).toEqual({ code: 130, signal: null });
    const [, embedded = '', left = ''] =
      /^Embedded (\d+) images in words, failed 0\. Interrupted with (\d+) left: the same command goes on there\.$/m.exec(
        run.stdout,
      ) ?? [];
    expect(Number(embedded) + Number(left)).toBe(count);
    expect(Number(left)).toBeGreaterThan(0);
    const rest = await runCommand(create, { folder });
    expect(rest.stdout).toBe(`Embedded ${left} images in words, failed 0. The space can be searched: --space words\n`);
  });

  it('leave no scorer that is half trained', manyStarts, async () => {
    const run = await startProgram(['train-scorer', '--kind', 'labels', '--epochs', '100'], { folder });
    await run.printed('Training: ');
    run.signal('SIGINT');
    expect(await run.exited, run.output).toEqual({ code: 130, signal: null });
    expect(run.stdout).toBe('Interrupted: nothing was stored. The same command begins anew.\n');
    const { stdout } = await runCommand(['methods', '--json'], { folder });
    expect((JSON.parse(stdout) as GalleryMethods).spaces.flatMap(({ scorers }) => scorers)).toEqual([]);
  });
});

describe('what a command about methods cannot do is one sentence and exit 1', () => {
  it.each([
    [['spaces', 'create', 'x', '--method', 'colour'], 'Expected vit, @model, bovw, bovw-N, hog, grey or color'],
    [['spaces', 'create', 'x'], 'Name what the space does: --method <notation>, or --model <name>'],
    [['spaces', 'create', 'x', '--method', 'vit.whiten-64'], 'at least 65 images'],
    [['spaces', 'create', 'x', '--method', '@nowhere'], 'nowhere'],
    [['train-scorer', '--kind', 'magic'], 'Allowed choices are heuristic, labels'],
    [['similar', '00000000-0000-8000-8000-000000000000', '--region', '1,2,3'], 'Expected x,y,width,height in shares'],
    [['similar', '00000000-0000-8000-8000-000000000000', '--region', '0.5,0,0.6,1'], 'for region but received'],
    [['similar', '00000000-0000-8000-8000-000000000000', '--rerank', 'magic'], 'Expected one of euclidean'],
    [['similar', '00000000-0000-8000-8000-000000000000', '--candidates', '1001'], 'an integer from 1 to 1000'],
  ])('%j', async (args, sentence) => {
    const run = await runCommand(args, { env: { DATABASE_URL: 'memory:' } });
    expect(run.output).toContain(sentence);
    expect(run.output).not.toContain('    at ');
    expect(run.output.trim().split('\n').length).toBeLessThanOrEqual(3);
    expect(run.code).toBe(1);
  });
});
