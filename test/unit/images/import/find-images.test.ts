import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findImages, shownName, shownPath, systemLeftovers } from '../../../../src/images/import/find-images.js';
import { importFiles } from '../../../../src/images/import/import-folder.js';
import type { ImportImage, ImportTarget } from '../../../../src/images/import/import-images.js';

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

  it('finds HEIC by each of its extensions', async () => {
    await touch('IMG_0001.HEIC', 'b.heif', 'c.hif');
    expect((await findImages([folder])).files).toHaveLength(3);
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
    // Longer than a path may be, which stops root, too: one half is moved into the other.
    const half = Array(9).fill('m'.repeat(250)).join('/');
    await mkdir(join(folder, 'm', half), { recursive: true });
    await mkdir(join(folder, 'half', half), { recursive: true });
    await rename(join(folder, 'half'), join(folder, 'm', half, 'half'));
    try {
      const { files, failures } = await findImages([folder]);
      expect(files.map(({ relativePath }) => relativePath)).toEqual(['a/one.jpg', 'z/two.jpg']);
      expect(failures).toHaveLength(1);
      expect(failures[0]?.reason).toMatch(/ENAMETOOLONG/);
    } finally {
      execFileSync('rm', ['-r', join(folder, 'm')]);
    }
  });

  it('reads names that are no UTF-8 as Windows-1252', () => {
    expect(shownName(Buffer.from('80 93 e9 94 99 9f 81 2e'.split(' ').map((hex) => parseInt(hex, 16))))).toBe(
      '€“é”™Ÿ\u0081.',
    );
    expect(shownName(Buffer.from('€“é”'))).toBe('€“é”');
  });

  it('finds what lies under names that are no UTF-8, and stores them readably', async () => {
    const bytes = (text: string) => Buffer.from(`${folder}/${text}`, 'latin1');
    await mkdir(bytes('ann\xe9e'));
    await writeFile(bytes('ann\xe9e/caf\xe9.JPG'), 'latin1');
    await touch('année/café.jpg');
    const { files, failures } = await findImages([folder]);
    expect(failures).toEqual([]);
    expect(files.map(({ relativePath, folder: label }) => [relativePath, label]).sort()).toEqual([
      ['année/café.JPG', 'année'],
      ['année/café.jpg', 'année'],
    ]);
    const sent: ImportImage[] = [];
    const target: ImportTarget = {
      existingIds: () => Promise.resolve(new Set()),
      upload: (image) => {
        sent.push(image);
        return Promise.resolve({ created: true });
      },
    };
    const summary = await importFiles({ files, labelFromFolders: true, maxFileBytes: 100, target });
    expect(summary).toMatchObject({ imported: 2, failures: [] });
    const stored = sent.find(({ bytes: sentBytes }) => sentBytes.toString() === 'latin1');
    expect(stored).toMatchObject({ filename: 'café.JPG', metadata: { path: 'année/café.JPG', label: 'année' } });
    // As Node hands over what a shell was given.
    const named = await findImages([join(folder, 'ann\ufffde'), join(folder, 'ann\ufffde/caf\ufffd.JPG')]);
    expect(named.files.map(({ path, folder: label }) => [shownPath(path), label])).toEqual([
      [join(folder, 'année/café.JPG'), 'année'],
      [join(folder, 'année/café.JPG'), undefined],
    ]);
  });

  it('names the folder by its real name where it was given as a dot', async () => {
    await touch('summer/a.jpg');
    const before = process.cwd();
    process.chdir(join(folder, 'summer'));
    try {
      const found = [await findImages(['.']), await findImages(['../summer/']), await findImages(['./../summer/.'])];
      expect(found.map(({ files: [file] }) => file?.folder)).toEqual(['summer', 'summer', 'summer']);
    } finally {
      process.chdir(before);
    }
  });

  it('leaves out what a pattern excludes, at any depth, and leftovers of systems, and counts them', async () => {
    await touch('a.jpg', 'b/draft-1.jpg', 'b/c.jpg', 'old/2019/d.jpg', 'b/old/e.jpg');
    await touch('@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg', 'b/THUMBS.DB', '#recycle/f.jpg', '$RECYCLE.BIN/g.jpg');
    const found = await findImages([folder], { exclude: ['draft-*', '/old/'] });
    expect(found.files.map(({ relativePath }) => relativePath)).toEqual(['a.jpg', 'b/c.jpg', 'b/old/e.jpg']);
    expect([found.excluded, found.leftOut.size]).toEqual([6, 0]);
    for (const name of systemLeftovers) await touch(`all/${name}/x.jpg`);
    expect((await findImages([join(folder, 'all')])).files).toEqual([]);
  });

  it('counts a link that leads to nothing', async () => {
    await symlink(join(folder, 'gone.jpg'), join(folder, 'a.jpg'));
    await symlink(join(folder, 'gone.txt'), join(folder, 'b.txt'));
    const { failures, leftOut } = await findImages([folder]);
    expect(failures).toEqual([{ path: join(folder, 'a.jpg'), reason: 'The link leads to nothing' }]);
    expect(leftOut).toEqual(new Map([['.txt', 1]]));
  });

  it('stops where it is interrupted', async () => {
    await expect(findImages([folder], { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  it('leaves out the leftovers that docs/cli.md lists', async () => {
    const docs = await readFile(join(import.meta.dirname, '../../../../docs/cli.md'), 'utf8');
    const listed = /Leftovers of systems stay out in any case: ([^.]*(?:\.[^.\s][^.]*)*)\.\s/.exec(docs)?.[1] ?? '';
    expect([...listed.matchAll(/`([^`]+)`/g)].map(([, name]) => name)).toEqual([...systemLeftovers]);
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
