import { lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadManifest } from '../../../src/models/manifest.js';
import {
  readSettings,
  settingsPath,
  storeSettings,
  thisMachine,
  type SettingsEntry,
} from '../../../src/models/serving-settings.js';
import { openEmbedder } from '../../../src/models/embedder/open-embedder.js';
import { ConfigurationError } from '../../../src/base/errors.js';
import { temporaryFolder, tinyModelFolder } from '../../support/tiny-models.js';

const [one, two] = ['1'.repeat(64), '2'.repeat(64)];
const machine = { cores: 6, processor: 'A Processor' };

function entry(more: Partial<SettingsEntry> = {}): SettingsEntry {
  return {
    model: 'mine',
    threads: 3,
    batchImages: 4,
    ...machine,
    imagesPerSecond: 12.5,
    latencyMs: 80,
    measuredAt: '2026-01-01T00:00:00.000Z',
    ...more,
  };
}

describe('stored settings', () => {
  it('are found by the weights, each model beside the others', async () => {
    const models = join(await temporaryFolder(), 'models');
    expect(await readSettings(models, one, machine)).toEqual({ kind: 'none' });
    await storeSettings(models, one, entry());
    await storeSettings(models, two, entry({ threads: 1 }));
    await storeSettings(models, one, entry({ batchImages: 2 }));
    expect(await readSettings(models, one, machine)).toEqual({
      kind: 'stored',
      settings: { threads: 3, batchImages: 2 },
    });
    expect(await readSettings(models, two, machine)).toMatchObject({ settings: { threads: 1, batchImages: 4 } });
    expect(await readSettings(models, '3'.repeat(64), machine)).toEqual({ kind: 'none' });
    expect(await readdir(models)).toEqual(['settings.json']);
  });

  it.each([
    { cores: 2, processor: 'A Processor' },
    { cores: 6, processor: 'Another' },
  ])('of another machine are not used: $cores cores, $processor', async (other) => {
    const models = await temporaryFolder();
    await storeSettings(models, one, entry());
    const read = await readSettings(models, one, other);
    expect(read).toMatchObject({
      kind: 'unusable',
      reason: expect.stringContaining('measured on 6 cores of "A Processor"') as string,
    });
  });

  it.each([
    ['no JSON', '{', 'is not JSON'],
    ['another version', '{"settingsVersion":2,"models":{}}', 'damaged at settingsVersion'],
    ['no models', '{"settingsVersion":1}', 'damaged at models'],
    [
      'too many threads',
      JSON.stringify({ settingsVersion: 1, models: { [two]: entry({ threads: 65 }) } }),
      `damaged at models.${two}.threads`,
    ],
    [
      'runs that no server makes',
      JSON.stringify({ settingsVersion: 1, models: { [one]: entry({ batchImages: 9 }) } }),
      `damaged at models.${one}.batchImages`,
    ],
  ])('are ignored and written anew where the file is damaged: %s', async (_, text, reason) => {
    const models = await temporaryFolder();
    await writeFile(settingsPath(models), text);
    const read = await readSettings(models, one, machine);
    expect(read).toMatchObject({ kind: 'unusable', reason: expect.stringContaining(reason) as string });
    expect(await storeSettings(models, one, entry())).toContain(reason);
    expect(await readSettings(models, one, machine)).toMatchObject({ kind: 'stored' });
    expect(JSON.parse(await readFile(settingsPath(models), 'utf8'))).toEqual({
      settingsVersion: 1,
      models: { [one]: entry() },
    });
  });

  it('cannot be read where something else has their name', async () => {
    const models = await temporaryFolder();
    await mkdir(settingsPath(models));
    expect(await readSettings(models, one, machine)).toMatchObject({
      reason: expect.stringContaining('cannot be read (EISDIR)') as string,
    });
  });

  it('are not written anew where they are there and cannot be read', async () => {
    const models = await temporaryFolder();
    // As unreadable to the superuser as to everybody, and a rename would replace it.
    await symlink(basename(settingsPath(models)), settingsPath(models));
    const storing = storeSettings(models, one, entry());
    await expect(storing).rejects.toThrow(ConfigurationError);
    await expect(storing).rejects.toThrow('cannot be read (ELOOP)');
    expect((await lstat(settingsPath(models))).isSymbolicLink()).toBe(true);
  });
});

describe('a model', () => {
  const model = tinyModelFolder('nchw-float32-pooled');

  async function serving(dataDir: string, useStoredSettings: boolean): Promise<unknown> {
    const embedder = openEmbedder({ model, dataDir, threads: 1, useStoredSettings });
    onTestFinished(() => embedder.close());
    await embedder.settled;
    return embedder.state.kind === 'ready' ? embedder.state.serving : embedder.state;
  }

  it('is run by the settings that are stored for its weights, unless told otherwise', async () => {
    const dataDir = await temporaryFolder();
    const { sha256 } = await loadManifest(model);
    expect(await serving(dataDir, true)).toMatchObject({ threads: 1, foundBy: 'start' });
    await storeSettings(join(dataDir, 'models'), sha256, entry({ threads: 2, batchImages: 2, ...thisMachine() }));
    expect(await serving(dataDir, true)).toEqual({ threads: 2, batchImages: 2, foundBy: 'bench' });
    expect(await serving(dataDir, false)).toMatchObject({ threads: 1, foundBy: 'start' });
  });

  it('serves all the same where they cannot be used, and tells', async () => {
    const dataDir = await temporaryFolder();
    await mkdir(join(dataDir, 'models'));
    await writeFile(settingsPath(join(dataDir, 'models')), 'threads: 4');
    expect(await serving(dataDir, true)).toMatchObject({
      threads: 1,
      foundBy: 'start',
      warning: expect.stringContaining('is not JSON, so that it is not used') as string,
    });
  });
});
