import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findImages } from '../../../src/operations/find-images.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'find-images-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function touch(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), '');
  }
}

describe('findImages', () => {
  it('lists images below a folder in order, with their paths below it and the folder that holds them', async () => {
    await touch('b/deep/z.PNG', 'b/a.jpeg', 'a.webp', 'é.tif');
    const { files } = await findImages([folder]);
    expect(files.map(({ relativePath }) => relativePath)).toEqual(['a.webp', 'b/a.jpeg', 'b/deep/z.PNG', 'é.tif']);
    expect(files[2]).toEqual({ path: join(folder, 'b/deep/z.PNG'), relativePath: 'b/deep/z.PNG', folder: 'deep' });
  });

  it('counts what is no image by its name, and leaves hidden entries alone', async () => {
    await touch('a.jpg', 'notes.txt', 'more.TXT', 'README', '.hidden.jpg', '.git/b.jpg');
    const { files, leftOut } = await findImages([folder]);
    expect(files.map(({ relativePath }) => relativePath)).toEqual(['a.jpg']);
    expect(leftOut).toEqual(
      new Map([
        ['.txt', 2],
        ['', 1],
      ]),
    );
  });

  it('lists HEIC, so that it is refused by name instead of missing', async () => {
    await touch('IMG_0001.HEIC');
    expect((await findImages([folder])).files).toHaveLength(1);
  });

  it('takes a file that is named itself, whatever it is called', async () => {
    await touch('picture');
    const { files } = await findImages([join(folder, 'picture')]);
    expect(files).toEqual([{ path: join(folder, 'picture'), relativePath: 'picture', folder: undefined }]);
  });

  it('follows links to files and not to folders', async () => {
    await touch('real/a.jpg');
    await symlink(join(folder, 'real/a.jpg'), join(folder, 'link.jpg'));
    await symlink(folder, join(folder, 'real/circle'));
    const { files } = await findImages([folder]);
    expect(files.map(({ relativePath }) => relativePath)).toEqual(['link.jpg', 'real/a.jpg']);
  });

  it('goes on after a folder deeper down that cannot be listed, and reports it', async () => {
    await touch('a/one.jpg', 'z/two.jpg');
    // A name that is no UTF-8 cannot be opened again by its text; permissions would not stop root.
    const unlistable = Buffer.concat([Buffer.from(`${folder}/m`), Buffer.from([0xff])]);
    await mkdir(unlistable);
    try {
      const { files, failures } = await findImages([folder]);
      expect(files.map(({ relativePath }) => relativePath)).toEqual(['a/one.jpg', 'z/two.jpg']);
      expect(failures).toEqual([{ path: join(folder, 'm\ufffd'), reason: 'There is no such folder' }]);
    } finally {
      await rmdir(unlistable);
    }
  });

  it('reports pipes and devices, and links to them, instead of reading them', async () => {
    await touch('a.jpg');
    const pipe = join(folder, 'pipe.jpg');
    execFileSync('mkfifo', [pipe]);
    await symlink('/dev/zero', join(folder, 'zero.png'));
    const reason = 'This is no file but a pipe, a socket or a device';
    const below = await findImages([folder]);
    expect(below.files.map(({ relativePath }) => relativePath)).toEqual(['a.jpg']);
    expect(below.failures).toEqual([
      { path: pipe, reason },
      { path: join(folder, 'zero.png'), reason },
    ]);
    const named = await findImages([pipe, '/dev/null', join(folder, 'zero.png')]);
    expect(named.files).toEqual([]);
    expect(named.failures).toHaveLength(3);
  });

  it('says which path does not exist', async () => {
    await expect(findImages([join(folder, 'nowhere')])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `There is no file or folder ${join(folder, 'nowhere')}`,
    });
  });
});
