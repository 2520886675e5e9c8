import { readdir, readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Command } from 'commander';
import { afterEach, expect, test, vi } from 'vitest';
import { loadGalleryConfig } from '../../../src/cli/command-config.js';
import { registerDoctor } from '../../../src/cli/commands/doctor.js';
import { DataFolderInUseError } from '../../../src/database/embedded/lock.js';

const cli = resolve(import.meta.dirname, '../../../src/cli');
const inMemory = { DATABASE_URL: 'memory:' };

afterEach(() => vi.restoreAllMocks());

function catchNotes(): readonly string[] {
  const written: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  return written;
}

test('a command on a gallery in memory says that nothing is kept, and on others and through a server nothing', () => {
  const written = catchNotes();
  loadGalleryConfig({});
  loadGalleryConfig(inMemory, { server: new URL('http://127.0.0.1:4000') });
  expect(written).toEqual([]);
  loadGalleryConfig(inMemory);
  expect(written).toEqual([expect.stringContaining('nothing of it is kept')]);
});

test('doctor of a database in memory says that nothing is kept', async () => {
  const written = catchNotes();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const program = new Command();
  registerDoctor(program, inMemory);
  await program.parseAsync(['node', 'semblance', 'doctor']);
  expect(written).toEqual([expect.stringContaining('nothing of it is kept')]);
});

test('every command that opens a gallery reads its configuration so that it says this', async () => {
  const reading: string[] = [];
  for (const file of (await readdir(cli, { recursive: true })).filter((entry) => entry.endsWith('.ts'))) {
    if (/\bloadConfig\(/.test(await readFile(resolve(cli, file), 'utf8'))) reading.push(basename(file));
  }
  // A server keeps its gallery while it runs; the others open none.
  expect(reading.sort()).toEqual(['command-config.ts', 'evaluate.ts', 'models-bench.ts', 'models.ts', 'serve.ts']);
});

test('a gallery that another command holds is refused by saying how several work at a time', () => {
  expect(new DataFolderInUseError('/data', 4711, undefined).message).toMatch(
    /process 4711\. Wait for it to end.*start a server with `semblance serve`.*--server/,
  );
});
