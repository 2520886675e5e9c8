import { afterAll, describe, it } from 'vitest';
import { killDuringImport, killImportCommand } from '../support/kill-import.js';
import { cleanUp, testStores } from '../support/server.js';

afterAll(cleanUp);

/** A seeded few of what test/long does twenty times with 1,000 images. */
describe.each(testStores)('kill -9 during an import ($name)', (store) => {
  it.each([1, 2])('of a server loses nothing acknowledged (seed %i)', async (seed) => {
    await killDuringImport({ store, seed, count: 120 });
  });

  it('of the import command leaves whole images, and the import completes', async () => {
    await killImportCommand({ store, seed: 3, count: 200 });
  });
});
