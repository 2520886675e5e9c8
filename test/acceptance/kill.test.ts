import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { killDuringImport, killImportCommand } from '../support/kill-import.js';
import {
  archivePoints,
  drawKills,
  embeddedFirstStartPoints,
  embeddedStartPoints,
  migratePoints,
  serverPoints,
  type KillPoint,
  type Round,
} from '../support/kill-points.js';
import { ArchiveKills, killFirstStart, KillSeries } from '../support/kill-series.js';
import { makeJpeg, seededRandom } from '../support/make-image.js';
import { cleanUp, makeFolder, spawnServer, startServer, testStores } from '../support/server.js';

afterAll(cleanUp);

const pointSeed = Number(process.env['TEST_SEED'] ?? 5);

/** A seeded few of the kills of test/long, some of every kind; TEST_SEED draws others. */
describe.each(testStores)('kill -9 at named points ($name)', (store) => {
  const isEmbedded = store.name === 'embedded';
  const drawn = (points: readonly KillPoint[], round: Round) => drawKills(points, pointSeed, round).slice(0, 1);

  it('of a server leaves images that are whole, deletions that stand and spaces that tell the truth', async () => {
    const series = await KillSeries.open(store, pointSeed);
    const kills = [
      ...drawn(serverPoints, 'alone'),
      ...drawn(serverPoints, 'busy'),
      ...(isEmbedded ? drawn(embeddedStartPoints, 'busy') : []),
    ];
    for (const kill of kills) await series.kill(kill);
    await series.finish();
  });

  it.each(drawn([...migratePoints, ...(isEmbedded ? embeddedFirstStartPoints : [])], 'busy'))(
    'of a first start leaves what the next start goes on with: $point.name',
    async (kill) => {
      await killFirstStart(store, kill);
    },
  );

  it.each(drawn(archivePoints, 'busy'))('of export and import leaves whole images: $point.name', async (kill) => {
    const kills = await ArchiveKills.open(store, pointSeed, kill.round);
    await kills.kill(kill);
  });
});

/** A seeded few of what test/long does twenty times with 1,000 images. */
describe.each(testStores)('kill -9 during an import ($name)', (store) => {
  it('of a server loses nothing acknowledged', async () => {
    await killDuringImport({ store, seed: 1, count: 60 });
  });

  it('of a first start leaves nothing that the next start stumbles over', async () => {
    const random = seededRandom(4);
    const options = { folder: await makeFolder(), env: store.environment(), firstStart: true };
    for (let attempt = 0; attempt < 2; attempt++) {
      const doomed = await spawnServer(options);
      await delay(300 + random() * 4_000);
      expect(await doomed.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    }
    const server = await startServer(options);
    expect((await server.client.upload(await makeJpeg(1))).created).toBe(true);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  it('of the import command leaves whole images, and the import completes', async () => {
    await killImportCommand({ store, seed: 3, count: 100 });
  });
});
