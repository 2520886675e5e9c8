import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { App } from '../../../src/app.js';
import { ByteBudget } from '../../../src/operations/byte-budget.js';
import { createOperations } from '../../../src/operations/operations.js';
import { beginUpload } from '../../support/begun-upload.js';
import { codeOf } from '../../support/client.js';
import { buildMemoryApp, openHttpDoor, type HttpDoor } from '../../support/http-app.js';
import { makePng } from '../../support/make-image.js';

// Its own folder: other test files upload at the same time.
const temporaryFolder = await mkdtemp(join(tmpdir(), 'semblance-uploads-'));
process.env['TMPDIR'] = temporaryFolder;

let app: App;
let door: HttpDoor;

beforeAll(async () => {
  app = await buildMemoryApp();
  door = await openHttpDoor(app.operations);
});

afterAll(async () => {
  await door.close();
  await app.close();
  await rm(temporaryFolder, { recursive: true });
});

async function temporaryFiles(): Promise<number> {
  return (await readdir(temporaryFolder)).filter((name) => name.startsWith('capacitor-')).length;
}

test.each([0.1, 0.5, 0.99])('an upload that breaks off at %d of its bytes leaves nothing', async (part) => {
  const bytes = await makePng(40, { width: 500, height: 500 });
  const sending = beginUpload(door.client.url, bytes, part);
  await expect.poll(temporaryFiles).toBeGreaterThan(0);
  sending.destroy();
  await expect.poll(temporaryFiles).toBe(0);
  expect(await door.client.totalCount()).toBe(0);
  expect(door.logged).toEqual([]);
});

test('a temporary file that cannot be written is no fault of the client', async () => {
  process.env['TMPDIR'] = join(temporaryFolder, 'gone');
  try {
    const answer = await door.client.uploadAnswer(await makePng(41));
    expect(codeOf(answer)).toBe('INTERNAL_SERVER_ERROR');
    expect(JSON.stringify(answer)).not.toContain(temporaryFolder);
    expect(String(door.logged)).toContain('ENOENT');
  } finally {
    process.env['TMPDIR'] = temporaryFolder;
  }
  expect((await door.client.upload(await makePng(41))).created).toBe(true);
});

test('uploads that hold too much memory together are refused, and leave nothing', async () => {
  const uploads = new ByteBudget({ maxBytes: 1_000, what: 'uploads' });
  uploads.open().add(1);
  const other = await openHttpDoor(createOperations({ ...app.context, uploads }));
  const bytes = await makePng(42);
  for (const answer of [await other.client.uploadAnswer(bytes), await other.client.searchAnswer(bytes)]) {
    expect(codeOf(answer)).toBe('OVERLOADED');
  }
  expect(uploads.heldBytes).toBe(1);
  await expect.poll(temporaryFiles).toBe(0);
  await other.close();
});
