import { join, parse } from 'node:path';
import { Option, InvalidArgumentError, type Command } from 'commander';
import { loadConfig, type Config } from '../../base/config.js';
import type { AddOptions } from '../../models/folder/add.js';
import { catalogue, findEntry } from '../../models/catalogue/catalogue.js';
import type { CatalogueEntry } from '../../models/catalogue/catalogue-entry.js';
import { sizeOf } from '../../base/disk.js';
import { describeTerms } from '../../models/catalogue/license.js';
import {
  assertName,
  bundledNames,
  folderOf,
  inspectInstalled,
  installedNames,
} from '../../models/folder/model-folder.js';
import { isPresetName, preprocessingPresets, presetNames, type PresetName } from '../../models/presets.js';
import { poolings } from '../../models/folder/read-weights.js';
import { ConfigurationError } from '../../base/errors.js';
import { bundledModelsFolder } from '../../base/paths.js';
import { makeDataDir } from '../../database/embedded/data-folder.js';
import { startByteProgress } from './byte-progress.js';
import { registerModelsBench } from './models-bench.js';
import { explainModel, interruptible, modelsFolder } from './models-folder.js';
import { formatBytes, formatTable, note, print } from '../output.js';
import { printable } from '../../base/printable.js';
import type { Environment } from '../run.js';

export function registerModels(program: Command, env: Environment): void {
  const models = program
    .command('models')
    .summary('list, pull, verify, add, remove and measure models')
    .description(
      'Models lie in models/ of the data folder, each in a folder with its manifest. SEMBLANCE_MODEL takes their names. None of these commands needs the database, nor a server to stop.',
    );

  models
    .command('list')
    .summary('list known and installed models')
    .description('Lists the bundled models, the catalogue, and what else is installed.')
    .option('--json', 'as JSON, with everything that the catalogue knows')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      await listModels(loadConfig(env), json);
    });

  models
    .command('pull <names...>')
    .summary('download models of the catalogue from the Hugging Face hub')
    .description(
      'Downloads models, goes on where an earlier pull was cut off, and checks size and SHA-256 before a model is put into place. HF_ENDPOINT, HF_TOKEN, HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured.',
    )
    .option('--accept', 'take what the hub has where it differs from the catalogue, and record the facts as found')
    .option('--accept-license', 'agree to the terms of models that have terms of their own')
    .action((names: readonly string[], options: Agreed) =>
      interruptible((signal) => pull(loadConfig(env), names, options, signal), keptDownloads),
    );

  models
    .command('verify [names...]')
    .summary('check installed models')
    .description(
      'Checks size, SHA-256, inputs, outputs and golden embedding of the named models, or of all that are installed or bundled, by running each.',
    )
    .action(async (names: readonly string[]) => {
      await verify(loadConfig(env), names);
    });

  models
    .command('add <file>')
    .summary('install an ONNX file of your own')
    .description(
      `Installs an ONNX file that embeds images, with a manifest made of what the file says of itself and of these options. Ways to prepare images:\n\n${presetNames
        .map((name) => `  ${name}: ${preprocessingPresets[name].description}`)
        .join('\n')}`,
    )
    .option('--name <name>', "the model's name; the file's, or the catalogue's, unless given")
    .option('--as <model>', 'a model of the catalogue: everything below is taken from there', parseEntry)
    .option('--preprocessing <preset>', `how images are prepared: ${presetNames.join(', ')}`, parsePreset)
    .option(
      '--size <pixels>',
      "the input's size where the file leaves it open, such as 224 or 224x160 (width x height)",
      parseSize,
    )
    .addOption(
      new Option('--layout <layout>', "the input's layout where the file leaves it open").choices(['NCHW', 'NHWC']),
    )
    .option('--output <name>', 'the output that is the embedding, where there are more')
    .addOption(new Option('--pooling <pooling>', 'for an output with a vector for each token').choices([...poolings]))
    .option('--prefix-tokens <n>', 'class and register tokens that are left out of the mean', parseTokens)
    .option('--normalized', 'the model brings its output to norm 1 itself')
    .option('--accept', 'take another file than the catalogue knows, and record that')
    .option('--accept-license', 'agree to the terms of a model of the catalogue that has terms of its own')
    .option('--license <text>', "the model's licence")
    .option('--version <text>', "the model's version; part of its SHA-256 unless given")
    .action((file: string, options: AddCommandOptions) =>
      interruptible((signal) => add(loadConfig(env), file, options, signal), keptDownloads),
    );

  models
    .command('remove <names...>')
    .summary('remove installed models, and unfinished pulls')
    .description(
      'Removes models from the data folder. A space that was made with one can embed nothing until it is installed again.',
    )
    .action((names: readonly string[]) =>
      interruptible((signal) => remove(loadConfig(env), names, signal), keptDownloads),
    );

  registerModelsBench(models, env);
}

