import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { GalleryMethods } from '../../../src/cli/gallery.js';
import type { SpaceComparison } from '../../../src/spaces/compare/compare-spaces.js';
import { runCommand } from '../../support/command.js';
import { writeSample } from '../../support/sample-folder.js';
import {
  cleanUp,
  makeFolder,
  runProgram,
  startProgram,
  startServer,
  waitFor,
  type TestServer,
} from '../../support/server.js';

/** Several starts of the program, each of which opens a database and a model. */
const manyStarts = { timeout: 300_000 };

afterAll(cleanUp);

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
    const pictures = join(folder, 'pictures');
    await writeSample(pictures, { families: ['butterfly', 'car', 'fish', 'sunset'], perFamily: 15 });
    expect((await runProgram(['import', pictures], { folder })).code).toBe(0);
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
    expect(spaces).toEqual([{ regionCount: 9 * 60 }]);
    await next.stop();
  });
});
