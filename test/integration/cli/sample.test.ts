import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLocalGallery } from '../../../src/cli/local-gallery.js';
import type { Gallery } from '../../../src/cli/gallery.js';
import { loadConfig } from '../../../src/base/config.js';
import { drawSampleQuery, sampleSize } from '../../../src/pixels/sample/draw-sample.js';
import { sampleFamilies } from '../../../src/pixels/sample/families.js';
import { loadSample } from '../../../src/images/import/load-sample.js';
import { runProgram } from '../../support/server.js';

describe('the sample gallery', () => {
  let gallery: Gallery;

  beforeAll(async () => {
    gallery = await openLocalGallery(loadConfig({ DATABASE_URL: 'memory:' }), { needsModel: true });
    expect(await loadSample({ target: gallery })).toEqual({
      imported: sampleSize,
      known: 0,
      failures: [],
      interrupted: false,
    });
  });

  afterAll(() => gallery.close());

  it.each(sampleFamilies.map(({ name }) => name))('answers a %s with its family', async (name) => {
    const { bytes, filename } = await drawSampleQuery(name);
    const { hits } = await gallery.search({ bytes, filename, k: 5 });
    expect(hits.map(({ image }) => image.metadata['label'])).toEqual(Array<string>(5).fill(name));
  });

  it('is there once, however often it is loaded', async () => {
    expect(await loadSample({ target: gallery })).toMatchObject({ imported: 0, known: sampleSize });
    expect((await gallery.stats()).imageCount).toBe(sampleSize);
  });
});

describe('semblance sample', () => {
  it('imports, searches and writes the contact sheet whose path it prints', { timeout: 120_000 }, async () => {
    const run = await runProgram(['sample', '--family', 'fish']);
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('Imported 306, already there 0, failed 0.');
    expect(run.stdout.match(/^ +[1-5] +0\.\d{3} +fish-\d\d\.jpg/gm)).toHaveLength(5);
    const sheet = join(run.folder, 'semblance-sample.png');
    expect(run.stdout).toContain(`Contact sheet: ${sheet}`);
    const { format, width } = await sharp(await readFile(sheet)).metadata();
    expect([format, width]).toEqual(['png', 1358]);
  });
});
