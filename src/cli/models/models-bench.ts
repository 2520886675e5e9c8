import { loadavg } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { loadConfig, type Config } from '../../base/config.js';
import type { Choice } from '../../models/bench/choose.js';
import type { Measurement } from '../../models/bench/measure.js';
import {
  assertName,
  bundledNames,
  folderOf,
  inspectInstalled,
  installedNames,
} from '../../models/folder/model-folder.js';
import { settingsPath, storeSettings, thisMachine } from '../../models/serving-settings.js';
import type { Manifest } from '../../models/manifest-schema.js';
import { ConfigurationError } from '../../base/errors.js';
import { maxEmbeddingBatch } from '../../base/limits.js';
import { bundledModelsFolder } from '../../base/paths.js';
import { makeDataDir } from '../../database/embedded/data-folder.js';
import { explainModel, interruptible, modelsFolder } from './models-folder.js';
import { formatBytes, formatTable, note, print } from '../output.js';
import { startProgress } from '../progress.js';
import { parseInteger, type Environment } from '../run.js';

interface BenchOptions {
  readonly threads?: readonly number[];
  readonly batch?: readonly number[];
  readonly seconds: number;
  readonly rounds: number;
  readonly store: boolean;
  readonly json?: boolean;
}

const maxThreads = 64;

export function registerModelsBench(models: Command, env: Environment): void {
  models
    .command('bench [names...]')
    .summary('measure installed models on this machine, and store the settings that serve best')
    .description(
      'Runs each of the named models, or all that are installed or bundled, on 1 to n threads with 1 to 8 images in a run, each in a process of its own. The settings that serve best are stored in models/settings.json of the data folder: servers use them from their next start, unless SEMBLANCE_MODEL_THREADS is set. Nothing else should run on the machine meanwhile.',
    )
    .option(
      '--threads <list>',
      'numbers of threads, such as 1,2,4; up to the number of cores unless given',
      parseThreads,
    )
    .option('--batch <list>', 'images of one run, such as 1,8; 1,2,4,8 unless given', parseBatches)
    .option('--seconds <n>', 'how long each setting is measured in one round', parseSeconds, 1)
    .option(
      '--rounds <n>',
      'how often each setting is measured, the others in between; its best round counts',
      parseRounds,
      3,
    )
    .option('--no-store', 'measure only')
    .option('--json', 'as JSON')
    .action((names: readonly string[], options: BenchOptions) =>
      interruptible(
        (signal) => bench(loadConfig(env), names, options, signal),
        'Settings of models that were measured before are stored; nothing is of the one that was being measured.',
      ),
    );
}

async function bench(
  config: Config,
  names: readonly string[],
  options: BenchOptions,
  signal: AbortSignal,
): Promise<void> {
  const models = modelsFolder(config);
  const all = await findModels(config, names);
  const machine = thisMachine();
  const [load = 0] = loadavg();
  if (load > machine.cores / 4) {
    note(
      `This machine is busy (load ${load.toFixed(1)} on ${machine.cores} cores): the figures will be worse than they could be.`,
    );
  }
  const results: unknown[] = [];
  for (const { name, manifest } of all) {
    const { measurements, choice } = await measure(name, manifest, options, signal).catch(
      explainModel(name, 'measured'),
    );
    if (options.json === true) results.push({ model: name, sha256: manifest.sha256, machine, measurements, ...choice });
    else print(formatMeasurements(name, measurements, choice));
    const { threads, batchImages } = choice.chosen;
    const chosen = `${count(threads, 'thread')}, ${batchImages === 1 ? 'one image in a run' : `up to ${batchImages} images in a run`}`;
    if (!options.store) {
      note(`${name} serves best on ${chosen}. Nothing was stored.`);
      continue;
    }
    await makeDataDir(config.dataDir);
    const replaced = await storeSettings(models.path, manifest.sha256, {
      model: name,
      threads,
      batchImages,
      ...machine,
      imagesPerSecond: rounded(choice.chosen.imagesPerSecond),
      latencyMs: rounded(choice.latencyMs),
      measuredAt: new Date().toISOString(),
    });
    if (replaced !== undefined) note(`${replaced}: it was written anew, and what it held of other models is gone.`);
    note(
      `${name} serves best on ${chosen}. Stored in ${settingsPath(models.path)}: servers use it from their next start${config.modelThreadsGiven ? `, but not with SEMBLANCE_MODEL_THREADS=${config.modelThreads}, which is set here` : ', unless SEMBLANCE_MODEL_THREADS is set'}.`,
    );
  }
  if (options.json === true) print(JSON.stringify(results, undefined, 2));
}

