import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeJpeg, makePng } from '../../support/make-image.js';
import {
  embeddedStores,
  makeFolder,
  runProgram,
  startServer,
  testStores,
  type TestStore,
} from '../../support/server.js';

interface SearchJson {
  readonly results: readonly {
    readonly rank: number;
    readonly similarity: number;
    readonly id: string;
    readonly filename: string;
    readonly metadata: Readonly<Record<string, unknown>>;
  }[];
}

interface StatsJson {
  readonly imageCount: number;
  readonly store: string;
}

/** Several starts of the program, each of which opens a database and a model. */
const manyStarts = { timeout: 180_000 };

/** pictures/: three images of which two are the same, one broken, one that is none; below them one in a folder. */
async function makePictures(folder: string): Promise<string> {
  const pictures = join(folder, 'pictures');
  await mkdir(join(pictures, 'summer'), { recursive: true });
  const jpeg = await makeJpeg(1);
  await writeFile(join(pictures, 'one.jpg'), jpeg);
  await copyFile(join(pictures, 'one.jpg'), join(pictures, 'same.jpg'));
  await writeFile(join(pictures, 'summer', 'two.PNG'), await makePng(2));
  await writeFile(join(pictures, 'broken.jpg'), jpeg.subarray(0, jpeg.length / 2));
  await writeFile(join(pictures, 'notes.txt'), 'none');
  return pictures;
}

/** One story per store: a gallery is filled, asked, and filled again. */
describe.each(testStores)('the commands on the $name store', (testStore) => {
  const environment = testStore.environment();
  const store: TestStore = { name: testStore.name, environment: () => environment };
  let folder: string;
  let pictures: string;
  const semblance = (...args: string[]) => runProgram(args, { store, folder });
  const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await semblance(...args, '--json')).stdout) as T;

  beforeAll(async () => {
    folder = await makeFolder();
    pictures = await makePictures(folder);
  });

  it('tells what an import would do, and does nothing', async () => {
    const run = await semblance('import', pictures, '--dry-run');
    expect(run.stdout).toMatch(/one\.jpg|same\.jpg/);
    expect(run.stdout).toContain(join(pictures, 'summer', 'two.PNG'));
    expect(run.stdout).toContain('Would import 2, already there 1, unreadable 1.');
    expect(run.output).toContain('Left out, for they are no images by their names: 1 .txt.');
    expect(run.code).toBe(1);
  });

  it('imports, lists what failed and why, and ends with 1', async () => {
    const run = await semblance('import', pictures, '--label-from-folders');
    expect(run.stdout).toBe('Imported 2, already there 1, failed 1.\n');
    expect(run.output).toContain(`${join(pictures, 'broken.jpg')}: The image/jpeg image is broken or cut off`);
    expect(run.code).toBe(1);
    expect(await json<StatsJson>('stats')).toMatchObject({ imageCount: 2, store: store.name });
  });

  it('reports what is no file beside what was imported', async () => {
    const run = await semblance('import', join(pictures, 'one.jpg'), '/dev/null');
    expect(run.stdout).toBe('Imported 0, already there 1, failed 1.\n');
    expect(run.output).toContain('/dev/null: This is no file but a pipe, a socket or a device');
    expect(run.code).toBe(1);
  });

  it('finds everything there the second time', async () => {
    const run = await semblance('import', join(pictures, 'one.jpg'), join(pictures, 'summer'));
    expect(run.stdout).toBe('Imported 0, already there 2, failed 0.\n');
    expect(run.code).toBe(0);
  });

  it('searches with a file: a table, JSON and a contact sheet', async () => {
    const file = join(pictures, 'summer', 'two.PNG');
    const table = await semblance('search', file, '-k', '1', '--out', 'sheet.png');
    expect(table.stdout).toMatch(
      /^rank {2}similarity {2}filename {2}label {3}path {12}id\n {3}1 {7}1\.000 {2}two\.PNG {3}summer {2}summer\/two\.PNG {2}[0-9a-f-]{36}\n$/,
    );
    const sheet = await sharp(await readFile(join(folder, 'sheet.png'))).metadata();
    expect([sheet.format, sheet.width]).toEqual(['png', 470]);
    const { results } = await json<SearchJson>('search', file);
    expect(results[0]?.metadata).toEqual({ path: 'summer/two.PNG', label: 'summer' });
    expect(results).toHaveLength(2);
  });

  it('searches with a stored image, itself left out', async () => {
    const [nearest] = (await json<SearchJson>('search', join(pictures, 'one.jpg'))).results;
    const { results } = await json<SearchJson>('similar', nearest?.id ?? '');
    expect(results.map(({ filename }) => filename)).toEqual(['two.PNG']);
  });

  it('has nothing to migrate', async () => {
    expect((await semblance('migrate')).stdout).toBe('The schema is up to date.\n');
  });
});

describe.each(embeddedStores)('the commands while a server holds the data folder', () => {
  it('say so and work through it', manyStarts, async () => {
    const server = await startServer();
    const { folder } = server;
    const pictures = await makePictures(folder);
    const through = async (...args: string[]) => {
      const run = await runProgram(args, { folder });
      expect(run.output).toContain(
        `is held by a running server (process ${server.child.pid}): working through ${server.url}.`,
      );
      return run;
    };

    const first = await through('import', pictures, '--label-from-folders');
    expect(first.stdout).toBe('Imported 2, already there 1, failed 1.\n');
    expect((await through('import', pictures)).stdout).toBe('Imported 0, already there 3, failed 1.\n');
    const search = await through('search', join(pictures, 'one.jpg'), '--out', 'sheet.png', '--json');
    const [nearest, other] = (JSON.parse(search.stdout) as SearchJson).results;
    expect(nearest?.similarity).toBeCloseTo(1, 5);
    expect(other?.metadata).toEqual({ path: 'summer/two.PNG', label: 'summer' });
    expect((await sharp(await readFile(join(folder, 'sheet.png'))).metadata()).width).toBe(692);
    const similar = await through('similar', nearest?.id ?? '', '--json');
    expect((JSON.parse(similar.stdout) as SearchJson).results).toHaveLength(1);

    // From another folder, as from another machine.
    const stats = await runProgram(['stats', '--json', '--server', server.url]);
    expect(JSON.parse(stats.stdout)).toMatchObject({ imageCount: 2, store: 'embedded', place: server.url });
    const migrate = await runProgram(['migrate'], { folder });
    expect(migrate.output).toContain('stop it first, or restart it, for a start migrates too');
    expect(migrate.code).toBe(1);
    await server.stop();
  });
});

describe.each(embeddedStores)('what a command cannot do is one sentence and exit 1', () => {
  it.each([
    [['import', 'nowhere'], 'There is no file or folder nowhere'],
    [['search', 'nowhere.jpg'], 'nowhere.jpg cannot be read: There is no such file'],
    [['search', 'x.jpg', '-k', '1001'], 'Expected an integer from 1 to 1000'],
    [['stats', '--server', 'http://127.0.0.1:9'], 'No server answers at http://127.0.0.1:9'],
    [['stats', '--server', 'nonsense'], 'Expected an address such as http://127.0.0.1:4000'],
    [['sample', '--family', 'dragon'], 'Expected one of sunset, forest'],
  ])('%j', async (args, sentence) => {
    const run = await runProgram(args);
    expect(run.output).toContain(sentence);
    expect(run.output).not.toContain('    at ');
    expect(run.output.trim().split('\n').length).toBeLessThanOrEqual(3);
    expect(run.code).toBe(1);
  });
});
