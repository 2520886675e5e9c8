import { afterAll, describe, it } from 'vitest';
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
import { cleanUp, testStores } from '../support/server.js';

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
