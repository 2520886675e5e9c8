import { afterEach, describe, it } from 'vitest';
import { killDuringImport, killImportCommand } from '../support/kill-import.js';
import { cleanUp, testStores } from '../support/server.js';

afterEach(cleanUp);

const seeds = Array.from({ length: 20 }, (_, index) => 101 + index);
const count = 1_000;

describe.each(testStores)('kill -9 during an import of 1,000 images ($name)', (store) => {
  it.each(seeds)('of a server loses nothing acknowledged (seed %i)', async (seed) => {
    await killDuringImport({ store, seed, count });
  });

  it.each([201, 202])('of the import command leaves whole images (seed %i)', async (seed) => {
    await killImportCommand({ store, seed, count });
  });
});
