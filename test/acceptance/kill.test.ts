import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { killDuringImport, killImportCommand } from '../support/kill-import.js';
import { serverPoints } from '../support/kill-points.js';
import { KillSeries } from '../support/kill-series.js';
import { makeJpeg, seededRandom } from '../support/make-image.js';
import { cleanUp, makeFolder, spawnServer, startServer, testStores } from '../support/server.js';

afterAll(cleanUp);

const sampledPoints = 3;

/** A seeded few of the points at which test/long kills; TEST_SEED draws others. */
describe.each(testStores)('kill -9 at named points ($name)', (store) => {
  it('leaves images that are whole, deletions that stand and spaces that tell the truth', async () => {
    const seed = Number(process.env['TEST_SEED'] ?? 5);
    const random = seededRandom(seed);
    const drawn = serverPoints.map((point) => ({ point, order: random() })).sort((a, b) => a.order - b.order);
    const series = await KillSeries.open(store, seed);
    for (const { point } of drawn.slice(0, sampledPoints)) await series.kill(point, 1);
    await series.finish();
  });
});

/** A seeded few of what test/long does twenty times with 1,000 images. */
describe.each(testStores)('kill -9 during an import ($name)', (store) => {
  it.each([1, 2])('of a server loses nothing acknowledged (seed %i)', async (seed) => {
    await killDuringImport({ store, seed, count: 120 });
  });

  it('of a first start leaves nothing that the next start stumbles over', async () => {
    const random = seededRandom(4);
    const options = { folder: await makeFolder(), env: store.environment(), firstStart: true };
    for (let attempt = 0; attempt < 4; attempt++) {
      const doomed = await spawnServer(options);
      await delay(300 + random() * 4_000);
      expect(await doomed.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    }
    const server = await startServer(options);
    expect((await server.client.upload(await makeJpeg(1))).created).toBe(true);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  it('of the import command leaves whole images, and the import completes', async () => {
    await killImportCommand({ store, seed: 3, count: 200 });
  });
});
