import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GalleryMethods } from '../../src/cli/gallery.js';
import { runCommand } from '../support/command.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, makeFolder, runProgram, startProgram } from '../support/server.js';

/** Several starts of the program, each of which opens a database and a model. */
const manyStarts = { timeout: 300_000 };

afterAll(cleanUp);

describe('long commands that are interrupted', () => {
  const count = 250;
  let folder: string;

  beforeAll(async () => {
    folder = await makeFolder();
    for (const label of ['even', 'odd']) await mkdir(join(folder, 'pictures', label), { recursive: true });
    for (let seed = 0; seed < count; seed++) {
      const file = join(folder, 'pictures', seed % 2 === 0 ? 'even' : 'odd', `${seed}.jpg`);
      await writeFile(file, await makeJpeg(seed, { width: 400, height: 300 }));
    }
    const run = await runProgram(['import', join(folder, 'pictures'), '--label-from-folders'], { folder });
    expect(run.code, run.output).toBe(0);
  }, 300_000);

  it('go on with a space where they stopped', manyStarts, async () => {
    const create = ['spaces', 'create', 'words', '--method', 'bovw-8', '--sample', '8', '--backfill'];
    const run = await startProgram(create, { folder });
    await run.printed('Made the space words');
    run.signal('SIGINT');
    expect(await run.exited, run.output).toEqual({ code: 130, signal: null });
    const [, embedded = '', left = ''] =
      /^Embedded (\d+) images in words, failed 0\. Interrupted with (\d+) left: the same command goes on there\.$/m.exec(
        run.stdout,
      ) ?? [];
    expect(Number(embedded) + Number(left)).toBe(count);
    expect(Number(left)).toBeGreaterThan(0);
    const rest = await runCommand(create, { folder });
    expect(rest.stdout).toBe(`Embedded ${left} images in words, failed 0. The space can be searched: --space words\n`);
  });

  it('leave no scorer that is half trained', manyStarts, async () => {
    const run = await startProgram(['train-scorer', '--kind', 'labels', '--epochs', '100'], { folder });
    await run.printed('Training: ');
    run.signal('SIGINT');
    expect(await run.exited, run.output).toEqual({ code: 130, signal: null });
    expect(run.stdout).toBe('Interrupted: nothing was stored. The same command begins anew.\n');
    const { stdout } = await runCommand(['methods', '--json'], { folder });
    expect((JSON.parse(stdout) as GalleryMethods).spaces.flatMap(({ scorers }) => scorers)).toEqual([]);
  });
});
