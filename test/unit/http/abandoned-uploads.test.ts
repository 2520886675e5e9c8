import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeAbandonedUploads } from '../../../src/http/abandoned-uploads.js';
import { requestTimeoutMs } from '../../../src/base/limits.js';

test('removes what no request can still be writing, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'semblance-abandoned-'));
  process.env['TMPDIR'] = folder;
  const upload = `capacitor-${'0123456789abcdef'.repeat(2)}.tmp`;
  const other = 'capacitor-notes.tmp';
  await Promise.all([upload, other].map((name) => writeFile(join(folder, name), '')));

  await removeAbandonedUploads(Date.now() + requestTimeoutMs);
  expect(await readdir(folder)).toEqual([upload, other]);
  await removeAbandonedUploads(Date.now() + 3 * requestTimeoutMs);
  expect(await readdir(folder)).toEqual([other]);
  await rm(folder, { recursive: true });
});
