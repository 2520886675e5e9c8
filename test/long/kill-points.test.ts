import { afterAll, describe, expect, it } from 'vitest';
import {
  archivePoints,
  embeddedFirstStartPoints,
  embeddedStartPoints,
  migratePoints,
  serverPoints,
  type KillPoint,
} from '../support/kill-points.js';
import { ArchiveKills, killFirstStart, KillSeries } from '../support/kill-series.js';
import { seededRandom } from '../support/make-image.js';
import { cleanUp, testStores } from '../support/server.js';

afterAll(cleanUp);

const seed = Number(process.env['TEST_SEED'] ?? 7);

/** Every point once, in an order that the seed shuffles, with the pass at which it strikes. */
function plan(points: readonly KillPoint[], salt: number): readonly (readonly [string, KillPoint, number])[] {
  const random = seededRandom(seed + salt);
  return points
    .map((point) => ({ point, nth: 1 + Math.floor(random() * point.passes), order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ point, nth }) => [`${point.name} (pass ${nth})`, point, nth]);
}

describe.each(testStores)('SIGKILL at every named point ($name)', (store) => {
  const isEmbedded = store.name === 'embedded';
  const served = plan([...serverPoints, ...(isEmbedded ? embeddedStartPoints : [])], 1);
  const started = plan([...migratePoints, ...(isEmbedded ? embeddedFirstStartPoints : [])], 2);
  const moved = plan(archivePoints, 3);

  it('comes to a hundred and more', () => {
    expect(served.length + started.length + moved.length).toBeGreaterThanOrEqual(100);
  });

  describe('of a server', () => {
    let series: KillSeries | undefined;
    it.each(served)('%s', async (_, point, nth) => {
      series ??= await KillSeries.open(store, seed);
      await series.kill(point, nth);
    });
    it('leaves a gallery that is whole', async () => {
      await series?.finish();
    });
  });

  describe('of a first start', () => {
    it.each(started)('%s', async (_, point, nth) => {
      await killFirstStart(store, point, nth);
    });
  });

  describe('of export and import', () => {
    let kills: ArchiveKills | undefined;
    it.each(moved)('%s', async (_, point, nth) => {
      kills ??= await ArchiveKills.open(store, seed);
      await kills.kill(point, nth);
    });
  });
});
