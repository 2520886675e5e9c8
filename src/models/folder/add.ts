import { constants, copyFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigurationError } from '../../base/errors.js';
import { maxModelBytes } from '../../base/limits.js';
import type { Manifest, ManifestFields } from '../manifest-schema.js';
import { checksumDifferences, type CatalogueEntry, type HubSource, type StatedHubFile } from '../catalogue/catalogue-entry.js';
import { assertRoom, errorCode, sha256OfFile, sizeOf } from '../../base/disk.js';
import { install } from './install.js';
import { joinWeights } from './join-weights.js';
import { assertLicenseAccepted } from '../catalogue/license.js';
import {
  assertOwnName,
  clear,
  folderOf,
  inspectInstalled,
  inWorkFolder,
  leftovers,
  type ModelsFolder,
  type Waiting,
} from './model-folder.js';
import { findModel, withCatalogue } from './model-facts.js';
import { preprocessingPresets, presetNames, type PresetName } from '../presets.js';
import type { Hints } from './read-weights.js';

export interface AddOptions extends Waiting {
  /** An ONNX file, whole in itself: without weights in files beside it. */
  readonly file: string;
  readonly name: string;
  readonly models: ModelsFolder;
  readonly threads: number;
  /** A model of the catalogue: it knows what the weights do not say. */
  readonly as?: CatalogueEntry | undefined;
  readonly hints: Hints;
  readonly preprocessing?: PresetName | undefined;
  readonly license?: string | undefined;
  /** Takes another file than the catalogue knows, and records that. */
  readonly accept?: boolean | undefined;
  /** Somebody agreed to the terms of the catalogue's model. */
  readonly acceptLicense?: boolean | undefined;
  readonly version?: string | undefined;
}

/**
 * Copies weights into a model's folder of their own, with a manifest made of what they say of themselves and of what the
 * options say.
 * @throws ConfigurationError naming everything that is missing or wrong at once; ModelError if these are no weights
 */
export async function addModel(options: AddOptions): Promise<Manifest> {
  const { name, models, threads, as: entry, version, license } = options;
  await assertOwnName(name);
  if (entry !== undefined) assertLicenseAccepted(entry, options.acceptLicense ?? false);
  const file = resolve(options.file);
  const known = entry?.source.kind === 'hub' ? entry.source : undefined;
  const beside = known?.weights === undefined ? undefined : join(dirname(file), basename(known.weights.path));
  const copiedBytes = (await readableSize(file)) + (beside === undefined ? 0 : ((await sizeOf(beside)) ?? 0));
  return inWorkFolder(models, name, options, async (workFolder) => {
    const { kind } = await inspectInstalled(folderOf(models, name));
    if (kind !== 'absent') {
      throw new ConfigurationError(
        `There is a model ${name} already: remove it with "semblance models remove ${name}", or give this one another --name.`,
      );
    }
    // A download of the same name that was cut off stays, in case that these are not its weights.
    const weightsPath = join(workFolder, 'added.onnx');
    await clear((await leftovers(workFolder)).filter((left) => !left.endsWith('.part')));
    await assertRoom(workFolder, copiedBytes);
    try {
      const differences = await copyWeights({ file, beside, known, weightsPath, signal: options.signal });
      assertKnown(options, differences);
      const sha256 = await sha256OfFile(weightsPath, options.signal);
      const bytes = await readableSize(weightsPath);
      const { input, preprocessing, output } = await readModel(weightsPath, options);
      const manifest = await install({
        models,
        workFolder,
        weightsPath,
        model: {
          name,
          version: version ?? sha256.slice(0, 12),
          license: license ?? entry?.license ?? 'not stated',
          architecture: entry?.architecture,
          input,
          preprocessing,
          output,
        },
        weights: {
          bytes,
          sha256,
          source: { kind: 'file', filename: basename(file) },
          statedBy: known === undefined || differences.length > 0 ? [] : ['catalogue'],
          ...(differences.length === 0 ? {} : { accepted: [...differences] }),
          ...(entry?.terms === undefined ? {} : { acceptedLicense: entry.license }),
        },
        threads,
      });
      await clear(await leftovers(workFolder));
      return manifest;
    } finally {
      await clear([weightsPath]);
    }
  });
}

