import { join } from 'node:path';
import { ConfigurationError } from '../../base/errors.js';
import { ModelError } from '../model-error.js';
import { exportCommand, preprocessingOf } from '../catalogue/catalogue.js';
import type { CatalogueEntry, HubSource } from '../catalogue/catalogue-entry.js';
import { assertRoom, sha256OfFile, sizeOf } from '../../base/disk.js';
import { download, withRetries } from '../hub/download.js';
import type { Hub } from '../hub/hub.js';
import { HubError } from '../hub/hub-error.js';
import { findOnHub, type FoundFile, type FoundOnHub } from '../hub/hub-facts.js';
import { preparedSize } from '../hub/hub-preprocessing.js';
import { install } from './install.js';
import { joinWeights } from './join-weights.js';
import { assertLicenseAccepted } from '../catalogue/license.js';
import { clear, folderOf, inspectInstalled, inWorkFolder, leftovers, type ModelsFolder, type Waiting } from './model-folder.js';
import { findModel, modelDifferences, withCatalogue, type FoundModel } from './model-facts.js';

export interface PullOptions extends Waiting {
  readonly entry: CatalogueEntry;
  readonly models: ModelsFolder;
  readonly hub: Hub;
  /** Recorded in the lock file. */
  readonly endpoint: string;
  readonly threads: number;
  /** Takes what the hub has where it differs from the catalogue, and records the facts as they were found. */
  readonly accept?: boolean | undefined;
  /** Somebody agreed to the model's terms. */
  readonly acceptLicense?: boolean | undefined;
  readonly onBytes?: ((bytes: number, totalBytes: number) => void) | undefined;
  readonly onRetry?: ((reason: string, waitMs: number) => void) | undefined;
  /** Is told the facts in which the hub differs from the catalogue, where that is accepted. */
  readonly onDifferences?: ((differences: readonly string[]) => void) | undefined;
  readonly retryDelayMs?: number | undefined;
}

