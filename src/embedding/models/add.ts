import { constants, copyFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ConfigurationError } from '../../errors.js';
import { maxModelBytes } from '../../limits.js';
import type { Manifest, ManifestFields } from '../manifest.js';
import type { CatalogueEntry } from './catalogue.js';
import { assertRoom, errorCode, sha256OfFile } from './disk.js';
import { install } from './install.js';
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
import { preprocessingPresets, presetNames, type PresetName } from './presets.js';
import { answerShapes, describeModel } from './probe.js';
import { findInput, findOutput, type Hints } from './read-weights.js';

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
  const file = resolve(options.file);
  const bytes = await readableSize(file);
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
    await assertRoom(workFolder, bytes);
    await copyFile(file, weightsPath, constants.COPYFILE_FICLONE);
    try {
      const sha256 = await sha256OfFile(weightsPath, options.signal);
      assertKnown(entry, sha256);
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
          statedBy: knownSha256(entry) === undefined ? [] : ['catalogue'],
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

async function readModel(
  weightsPath: string,
  { as: entry, hints: given, preprocessing: preset = entry?.preset, threads }: AddOptions,
): Promise<Pick<ManifestFields, 'input' | 'preprocessing' | 'output'>> {
  const weights = await describeModel({ weightsPath, threads });
  const hints = entry === undefined ? given : withCatalogue(given, entry, weights.outputs.map(({ name }) => name));
  const input = findInput(weights.inputs, hints);
  const problems = 'problems' in input ? [...input.problems] : [];
  const uint8 = weights.inputs[0]?.type === 'uint8';
  const chosen = preset ?? (uint8 ? 'bytes' : undefined);
  if (chosen === undefined) problems.push(`Nothing in the weights tells how images are prepared: say --preprocessing ${presetNames.join(', ')}.`);
  if (uint8 && chosen !== undefined && chosen !== 'bytes') {
    problems.push(`The model's input is uint8 and takes bytes as they are: --preprocessing ${chosen} does not go with it.`);
  }
  const output = 'value' in input ? findOutput(await answerShapes({ weightsPath, threads }, input.value), hints) : undefined;
  if (output !== undefined && 'problems' in output) problems.push(...output.problems);
  if (entry !== undefined && output !== undefined && 'value' in output && output.value.dimensions !== entry.output.dimensions) {
    problems.push(`${entry.name} has ${entry.output.dimensions} numbers, and this model gives ${output.value.dimensions}.`);
  }
  if (problems.length > 0 || chosen === undefined || !('value' in input) || output === undefined || !('value' in output)) {
    throw new ConfigurationError(problems.join('\n'));
  }
  return { input: input.value, preprocessing: preprocessingPresets[chosen].make(input.value), output: output.value };
}

/** An export may name its output as it likes; its pooling, where it pools by itself, is none. */
function withCatalogue(given: Hints, { input, output }: CatalogueEntry, outputs: readonly string[]): Hints {
  const named = given.output ?? (outputs.includes(output.name) ? output.name : undefined);
  return {
    ...given,
    layout: given.layout ?? input.layout,
    size: given.size ?? { width: input.width, height: input.height },
    output: named,
    pooling: given.pooling ?? (output.pooling === 'none' ? undefined : output.pooling),
    prefixTokens: given.prefixTokens ?? output.prefixTokens,
    normalized: given.normalized ?? output.normalized,
  };
}

function knownSha256(entry: CatalogueEntry | undefined): string | undefined {
  return entry?.source.kind === 'hub' ? entry.source.sha256 : undefined;
}

function assertKnown(entry: CatalogueEntry | undefined, sha256: string): void {
  const known = knownSha256(entry);
  if (entry === undefined || known === undefined || known === sha256) return;
  throw new ConfigurationError(
    `This file has SHA-256 ${sha256}, and ${entry.name} is known by ${known}: it is another file, or it did not arrive whole.`,
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