const keptDownloads = 'What was downloaded is kept: the same command goes on there.';

interface Agreed {
  readonly accept?: boolean;
  readonly acceptLicense?: boolean;
}

interface AddCommandOptions extends Agreed, Pick<AddOptions, 'as' | 'preprocessing' | 'license' | 'version'> {
  readonly name?: string;
  readonly size?: { readonly width: number; readonly height: number };
  readonly layout?: 'NCHW' | 'NHWC';
  readonly output?: string;
  readonly pooling?: (typeof poolings)[number];
  readonly prefixTokens?: number;
  readonly normalized?: boolean;
}

async function listModels(config: Config, json: boolean): Promise<void> {
  const models = modelsFolder(config);
  const bundled = await bundledNames();
  const known = catalogue.map(({ name }) => name);
  const others = (await installedNames(models)).filter((name) => !known.includes(name) && !bundled.includes(name));
  const rows = await Promise.all([
    ...bundled.map((name) => describeInstalled(name, join(bundledModelsFolder, name), 'bundled')),
    ...catalogue.map((entry) => describeEntry(entry, folderOf(models, entry.name))),
    ...others.map((name) => describeInstalled(name, folderOf(models, name), 'added')),
  ]);
  if (json) {
    print(JSON.stringify(rows, undefined, 2));
    return;
  }
  const cells = rows.map(({ name, state, dimensions, gmacs, bytes, license, source }) => [
    name,
    state,
    dimensions === undefined ? '' : String(dimensions),
    gmacs === undefined ? '' : String(gmacs),
    bytes === undefined ? '' : formatBytes(bytes),
    source,
    printable(license ?? ''),
  ]);
  print(formatTable([['name', 'state', 'dimensions', 'GMACs', 'size', 'from', 'licence'], ...cells], [2, 3, 4]));
  for (const { name, reason } of rows) if (reason !== undefined) note(`${name} cannot serve: ${reason}.`);
}

interface ModelRow {
  readonly name: string;
  readonly state: 'bundled' | 'installed' | 'added' | 'broken' | 'not installed';
  readonly reason?: string | undefined;
  readonly dimensions?: number | undefined;
  readonly gmacs?: number | undefined;
  readonly bytes?: number | undefined;
  readonly license?: string | undefined;
  readonly source: string;
  /** Everything that the catalogue knows. */
  readonly catalogue?: CatalogueEntry;
}

async function describeEntry(entry: CatalogueEntry, folder: string): Promise<ModelRow> {
  const installed = await inspectInstalled(folder);
  const { source } = entry;
  const states = { absent: 'not installed', whole: 'installed', broken: 'broken' } as const;
  return {
    name: entry.name,
    state: states[installed.kind],
    reason: installed.kind === 'broken' ? installed.reason : undefined,
    dimensions: entry.output.dimensions,
    gmacs: entry.gmacs,
    bytes: installed.kind === 'whole' ? await sizeOf(installed.manifest.weightsPath) : entry.approximateBytes,
    license: entry.license,
    source: source.kind === 'hub' ? source.repo : `${source.repo}, to be exported`,
    catalogue: entry,
  };
}

async function describeInstalled(name: string, folder: string, state: 'bundled' | 'added'): Promise<ModelRow> {
  const installed = await inspectInstalled(folder);
  if (installed.kind !== 'whole') {
    return { name, state: 'broken', reason: installed.kind === 'broken' ? installed.reason : undefined, source: '' };
  }
  const { manifest, lock } = installed;
  return {
    name,
    state,
    dimensions: manifest.output.dimensions,
    bytes: await sizeOf(manifest.weightsPath),
    license: manifest.license,
    source: lock?.source.kind === 'file' ? printable(lock.source.filename) : '',
  };
}

