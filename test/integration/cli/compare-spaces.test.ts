import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SpaceComparison } from '../../../src/spaces/compare/compare-spaces.js';
import { runCommand } from '../../support/command.js';
import { writeSample } from '../../support/sample-folder.js';
import { cleanUp, makeFolder, runProgram, testStores, type TestStore } from '../../support/server.js';

const families = ['butterfly', 'car'];
const perFamily = 6;
const stored = families.length * perFamily;

/** Several starts of the program, each of which opens a database. */
const manyStarts = { timeout: 300_000 };

afterAll(cleanUp);

describe.each(testStores)('spaces compare on the $name store', (testStore) => {
  const environment = testStore.environment();
  const store: TestStore = { name: testStore.name, environment: () => environment };
  let folder: string;
  const semblance = (...args: string[]) => runCommand(args, { store, folder });
  const succeed = async (...args: string[]) => {
    const run = await semblance(...args);
    expect(run.code, run.output).toBe(0);
    return run;
  };

  beforeAll(async () => {
    folder = await makeFolder();
    await writeSample(join(folder, 'pictures'), { families, perFamily });
    const imported = await runProgram(['import', join(folder, 'pictures'), '--label-from-folders'], { store, folder });
    expect(imported.code, imported.output).toBe(0);
    await succeed('spaces', 'create', 'grey', '--method', 'grey', '--backfill');
    await succeed('spaces', 'create', 'empty', '--method', 'color');
  }, manyStarts.timeout);

  it('prints tables and draws the queries that differ most', manyStarts, async () => {
    const sheet = join(folder, 'sheet.png');
    const { stdout, output } = await succeed(
      'spaces',
      'compare',
      'semblance-compact',
      'grey',
      '-k',
      '3',
      '--out',
      sheet,
    );
    expect(output).toContain(`Contact sheet: ${sheet}`);
    expect(stdout).toMatch(/^A +semblance-compact +active +@semblance-compact +0 +[\d.]+ +0$/m);
    expect(stdout).toMatch(/^B +grey +ready +grey +0 +[\d.]+ +0$/m);
    expect(stdout).toMatch(/^overlap@3 +0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]$/m);
    expect(stdout).toMatch(/^map_cut_100 +\d\.\d{3} \[.*\] +\d\.\d{3} \[.*\] +[+−]?\d\.\d{3} \[.*\]$/m);
    expect(stdout).toContain(`Searched for ${stored} of the ${stored} images that both spaces hold`);
    // No colours, so none that NO_COLOR could take away.
    // eslint-disable-next-line no-control-regex
    expect(output).not.toMatch(/\u001b/);
    const listed = stdout.slice(stdout.indexOf('Least in common:')).trim().split('\n').length - 2;
    const { format, width, height } = await sharp(await readFile(sheet)).metadata();
    // Three results of either side, and a row for each query that is listed.
    expect({ format, width, height }).toEqual({ format: 'png', width: 1184, height: 100 + 184 * listed });
  });

  it('prints JSON, the same for the same seed', manyStarts, async () => {
    const read = async (): Promise<SpaceComparison> => {
      const args = ['semblance-compact', 'grey', '--json', '--sample', '5', '--seed', '9'];
      return JSON.parse((await succeed('spaces', 'compare', ...args)).stdout) as SpaceComparison;
    };
    const comparison = await read();
    expect(comparison).toMatchObject({
      a: { name: 'semblance-compact', missing: 0 },
      b: { name: 'grey', missing: 0 },
      seed: 9,
      k: 10,
      depth: 100,
      images: { stored, shared: stored },
      queries: 5,
      labels: {
        labelled: 5,
        evaluated: 5,
        measures: [{ name: 'map_cut_100' }, { name: 'map_cut_min_100' }, { name: 'P_10' }],
      },
    });
    const again = await read();
    expect({ ...again, a: comparison.a, b: comparison.b }).toEqual(comparison);
  });

  it('refuses what cannot be compared, before it draws anything', manyStarts, async () => {
    const sheet = join(folder, 'none.png');
    for (const [args, reason] of [
      [['grey', 'empty'], '`semblance spaces backfill empty` embeds them'],
      [['grey', 'grey'], 'Expected the name of another space than a for b but received "grey"'],
      [['grey', 'gray'], 'There is no space "gray"; there are "semblance-compact", "grey", "empty"'],
      [['grey', 'empty', '-k', '1001'], 'Expected an integer from 1 to 1000.'],
    ] as const) {
      const run = await semblance('spaces', 'compare', ...args, '--out', sheet);
      expect(run.code, run.output).toBe(1);
      expect(run.stdout).toBe('');
      expect(run.output).toContain(reason);
      expect(run.output).not.toContain('    at ');
    }
    await expect(access(sheet)).rejects.toThrow();
  });
});