async function findModels(
  config: Config,
  names: readonly string[],
): Promise<readonly { readonly name: string; readonly manifest: Manifest }[]> {
  const models = modelsFolder(config);
  const bundled = await bundledNames();
  const all = names.length > 0 ? [...new Set(names)] : [...bundled, ...(await installedNames(models))];
  const found = [];
  for (const name of all) {
    assertName(name);
    const folder = bundled.includes(name) ? join(bundledModelsFolder, name) : folderOf(models, name);
    const installed = await inspectInstalled(folder);
    if (installed.kind === 'whole') found.push({ name, manifest: installed.manifest });
    else if (names.length === 0)
      note(`${name} is left out: ${installed.kind === 'broken' ? installed.reason : 'it is gone'}.`);
    else {
      throw new ConfigurationError(
        installed.kind === 'broken'
          ? `${name} cannot be measured: ${installed.reason}.`
          : `There is no model ${name}: "semblance models list" tells which are installed, and "semblance models pull" installs one.`,
      );
    }
  }
  return found;
}

async function measure(
  name: string,
  manifest: Manifest,
  options: BenchOptions,
  signal: AbortSignal,
): Promise<{ readonly measurements: readonly Measurement[]; readonly choice: Choice }> {
  const [{ batchesOf, measureModel, threadCounts }, { chooseSettings }] = await Promise.all([
    import('../../models/bench/measure.js'),
    import('../../models/bench/choose.js'),
  ]);
  const possible = await batchesOf(manifest);
  // Weights that fix the images of a run know no other.
  const batches = possible.length === 1 ? possible : (options.batch ?? possible);
  const threads = options.threads ?? threadCounts(thisMachine().cores);
  const configurations = threads.flatMap((each) => batches.map((batchImages) => ({ threads: each, batchImages })));
  const { rounds, seconds } = options;
  const progress = startProgress({ label: name, total: configurations.length * rounds });
  try {
    const measurements = await measureModel({
      manifest,
      configurations,
      rounds,
      measureMs: seconds * 1000,
      signal,
      onMeasured: progress.advance,
    });
    return { measurements, choice: chooseSettings(measurements) };
  } finally {
    progress.stop();
  }
}

function formatMeasurements(name: string, measurements: readonly Measurement[], { chosen }: Choice): string {
  const rows = measurements.map((each) => [
    String(each.threads),
    String(each.batchImages),
    each.imagesPerSecond.toFixed(1),
    each.medianMs.toFixed(1),
    each.p95Ms.toFixed(1),
    formatBytes(each.residentBytes),
    formatBytes(each.peakBytes),
    each === chosen ? '< serves best' : '',
  ]);
  const head = ['threads', 'images', 'images/s', 'median ms', 'p95 ms', 'memory', 'at most', ''];
  return `${name}\n${formatTable([head, ...rows], [0, 1, 2, 3, 4, 5, 6])}\n`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function parseThreads(text: string): readonly number[] {
  return parseList(text, (part) => parseInteger(part, 1, maxThreads));
}

/** The sizes in which the server runs a free batch. */
function parseBatches(text: string): readonly number[] {
  return parseList(text, (part) => {
    const value = parseInteger(part, 1, maxEmbeddingBatch);
    if (![1, 2, 4, 8].includes(value)) throw new InvalidArgumentError('Expected some of 1, 2, 4 and 8, such as 1,8.');
    return value;
  });
}

function parseList(text: string, parse: (part: string) => number): readonly number[] {
  return [...new Set(text.split(',').map((part) => parse(part.trim())))].sort((a, b) => a - b);
}

function parseSeconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (!(value >= 0.01 && value <= 60)) throw new InvalidArgumentError('Expected seconds from 0.01 to 60.');
  return value;
}

function parseRounds(text: string): number {
  return parseInteger(text, 1, 20);
}