/**
 * Brings the model to `weightsPath`: its one file, or its graph joined with the weights that lie beside it.
 * @returns a clause for each file that is another than the catalogue knows
 */
async function copyWeights({
  file,
  beside,
  known,
  weightsPath,
  signal,
}: {
  readonly file: string;
  readonly beside: string | undefined;
  readonly known: HubSource | undefined;
  readonly weightsPath: string;
  readonly signal: AbortSignal | undefined;
}): Promise<readonly string[]> {
  const graph = await sha256OfFile(file, signal);
  if (beside === undefined || known?.weights === undefined || (await sizeOf(beside)) === undefined) {
    if (known?.weights !== undefined && graph === known.sha256) {
      throw new ConfigurationError(`${file} is the graph without its weights: ${basename(known.weights.path)} must lie beside it.`);
    }
    await copyFile(file, weightsPath, constants.COPYFILE_FICLONE);
    return fileDifferences(known, graph);
  }
  const weights = await sha256OfFile(beside, signal);
  await joinWeights(file, beside, known.weights.path, weightsPath);
  return [...fileDifferences(known, graph), ...fileDifferences(known.weights, weights)];
}

async function readModel(
  weightsPath: string,
  { as: entry, hints: given, preprocessing: preset = entry?.preset, threads }: AddOptions,
): Promise<Pick<ManifestFields, 'input' | 'preprocessing' | 'output'>> {
  const answer = await findModel({ weightsPath, threads }, (outputs) =>
    entry === undefined ? given : withCatalogue(given, entry, outputs),
  );
  const problems = 'problems' in answer ? [...answer.problems] : [];
  const output = 'found' in answer ? answer.found.output : undefined;
  const input = 'found' in answer ? answer.found.input : answer.input;
  const uint8 = answer.type === 'uint8';
  const chosen = preset ?? (uint8 ? 'bytes' : undefined);
  if (chosen === undefined) problems.push(`Nothing in the weights tells how images are prepared: say --preprocessing ${presetNames.join(', ')}.`);
  if (uint8 && chosen !== undefined && chosen !== 'bytes') {
    problems.push(`The model's input is uint8 and takes bytes as they are: --preprocessing ${chosen} does not go with it.`);
  }
  if (entry !== undefined && output !== undefined && output.dimensions !== entry.output.dimensions) {
    problems.push(`${entry.name} has ${entry.output.dimensions} numbers, and this model gives ${output.dimensions}.`);
  }
  if (problems.length > 0 || chosen === undefined || input === undefined || output === undefined) {
    throw new ConfigurationError(problems.join('\n'));
  }
  return { input, preprocessing: preprocessingPresets[chosen].make(input), output };
}

function fileDifferences(known: StatedHubFile | undefined, sha256: string): readonly string[] {
  return known === undefined ? [] : checksumDifferences(known, basename(known.path), sha256);
}

function assertKnown({ as: entry, accept = false }: AddOptions, differences: readonly string[]): void {
  if (entry === undefined || accept || differences.length === 0) return;
  throw new ConfigurationError(
    `This is not the ${entry.name} that the catalogue knows, or it did not arrive whole: ${differences.join('; ')}. --accept takes it as it is, and records that.`,
  );
}

async function readableSize(file: string): Promise<number> {
  try {
    const stats = await stat(file);
    if (!stats.isFile()) throw new ConfigurationError(`${file} is no file.`);
    if (stats.size > maxModelBytes) {
      throw new ConfigurationError(`${file} has ${stats.size} bytes, more than the ${maxModelBytes} that one model may have.`);
    }
    return stats.size;
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    throw new ConfigurationError(`${file} cannot be read (${errorCode(error) ?? 'unknown'}).`, { cause: error });
  }
}