async function pull(config: Config, names: readonly string[], agreed: Agreed, signal: AbortSignal): Promise<void> {
  const entries = names.map((name) => entryOf(name));
  await makeDataDir(config.dataDir);
  // Not at every start: an HTTP client of its own takes a while to load.
  const [{ Hub }, { pullModel }] = await Promise.all([
    import('../../models/hub/hub.js'),
    import('../../models/folder/pull.js'),
  ]);
  const hub = new Hub(config.hub);
  try {
    for (const entry of entries) {
      const terms = describeTerms(entry);
      if (terms !== undefined && agreed.acceptLicense === true) note(terms);
      const progress = startByteProgress({ label: entry.name });
      const pulled = await pullModel({
        entry,
        models: modelsFolder(config),
        hub,
        endpoint: config.hub.endpoint,
        threads: config.modelThreads,
        ...agreed,
        signal,
        onBytes: progress.update,
        onDifferences: (differences) => {
          note(`${entry.name} is taken as the hub has it: ${differences.join('; ')}.`);
        },
        onRetry: (reason, waitMs) => {
          note(`${entry.name}: ${reason}; once more${waitMs === 0 ? '' : ` in ${Math.ceil(waitMs / 1000)} s`}.`);
        },
        onWait: noteWaiting(entry.name),
      })
        .catch(explainModel(entry.name, 'installed'))
        .finally(progress.stop);
      print(
        pulled.kind === 'there'
          ? `${entry.name} is there already, whole.`
          : `Installed ${entry.name}, ${formatBytes(pulled.bytes)}, SHA-256 ${pulled.sha256}. Serve it with SEMBLANCE_MODEL=${entry.name}.`,
      );
    }
  } finally {
    await hub.close();
  }
}

async function verify(config: Config, names: readonly string[]): Promise<void> {
  const models = modelsFolder(config);
  const bundled = await bundledNames();
  const all = names.length > 0 ? names : [...bundled, ...(await installedNames(models))];
  const { verifyModel } = await import('../../models/folder/verify.js');
  for (const name of all) {
    assertName(name);
    const folder = bundled.includes(name) ? join(bundledModelsFolder, name) : folderOf(models, name);
    const problem = await verifyModel(folder, config.modelThreads);
    if (problem !== undefined) process.exitCode = 1;
    print(problem === undefined ? `${name}: whole, and answers as it did.` : `${name}: ${problem}.`);
  }
}

async function add(config: Config, file: string, options: AddCommandOptions, signal: AbortSignal): Promise<void> {
  const { as: entry, preprocessing, license, version, accept, acceptLicense, ...hints } = options;
  const name =
    options.name ??
    entry?.name ??
    parse(file)
      .name.replaceAll(/[^\w.-]+/g, '-')
      .replace(/^[.-]+/, '');
  await makeDataDir(config.dataDir);
  const { addModel } = await import('../../models/folder/add.js');
  const manifest = await addModel({
    file,
    name,
    models: modelsFolder(config),
    threads: config.modelThreads,
    as: entry,
    hints,
    preprocessing,
    license,
    version,
    accept,
    acceptLicense,
    signal,
    onWait: noteWaiting(name),
  }).catch(explainModel(name, 'installed'));
  const { input, output } = manifest;
  print(
    `Installed ${name}: ${input.width}x${input.height} pixels in, ${output.dimensions} numbers out of ${JSON.stringify(output.name)}, pooling ${output.pooling}. Serve it with SEMBLANCE_MODEL=${name}.`,
  );
}

async function remove(config: Config, names: readonly string[], signal: AbortSignal): Promise<void> {
  const { removeModel } = await import('../../models/folder/remove.js');
  for (const name of names) {
    const removed = await removeModel(modelsFolder(config), name, { signal, onWait: noteWaiting(name) });
    print(removed ? `Removed ${name}.` : `Removed what was left of an unfinished pull of ${name}.`);
  }
}

function noteWaiting(name: string): (pid: number) => void {
  return (pid) => {
    note(`Process ${pid} works on ${name}: waiting for it.`);
  };
}

function entryOf(name: string): CatalogueEntry {
  const entry = findEntry(name);
  if (entry !== undefined) return entry;
  throw new ConfigurationError(
    `There is no model ${JSON.stringify(name)} in the catalogue, but ${catalogue.map((each) => each.name).join(', ')}. An ONNX file of your own is installed by "semblance models add".`,
  );
}

function parseEntry(text: string): CatalogueEntry {
  const entry = findEntry(text);
  if (entry === undefined)
    throw new InvalidArgumentError(`Expected one of ${catalogue.map(({ name }) => name).join(', ')}.`);
  return entry;
}

function parsePreset(text: string): PresetName {
  if (!isPresetName(text)) throw new InvalidArgumentError(`Expected one of ${presetNames.join(', ')}.`);
  return text;
}

function parseSize(text: string): { readonly width: number; readonly height: number } {
  const match = /^(\d{1,4})(?:x(\d{1,4}))?$/.exec(text);
  const width = Number(match?.[1]);
  const height = Number(match?.[2] ?? match?.[1]);
  if (!(width >= 1 && width <= 2048 && height >= 1 && height <= 2048)) {
    throw new InvalidArgumentError('Expected pixels from 1 to 2048, such as 224 or 224x160.');
  }
  return { width, height };
}

function parseTokens(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value <= 64)) throw new InvalidArgumentError('Expected an integer from 0 to 64.');
  return value;
}
