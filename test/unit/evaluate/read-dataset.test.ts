import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Dataset } from '../../../src/evaluate/datasets/dataset.js';
import { readDataset } from '../../../src/evaluate/read-dataset.js';

const idsOf = ({ images }: Dataset, indices: readonly number[]): readonly string[] =>
  indices.map((index) => images[index]?.id ?? '');

describe('a data set as it lies on disk', () => {
  let folder: string;
  let workFolder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'semblance-data-'));
    workFolder = join(folder, 'work');
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function write(...paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      await mkdir(join(folder, dirname(path)), { recursive: true });
      await writeFile(join(folder, path), path);
    }
  }

  it('is a folder per class, an empty class and other files listed', async () => {
    await write('pets/cat/a.jpg', 'pets/dog/b.PNG', 'pets/dog/notes.txt');
    await mkdir(join(folder, 'pets', 'fish'));
    const dataset = await readDataset({ dataset: join(folder, 'pets'), workFolder });
    expect(dataset.name).toBe('pets');
    expect(idsOf(dataset, dataset.queries)).toEqual(['dog/b.PNG', 'cat/a.jpg']);
    expect(dataset.leftOut).toEqual([
      { file: 'fish/', reason: 'The class folder holds no image' },
      { file: '*.txt', reason: '1 file is no image by the name' },
    ]);
  });

  it('is a folder with train and test', async () => {
    await write('pets/train/cat/a.jpg', 'pets/test/cat/a.jpg');
    const dataset = await readDataset({ dataset: join(folder, 'pets'), workFolder });
    expect(idsOf(dataset, dataset.gallery)).toEqual(['train/cat/a.jpg']);
    expect(idsOf(dataset, dataset.queries)).toEqual(['test/cat/a.jpg']);
  });

  it.each([{ inside: 'pets' }, { inside: '.' }])('is an archive of $inside, unpacked once', async ({ inside }) => {
    await write('pets/train/cat/a.jpg', 'pets/test/cat/a.jpg');
    await symlink('/etc/passwd', join(folder, 'pets', 'train', 'cat', 'link.jpg'));
    const archive = join(folder, 'pets.tar.gz');
    const cwd = inside === '.' ? join(folder, 'pets') : folder;
    await create({ file: archive, cwd, gzip: true }, [inside]);
    const dataset = await readDataset({ dataset: archive, workFolder });
    expect(dataset.name).toBe('pets');
    expect(idsOf(dataset, [...dataset.gallery, ...dataset.queries])).toEqual(['train/cat/a.jpg', 'test/cat/a.jpg']);
    const unpacked = await readdir(workFolder);
    const again = await readDataset({ dataset: archive, workFolder });
    expect(again.images).toEqual(dataset.images);
    expect(await readdir(workFolder)).toEqual(unpacked);
  });

  it('is two folders, judged by class or by a qrels file', async () => {
    await write('shop/shoe/a.jpg', 'photos/shoe/a.jpg');
    await writeFile(join(folder, 'qrels'), 'shoe/a.jpg 0 shoe/a.jpg 1\n');
    const source = { gallery: join(folder, 'shop'), queries: join(folder, 'photos'), workFolder };
    const byClass = await readDataset(source);
    expect(idsOf(byClass, [...byClass.gallery, ...byClass.queries])).toEqual([
      'gallery/shoe/a.jpg',
      'queries/shoe/a.jpg',
    ]);
    const judged = await readDataset({ ...source, qrels: join(folder, 'qrels') });
    expect(idsOf(judged, [...judged.gallery, ...judged.queries])).toEqual(['shoe/a.jpg', 'shoe/a.jpg']);
    expect(judged.listed?.topicCount).toBe(1);
  });

  it('is refused in one sentence where it does not fit', async () => {
    await write('pets/cat/a.jpg', 'broken.tar.gz', 'flat/a.jpg');
    const pets = join(folder, 'pets');
    const refused = async (source: Omit<Parameters<typeof readDataset>[0], 'workFolder'>) =>
      readDataset({ ...source, workFolder }).then(
        () => 'nothing',
        (error: unknown) => (error instanceof Error ? error.message : ''),
      );
    expect(await refused({})).toBe('Give a data set, or both --gallery and --queries');
    expect(await refused({ dataset: pets, gallery: pets })).toBe(
      'Give a data set, or --gallery and --queries, not both',
    );
    expect(await refused({ gallery: pets, queries: `${pets}/` })).toMatch('Gallery and queries are the same folder');
    expect(await refused({ dataset: join(folder, 'none') })).toMatch(/^The folder .*none cannot be listed$/);
    expect(await refused({ dataset: join(folder, 'flat') })).toMatch('flat holds no image in a class folder');
    expect(await refused({ dataset: join(folder, 'none.tgz') })).toMatch(/^There is no file .*none\.tgz$/);
    expect(await refused({ dataset: join(folder, 'broken.tar.gz') })).toMatch(/broken\.tar\.gz cannot be unpacked/);
    expect(await refused({ dataset: pets, qrels: join(folder, 'none') })).toMatch(/^There is no file/);
    expect(await refused({ dataset: pets, qrels: pets })).toMatch('is no file');
  });
});
