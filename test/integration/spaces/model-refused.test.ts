import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/app.js';
import type { Config } from '../../../src/base/config.js';
import { ConfigurationError } from '../../../src/base/errors.js';
import { makeJpeg } from '../../support/make-image.js';
import { openPersistentApp, type PersistentApp } from '../../support/persistent-app.js';
import { readLooseManifest, tinyModelFolder, type LooseManifest, type TinyModel } from '../../support/tiny-models.js';

/** A name of the catalogue, under which a tiny model is installed. */
const model = 'dinov2-base';
const made = /The active space "second" was made with dinov2-base \(SHA-256 [0-9a-f]{12}…\)$/;
const mended =
  '`semblance models verify dinov2-base` checks it; `semblance models pull dinov2-base` installs it anew where it is not whole';
const changing =
  'To change the model give the new one a name of its own, then run `semblance spaces create NAME --model ITS-NAME --backfill` and `semblance spaces activate NAME`';

describe('a start whose model is not that of the active space', () => {
  let gallery: PersistentApp;
  let config: Config;
  let folder: string;
  beforeAll(async () => {
    gallery = await openPersistentApp('embedded');
    const { operations } = gallery.app;
    config = { ...gallery.app.config, model: undefined };
    folder = join(gallery.dataDir, 'models', model);
    await install();
    await operations.uploadImage({ bytes: await makeJpeg(1), filename: 'one.jpg', priority: 'query' });
    await operations.createSpace({ name: 'second', recipe: `@${model}` });
    await operations.backfillSpace({ name: 'second' });
    await operations.activateSpace({ name: 'second' });
    await operations.removeSpace('semblance-compact');
    await gallery.app.close();
  });
  afterAll(async () => gallery.remove());
  beforeEach(async () => install());

  async function install(from: TinyModel = 'nchw-float32-pooled', edit?: (manifest: LooseManifest) => void) {
    await rm(folder, { recursive: true, force: true });
    await cp(tinyModelFolder(from), folder, { recursive: true });
    const manifest = await readLooseManifest(folder);
    manifest['name'] = model;
    edit?.(manifest);
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  }

  /** Why the start was refused, as the log and /readyz say it; undefined where it was not. */
  const start = async (changes: Partial<Config> = {}): Promise<string | undefined> => {
    const app = await buildApp({ ...config, ...changes });
    try {
      const error: unknown = await app.ready.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error instanceof ConfigurationError) return `${error.name}: ${error.message}`;
      const { ready, reasons } = await app.operations.health();
      expect(ready).toBe(error === undefined);
      if (!(error instanceof Error)) return undefined;
      expect(reasons).toEqual([`model: ${error.message}`]);
      const search = app.operations.searchByUpload({ bytes: await makeJpeg(1), k: 1 });
      await expect(search).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
      return error.message;
    } finally {
      await app.close();
    }
  };

  it('serves with the very files that the space was made with', async () => {
    expect(await start()).toBeUndefined();
  });

  it('tells weights that were changed', async () => {
    const path = join(folder, (await readLooseManifest(folder))['file'] as string);
    const weights = await readFile(path);
    weights[weights.length >> 1] = (weights[weights.length >> 1] ?? 0) ^ 1;
    await writeFile(path, weights);
    const reason = (await start()) ?? '';
    expect(reason).toMatch(/^The weights have SHA-256 [0-9a-f]{64}, the manifest says [0-9a-f]{64}; /);
    expect(reason).toContain(`; ${mended}. `);
    expect(reason).toMatch(made);
  });

  it('tells another model of the same name', async () => {
    await install('nhwc-uint8-cls');
    expect(await start()).toMatch(
      new RegExp(
        '^the active space "second" was made with dinov2-base \\(SHA-256 .{12}…\\), and the model at hand, dinov2-base \\(SHA-256 .{12}…\\), has other weights and prepares images in another way: ',
      ),
    );
    expect(await start()).toContain(`: ${mended}. ${changing}`);
  });

  it('tells a preprocessing that was changed', async () => {
    await install('nchw-float32-pooled', ({ preprocessing }) => {
      preprocessing['mean'] = [0.25, 0.25, 0.25];
    });
    expect(await start()).toContain(`has the same weights and prepares images in another way: ${mended}. ${changing}`);
  });

  it('tells a model that is not there, and how to get it', async () => {
    await rm(folder, { recursive: true });
    const reason = (await start()) ?? '';
    expect(reason).toMatch(
      /^Model "dinov2-base" was not found: .*; `semblance models pull dinov2-base` downloads it\. /,
    );
    expect(reason).toMatch(made);
  });

  it('ends where SEMBLANCE_MODEL names another, and says how to change', async () => {
    expect(await start({ model: 'semblance-compact' })).toBe(
      'ConfigurationError: SEMBLANCE_MODEL=semblance-compact differs from the model of the active embedding space "second", dinov2-base: unset it. To search with another model run `semblance spaces create NAME --model semblance-compact --backfill` and `semblance spaces activate NAME`.',
    );
    expect(await start({ model })).toBeUndefined();
  });

  it('says so to an empty database, too', async () => {
    const empty = { database: { kind: 'memory' }, model: 'dinov2-small' } as const;
    const app = await buildApp({ ...config, ...empty });
    await expect(app.ready).rejects.toThrow('`semblance models pull dinov2-small` downloads it');
    await app.close();
  });
});
