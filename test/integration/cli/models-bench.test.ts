import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { loadManifest } from '../../../src/models/manifest.js';
import { bundledModelsFolder } from '../../../src/base/paths.js';
import {
  cleanUp,
  makeFolder,
  runProgram,
  startProgram,
  startServer,
  waitFor,
  type FinishedRun,
} from '../../support/server.js';
import { tinyModelFolder, type TinyModel } from '../../support/tiny-models.js';

const quick = ['--seconds', '0.05', '--rounds', '1', '--threads', '1,2'];
const free: TinyModel = 'nchw-float32-pooled';
const fixed: TinyModel = 'nchw-uint8-mean';
let folder: string;
let settings: string;

beforeEach(async () => {
  folder = await makeFolder();
  settings = join(folder, 'data/models/settings.json');
});
afterAll(cleanUp);

async function install(...names: readonly TinyModel[]): Promise<void> {
  for (const name of names) {
    await cp(tinyModelFolder(name), join(folder, 'data/models', name), { recursive: true });
  }
}

function bench(...args: readonly string[]): Promise<FinishedRun> {
  return runProgram(['models', 'bench', ...args], { folder });
}

interface Stored {
  readonly models: Readonly<
    Record<string, { readonly model: string; readonly threads: number; readonly batchImages: number }>
  >;
}

async function stored(): Promise<Stored['models']> {
  return (JSON.parse(await readFile(settings, 'utf8')) as Stored).models;
}

/** Rows of the table: threads, images, images/s, median ms, p95 ms, and whether it serves best. */
function rowsOf(table: string): readonly (readonly [...number[]])[] {
  return table
    .split('\n')
    .filter((line) => /^ +\d/.test(line))
    .map((line) => [...line.trim().split(/ +/).slice(0, 5).map(Number), line.includes('serves best') ? 1 : 0]);
}

