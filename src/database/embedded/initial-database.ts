/**
 * A database as initdb leaves it, made once by the build: to run initdb takes a first start longer than all the rest of it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PGlite } from '@electric-sql/pglite';
import { extract } from 'tar';

/** Letters beyond ASCII have cases too, as a filename filter expects; order is by code point, the same on every machine. */
const initdbParameters = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

/** A tar file of the data directory. */
export async function readInitialDatabase(): Promise<Blob> {
  return new Blob([gunzipSync(await readFile(path()))]);
}

/** @param folder that is there, and empty */
export async function extractInitialDatabase(folder: string): Promise<void> {
  // PGlite writes paths from the root. Unless strict, a file that could not be written would pass unnoticed.
  await extract({ file: path(), cwd: folder, strip: 1, strict: true });
}

/** Where there is none yet. */
export async function makeInitialDatabase(): Promise<void> {
  const file = path();
  if (existsSync(file)) return;
  const database = await PGlite.create('memory://', { initDbStartParams: initdbParameters });
  await database.exec('CHECKPOINT');
  const tar = await database.dumpDataDir('gzip');
  await database.close();
  const partial = `${file}.${process.pid}.partial`;
  await writeFile(partial, Buffer.from(await tar.arrayBuffer()));
  await rename(partial, file);
}

/** Another release of PGlite may lay out its files in another way. */
function path(): string {
  const pglite = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const { version } = JSON.parse(readFileSync(join(dirname(pglite), '../package.json'), 'utf8')) as { version: string };
  return join(import.meta.dirname, `initial-pglite-${version}.tar.gz`);
}
