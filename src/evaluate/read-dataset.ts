import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { extract } from 'tar';
import { messageOf, SemblanceError } from '../base/errors.js';
import type { Dataset, LeftOut } from './datasets/dataset.js';
import { fromQrels, galleryAndQueries, leaveOneOut, type ListedFile } from './datasets/from-files.js';
import { readQrels } from './trec/qrels-file.js';
import { findImages, shownName } from '../images/import/find-images.js';
import { readKept } from './work-file.js';

export interface DatasetSource {
  /** A folder of class folders, one that holds train/ and test/, or an archive of either (.tar, .tar.gz, .tgz). */
  readonly dataset?: string | undefined;
  /** In its place: one folder to index, */
  readonly gallery?: string | undefined;
  /** and one to ask. */
  readonly queries?: string | undefined;
  /** A TREC qrels file that judges instead of classes. */
  readonly qrels?: string | undefined;
  /** Where an archive is unpacked. */
  readonly workFolder: string;
}

const archiveName = /\.(?:tar|tar\.gz|tgz)$/i;
const trainFolder = 'train';
const testFolder = 'test';

/** @throws SemblanceError BAD_USER_INPUT, NOT_FOUND naming what does not fit */
export async function readDataset(source: DatasetSource): Promise<Dataset> {
  const { gallery, queries } = source;
  if (source.dataset !== undefined) {
    if (gallery !== undefined || queries !== undefined)
      throw badSource('Give a data set, or --gallery and --queries, not both');
    return readOne(source.dataset, source);
  }
  if (gallery === undefined || queries === undefined)
    throw badSource('Give a data set, or both --gallery and --queries');
  if (resolve(gallery) === resolve(queries))
    throw badSource(
      'Gallery and queries are the same folder: give it as the data set, and every image searches the others',
    );
  const name = `${nameOf(gallery)} by ${nameOf(queries)}`;
  const [indexed, asked] = [await listFolder(gallery), await listFolder(queries)];
  const dataset =
    source.qrels === undefined
      ? galleryAndQueries(
          name,
          { gallery: indexed.files, queries: asked.files },
          { gallery: 'gallery', queries: 'queries' },
        )
      : fromQrels(name, await readQrelsFile(source.qrels), indexed.files, asked.files);
  return withLeftOut(dataset, [...indexed.leftOut, ...asked.leftOut]);
}

async function readOne(path: string, { qrels, workFolder }: DatasetSource): Promise<Dataset> {
  const folder = archiveName.test(path) ? await unpack(path, workFolder) : path;
  const name = nameOf(path).replace(archiveName, '');
  if (qrels !== undefined) {
    const listed = await listFolder(folder);
    return withLeftOut(fromQrels(name, await readQrelsFile(qrels), listed.files), listed.leftOut);
  }
  if (await holdsSplit(folder)) {
    const [train, test] = [await listFolder(join(folder, trainFolder)), await listFolder(join(folder, testFolder))];
    const parts = { gallery: train.files, queries: test.files };
    const dataset = galleryAndQueries(name, parts, { gallery: trainFolder, queries: testFolder });
    return withLeftOut(dataset, [...train.leftOut, ...test.leftOut]);
  }
  const listed = await listFolder(folder);
  return withLeftOut(leaveOneOut(name, listed.files), listed.leftOut);
}

async function listFolder(folder: string): Promise<{ files: readonly ListedFile[]; leftOut: readonly LeftOut[] }> {
  const { files, failures, leftOut } = await findImages([folder]);
  const others = Array.from(leftOut, ([extension, count]) => ({
    file: extension === '' ? 'files without an extension' : `*${extension}`,
    reason: `${count === 1 ? '1 file is' : `${count} files are`} no image by the name`,
  }));
  const classes = new Set(files.map(({ relativePath }) => relativePath.split('/', 1)[0]));
  const empty = (await foldersIn(folder))
    .filter((name) => !classes.has(name))
    .map((name) => ({ file: `${name}/`, reason: 'The class folder holds no image' }));
  const failed = failures.map(({ path, reason }) => ({ file: path, reason }));
  return { files, leftOut: [...empty, ...failed, ...others] };
}

function withLeftOut(dataset: Dataset, leftOut: readonly LeftOut[]): Dataset {
  return { ...dataset, leftOut: [...leftOut, ...dataset.leftOut] };
}

async function holdsSplit(folder: string): Promise<boolean> {
  const folders = await foldersIn(folder);
  return folders.length === 2 && folders.includes(trainFolder) && folders.includes(testFolder);
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' }).catch((cause: unknown) => {
    throw new SemblanceError('NOT_FOUND', `The folder ${folder} cannot be listed`, { cause });
  });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => shownName(name));
  return folders.filter((name) => !name.startsWith('.'));
}

/** Unpacks into a folder that bears the archive's name, size and time, once. */
async function unpack(archive: string, workFolder: string): Promise<string> {
  const found = await stat(archive).catch((cause: unknown) => {
    throw new SemblanceError('NOT_FOUND', `There is no file ${archive}`, { cause });
  });
  const key = createHash('sha256')
    .update(`${resolve(archive)} ${found.size} ${found.mtimeMs}`)
    .digest('hex')
    .slice(0, 16);
  const folder = join(workFolder, `data-${key}`);
  const whole = await readKept(folder, stat);
  if (whole === undefined) {
    const partial = `${folder}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    try {
      // Links could lead out of the folder.
      await extract({
        file: archive,
        cwd: partial,
        strict: true,
        filter: (_path, entry) => 'type' in entry && (entry.type === 'File' || entry.type === 'Directory'),
      });
    } catch (cause) {
      throw new SemblanceError('BAD_USER_INPUT', `${archive} cannot be unpacked: ${messageOf(cause)}`, { cause });
    }
    await rename(partial, folder);
  }
  return descend(folder);
}

/** Past a single folder that everything lies in, as many archives have it; classes are folders below. */
async function descend(folder: string): Promise<string> {
  const [only, ...others] = (await readdir(folder, { withFileTypes: true })).filter(
    ({ name }) => !name.startsWith('.'),
  );
  if (only === undefined || others.length > 0 || !only.isDirectory()) return folder;
  const inner = join(folder, only.name);
  return (await foldersIn(inner)).length > 0 ? descend(inner) : folder;
}

async function readQrelsFile(path: string): ReturnType<typeof readQrels> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new SemblanceError('NOT_FOUND', `There is no file ${path}`, { cause });
  });
  if (!found.isFile()) throw badSource(`${path} is no file`);
  return readQrels(createReadStream(path), basename(path));
}

function nameOf(path: string): string {
  return basename(resolve(path));
}

function badSource(message: string): SemblanceError {
  return new SemblanceError('BAD_USER_INPUT', message);
}