describe('models bench', () => {
  it('measures each setting, and stores the one that it says serves best', async () => {
    await install(free);
    const { code, stdout, output } = await bench(free, ...quick);
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toBe(free);
    const rows = rowsOf(stdout);
    expect(rows.map(([threads, images]) => [threads, images])).toEqual(
      [1, 2].flatMap((threads) => [1, 2, 4, 8].map((images) => [threads, images])),
    );
    for (const [, images = 0, rate = 0, median = 0, p95 = 0] of rows) {
      expect(p95).toBeGreaterThanOrEqual(median);
      // Both are rounded to a tenth.
      expect(rate).toBeGreaterThan((images * 1000) / (median + 0.1));
    }
    const best = rows.filter((row) => row[5] === 1);
    expect(best).toHaveLength(1);
    const { sha256 } = await loadManifest(tinyModelFolder(free));
    const [threads, batchImages] = best[0] ?? [];
    expect(await stored()).toEqual({
      [sha256]: expect.objectContaining({ model: free, threads, batchImages }) as unknown,
    });
    expect(output).toContain(`Stored in ${settings}: servers use it from their next start`);
  });

  it('takes the runs that the weights fix, and prints figures as JSON', async () => {
    await install(fixed);
    const { stdout } = await bench(fixed, ...quick, '--json', '--no-store');
    const [result] = JSON.parse(stdout) as { measurements: Record<string, number>[]; chosen: Record<string, number> }[];
    const batches = new Set(result?.measurements.map(({ batchImages }) => batchImages));
    expect([...batches]).toEqual([4]);
    expect(result?.measurements.map(({ threads }) => threads)).toEqual([1, 2]);
    for (const { residentBytes = 0, peakBytes = 0 } of result?.measurements ?? []) {
      // A process of its own: Node alone takes more than 30 MB, and this model next to nothing.
      expect(residentBytes).toBeGreaterThan(30e6);
      expect(peakBytes).toBeGreaterThanOrEqual(residentBytes);
    }
    expect(existsSync(settings)).toBe(false);
  });

  it('measures whatever is bundled or whole, and names what is not', async () => {
    await install(free);
    await mkdir(join(folder, 'data/models/half'));
    const { stdout, output, code } = await bench(
      '--seconds',
      '0.05',
      '--rounds',
      '1',
      '--threads',
      '1',
      '--batch',
      '1',
    );
    expect(code).toBe(0);
    expect(stdout.match(/^\S+$/gm)).toEqual(['semblance-compact', 'semblance-hybrid', free]);
    expect(output).toContain("half is left out: The model's folder has no manifest.json.");
    expect(Object.values(await stored()).map(({ model }) => model)).toEqual([
      'semblance-compact',
      'semblance-hybrid',
      free,
    ]);

    const missing = await bench('dinov2-base');
    expect(missing.output).toContain('There is no model dinov2-base: "semblance models list" tells');
    const broken = await bench('half');
    expect(broken.output).toContain('half cannot be measured');
    const settingsNobodyHas = await bench('--batch', '3');
    expect(settingsNobodyHas.output).toContain('Expected some of 1, 2, 4 and 8');
    expect([missing.code, broken.code, settingsNobodyHas.code]).toEqual([1, 1, 1]);
  });

  it('refuses weights that are not those of the manifest', async () => {
    await install(free);
    const weights = join(folder, 'data/models', free, 'model.onnx');
    const bytes = await readFile(weights);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(weights, bytes);
    const { output, code } = await bench(free, ...quick);
    expect(output).toMatch(/cannot be measured: .*(SHA-256|cannot load)/);
    expect(code).toBe(1);
    expect(existsSync(settings)).toBe(false);
  });

  it('leaves no process and stores nothing when it is stopped', async () => {
    await install(free);
    const run = await startProgram(['models', 'bench', free, '--seconds', '60', '--rounds', '1'], { folder });
    const measuring = () => processesOf(run.child.pid ?? 0);
    await waitFor('a process that measures', () => Promise.resolve(measuring().length > 0));
    const [measurer] = measuring();
    run.signal('SIGINT');
    expect(await run.exited).toEqual({ code: 130, signal: null });
    expect(run.output).toContain('Stopped. Settings of models that were measured before are stored');
    expect(existsSync(settings)).toBe(false);
    expect(existsSync(`/proc/${measurer ?? 0}`)).toBe(false);
  });
});

/** Child processes, by Linux's procfs through ps. */
function processesOf(pid: number): readonly string[] {
  try {
    return execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
      .split(/\s+/)
      .filter(Boolean);
  } catch {
    return [];
  }
}

describe('a server', () => {
  it('runs its model by what is stored, and by SEMBLANCE_MODEL_THREADS before that', { timeout: 180_000 }, async () => {
    await bench('semblance-compact', '--seconds', '0.05', '--rounds', '1', '--threads', '2', '--batch', '2');
    const [entry] = Object.values(await stored());
    expect(entry).toMatchObject({ threads: 2, batchImages: 2 });
    const tuned = await startServer({ folder });
    await tuned.printed('inference 2 threads, at most 2 images in a run, as "semblance models bench" found best');
    await tuned.stop();

    const told = await startServer({ folder, env: { SEMBLANCE_MODEL_THREADS: '1' } });
    await told.printed(/inference 1 thread, at most \d images in a run\n/);
    await told.stop();
  });

  it('warns of settings that it cannot read, and serves', async () => {
    await mkdir(join(folder, 'data/models'), { recursive: true });
    await writeFile(settings, '{"settingsVersion":1}');
    const server = await startServer({
      folder,
      env: { SEMBLANCE_MODEL: bundledModelsFolder + '/semblance-compact' },
    });
    await server.printed(`${settings} is damaged at models`);
    await server.printed('"semblance models bench" finds settings for this machine, and stores them.');
    await server.stop();
    const again = await bench(
      'semblance-compact',
      '--seconds',
      '0.05',
      '--rounds',
      '1',
      '--threads',
      '1',
      '--batch',
      '1',
    );
    expect(again.output).toContain('it was written anew');
    expect(Object.values(await stored())).toHaveLength(1);
  });
});
