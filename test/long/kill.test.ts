import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { killDuringImport, killImportCommand } from '../support/kill-import.js';
import { makeJpeg, seededRandom } from '../support/make-image.js';
import { cleanUp, makeFolder, spawnServer, startServer, testStores } from '../support/server.js';

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

describe.each(testStores)('kill -9 at any moment of a first start ($name)', (store) => {
  it.each([301, 302, 303, 304])('leaves nothing that the next start stumbles over (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const options = { folder: await makeFolder(), env: store.environment(), firstStart: true };
    for (let attempt = 0; attempt < 4; attempt++) {
      const doomed = await spawnServer(options);
      await delay(300 + random() * 3_000);
      expect(await doomed.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    }
    const server = await startServer(options);
    expect((await server.client.upload(await makeJpeg(1))).created).toBe(true);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });
});
