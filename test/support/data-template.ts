import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/**
 * vitest's globalSetup: an embedded database without spaces, which servers of tests begin with a copy of. To initialise one takes
 * seconds of a processor; tests of a first start say so.
 */
export default async function makeDataTemplate(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'semblance-template-'));
  const program = resolve(import.meta.dirname, '../../dist/main.js');
  await promisify(execFile)(process.execPath, [program, 'migrate'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], TMPDIR: folder, SEMBLANCE_DATA_DIR: join(folder, 'data') },
  });
  process.env['TEST_DATA_TEMPLATE'] = join(folder, 'data');
  return () => rm(folder, { recursive: true, force: true });
}
