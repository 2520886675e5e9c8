import { afterAll, describe, expect, it } from 'vitest';
import {
  archivePoints,
  describeKill,
  drawKills,
  embeddedFirstStartPoints,
  embeddedStartPoints,
  migratePoints,
  rounds,
  serverPoints,
  type Kill,
  type Round,
} from '../support/kill-points.js';
import { ArchiveKills, killFirstStart, KillSeries } from '../support/kill-series.js';
import { cleanUp, testStores } from '../support/server.js';

afterAll(cleanUp);

const seed = Number(process.env['TEST_SEED'] ?? 7);
/** TEST_KILL_ROUND=alone or busy: one of the rounds. */
const asked = rounds.filter((round) => [undefined, round].includes(process.env['TEST_KILL_ROUND'] as Round));
/** TEST_KILL_PART=2/8: the second eighth of the kills; of up to ten parts, each has some of every kind. */
const [part = 1, parts = 1] = (process.env['TEST_KILL_PART'] ?? '1/1').split('/').map(Number);

function inPart(kills: readonly Kill[]): readonly (readonly [string, Kill])[] {
  return kills.filter((_, index) => index % parts === part - 1).map((kill) => [describeKill(kill), kill]);
}

describe.each(testStores)('SIGKILL at every named point ($name)', (store) => {
  const isEmbedded = store.name === 'embedded';
  const draw = (round: Round) => ({
    served: drawKills([...serverPoints, ...(isEmbedded ? embeddedStartPoints : [])], seed + 1, round),
    started: drawKills([...migratePoints, ...(isEmbedded ? embeddedFirstStartPoints : [])], seed + 2, round),
    moved: drawKills(archivePoints, seed + 3, round),
  });

  it('comes to two hundred and more, each of another point or in another round', () => {
    const kills = rounds.map(draw).flatMap(({ served, started, moved }) => [...served, ...started, ...moved]);
    expect(kills.length).toBeGreaterThanOrEqual(200);
    expect(new Set(kills.map(describeKill)).size).toBe(kills.length);
  });

  describe.each(asked)('%s', (round) => {
    const { served, started, moved } = draw(round);

    describe('of a server', () => {
      let series: KillSeries | undefined;
      it.each(inPart(served))('%s', async (_, kill) => {
        series ??= await KillSeries.open(store, seed + rounds.indexOf(round));
        await series.kill(kill);
      });
      it('leaves a gallery that is whole', async () => {
        await series?.finish();
      });
    });

    describe('of a first start', () => {
      it.each(inPart(started))('%s', async (_, kill) => {
        await killFirstStart(store, kill);
      });
    });

    describe('of export and import', () => {
      let kills: ArchiveKills | undefined;
      it.each(inPart(moved))('%s', async (_, kill) => {
        kills ??= await ArchiveKills.open(store, seed, round);
        await kills.kill(kill);
      });
    });
  });
});