export interface Pulled {
  /** there: it was, whole, before. */
  readonly kind: 'installed' | 'there';
  readonly folder: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Installs a model of the catalogue from the hub. A folder of that name that is not whole is replaced. Of two processes
 * that pull the same model, the second waits and finds it there.
 * @throws ConfigurationError with what the operator can do, also where the hub differs from the catalogue and nobody accepts it;
 *   the signal's reason
 */
export async function pullModel(options: PullOptions): Promise<Pulled> {
  const { entry, models, acceptLicense = false } = options;
  const { source } = entry;
  if (source.kind === 'export') {
    assertLicenseAccepted(entry, acceptLicense);
    throw new ConfigurationError(
      `The hub has ${source.repo} as PyTorch weights only. Export them to ONNX where the hub can be reached, and install the file (training/README.md says what the export needs):\n\n  ${exportCommand(entry, 'exported')}\n  semblance models add exported/model.onnx --as ${entry.name}`,
    );
  }
  return inWorkFolder(models, entry.name, options, async (workFolder) => {
    const folder = folderOf(models, entry.name);
    const there = await findWhole(folder, options.signal);
    if (there !== undefined) return { kind: 'there', folder, ...there };
    assertLicenseAccepted(entry, acceptLicense);
    try {
      return { kind: 'installed', folder, ...(await fetchAndInstall(options, source, workFolder)) };
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      throw new ConfigurationError(
        [`${entry.name} was not pulled: ${error.message}.`, ...(error.unreachable ? [manualWay(options, source)] : [])].join(' '),
        { cause: error },
      );
    }
  });
}

async function fetchAndInstall(
  options: PullOptions,
  source: HubSource,
  workFolder: string,
): Promise<Pick<Pulled, 'bytes' | 'sha256'>> {
  const { entry, models, hub, endpoint, threads, signal, onBytes } = options;
  const known = preprocessingOf(entry);
  const found = await findOnHub({ source, known, ask: (question) => withRetries(() => question(hub, signal), options) });
  assertAccepted(options, found.differences);

  const pathOf = ({ sha256 }: FoundFile) => join(workFolder, `${sha256}.part`);
  const paths = found.files.map(pathOf);
  // What an earlier version of the files, or a process that was killed, left.
  await clear((await leftovers(workFolder)).filter((left) => !paths.includes(left)));
  const totalBytes = found.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const sizes = await Promise.all(paths.map(sizeOf));
  const left = totalBytes - sizes.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
  // Two files are there once more while they are joined.
  await assertRoom(workFolder, left + (found.files.length > 1 ? totalBytes : 0));
  let done = 0;
  for (const file of found.files) {
    await download({
      ...options,
      file: { ...source, path: file.path },
      expected: file,
      path: pathOf(file),
      onBytes: (bytes) => onBytes?.(done + bytes, totalBytes),
    });
    done += file.bytes;
  }

  const { path: weightsPath, bytes, sha256 } = await joined(found, paths, workFolder, signal);
  const model = await takeModel(options, { weightsPath, threads }, found);
  const { repo, revision } = source;
  const { commit } = found;
  await install({
    models,
    workFolder,
    weightsPath,
    model: {
      name: entry.name,
      version: `${repo}@${(commit ?? revision).slice(0, 12)}`,
      license: entry.license,
      architecture: entry.architecture,
      input: model.input,
      preprocessing: found.preprocessing,
      output: model.output,
    },
    weights: {
      bytes,
      sha256,
      source: {
        kind: 'hub',
        endpoint,
        repo,
        revision,
        ...(commit === undefined ? {} : { commit }),
        path: source.path,
        ...(found.files.length === 1 ? {} : { joined: [...found.files] }),
      },
      statedBy: found.statedBy,
      ...(model.differences.length === 0 ? {} : { accepted: [...model.differences] }),
      ...(entry.terms === undefined ? {} : { acceptedLicense: entry.license }),
    },
    threads,
  });
  await clear(await leftovers(workFolder));
  return { bytes, sha256 };
}

/** One file with the whole model, of the one or two that were downloaded. */
async function joined(
  { files }: FoundOnHub,
  paths: readonly string[],
  workFolder: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly path: string; readonly bytes: number; readonly sha256: string }> {
  const [graph, weights] = files;
  const [graphPath = '', weightsPath = ''] = paths;
  if (graph !== undefined && weights === undefined) return { path: graphPath, bytes: graph.bytes, sha256: graph.sha256 };
  const path = join(workFolder, 'joined.onnx');
  await joinWeights(graphPath, weightsPath, weights?.path ?? '', path);
  return { path, bytes: (await sizeOf(path)) ?? 0, sha256: await sha256OfFile(path, signal) };
}

/** Inputs and outputs as the catalogue says, or as the file has them where that is accepted. */
async function takeModel(
  options: PullOptions,
  weights: { readonly weightsPath: string; readonly threads: number },
  found: FoundOnHub,
): Promise<FoundModel & { readonly differences: readonly string[] }> {
  const { entry } = options;
  const size = preparedSize(found.preprocessing);
  const own = await modelDifferences(weights, entry);
  assertAccepted(options, own);
  const differences = [...found.differences, ...own];
  const sameSize = size?.width === entry.input.width && size.height === entry.input.height;
  if (own.length === 0 && sameSize) return { input: entry.input, output: entry.output, differences };
  const answer = await findModel(weights, (outputs) => withCatalogue({ size }, entry, outputs));
  if ('found' in answer) return { ...answer.found, differences };
  throw new ModelError(`${answer.problems.join(' ')} "semblance models add" takes a file with options of your own`);
}

/** @throws HubError naming every fact that differs, unless that is accepted */
function assertAccepted({ entry, accept = false, onDifferences }: PullOptions, differences: readonly string[]): void {
  if (differences.length === 0) return;
  if (accept) {
    onDifferences?.(differences);
    return;
  }
  throw new HubError(
    `the hub has another model than the catalogue knows: ${differences.join('; ')}. "semblance models pull ${entry.name} --accept" takes it as it is and records that, and "semblance models add" takes a file with options of your own`,
  );
}

async function findWhole(
  folder: string,
  signal: AbortSignal | undefined,
): Promise<Pick<Pulled, 'bytes' | 'sha256'> | undefined> {
  const installed = await inspectInstalled(folder);
  if (installed.kind !== 'whole') return undefined;
  const { weightsPath, sha256 } = installed.manifest;
  if ((await sha256OfFile(weightsPath, signal)) !== sha256) return undefined;
  return { sha256, bytes: (await sizeOf(weightsPath)) ?? 0 };
}

function manualWay({ hub, entry, models }: PullOptions, source: HubSource): string {
  const paths = [source.path, ...(source.weights === undefined ? [] : [source.weights.path])];
  const urls = paths.map((path) => hub.urlOf({ ...source, path }));
  const [file, where] = urls.length === 1 ? ['that file', 'where there is one'] : ['the first', 'into one folder where there is one'];
  const agreed = entry.terms === undefined ? '' : ' --accept-license';
  return `Without a way to the hub, fetch ${urls.join(' and ')} ${where} and run "semblance models add <${file}> --as ${entry.name}${agreed}", which puts it with its manifest into ${folderOf(models, entry.name)}.`;
}
