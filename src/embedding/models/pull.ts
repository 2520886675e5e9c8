import { join } from 'node:path';
import { ConfigurationError } from '../../errors.js';
import { maxModelBytes } from '../../limits.js';
import { exportCommand, preprocessingOf, type CatalogueEntry, type HubSource } from './catalogue.js';
import { assertRoom, sha256OfFile, sizeOf } from './disk.js';
import { download, withRetries } from './download.js';
import type { Hub, StatedFile } from './hub.js';
import { HubError } from './hub-error.js';
import { install } from './install.js';
import { clear, folderOf, inspectInstalled, inWorkFolder, leftovers, type ModelsFolder, type Waiting } from './model-folder.js';

export interface PullOptions extends Waiting {
  readonly entry: CatalogueEntry;
  readonly models: ModelsFolder;
  readonly hub: Hub;
  /** Recorded in the lock file. */
  readonly endpoint: string;
  readonly threads: number;
  readonly onBytes?: ((bytes: number, totalBytes: number) => void) | undefined;
  readonly onRetry?: ((reason: string, waitMs: number) => void) | undefined;
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
 * @throws ConfigurationError with what the operator can do; the signal's reason; ModelError if the file is not what the
 *   catalogue says
 */
export async function pullModel(options: PullOptions): Promise<Pulled> {
  const { entry, models } = options;
  const { source } = entry;
  if (source.kind === 'export') {
    throw new ConfigurationError(
      `The hub has ${source.repo} as PyTorch weights only. Export them to ONNX where the hub can be reached, and install the file (training/README.md says what the export needs):\n\n  ${exportCommand(entry, 'exported')}\n  semblance models add exported/model.onnx --as ${entry.name}`,
    );
  }
  return inWorkFolder(models, entry.name, options, async (workFolder) => {
    const folder = folderOf(models, entry.name);
    const there = await findWhole(folder, options.signal);
    if (there !== undefined) return { kind: 'there', folder, ...there };
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
  const stated = await withRetries(() => hub.describe(source, signal), options);
  const expected = { bytes: stated.bytes, sha256: agreedSha256(entry, source, stated) };
  const path = join(workFolder, `${expected.sha256}.part`);
  // What an earlier version of the file, or a process that was killed, left.
  await clear((await leftovers(workFolder)).filter((left) => left !== path));
  await assertRoom(workFolder, expected.bytes - ((await sizeOf(path)) ?? 0));
  await download({
    ...options,
    file: source,
    expected,
    path,
    onBytes: (bytes) => onBytes?.(bytes, expected.bytes),
  });
  const { repo, revision } = source;
  const { commit } = stated;
  await install({
    models,
    workFolder,
    weightsPath: path,
    model: {
      name: entry.name,
      version: `${repo}@${(commit ?? revision).slice(0, 12)}`,
      license: entry.license,
      architecture: entry.architecture,
      input: entry.input,
      preprocessing: preprocessingOf(entry),
      output: entry.output,
    },
    weights: {
      ...expected,
      source: { kind: 'hub', endpoint, repo, revision, ...(commit === undefined ? {} : { commit }), path: source.path },
      statedBy: [
        ...(stated.sha256 === undefined ? [] : (['hub'] as const)),
        ...(source.sha256 === undefined ? [] : (['catalogue'] as const)),
      ],
    },
    threads,
  });
  return expected;
}

/** @throws HubError where hub and catalogue state different files, or nobody states one */
function agreedSha256(entry: CatalogueEntry, source: HubSource, stated: StatedFile): string {
  if (stated.bytes > maxModelBytes) {
    throw new HubError(`${source.path} has ${stated.bytes} bytes, more than the ${maxModelBytes} that one model may have`);
  }
  const sha256 = stated.sha256 ?? source.sha256;
  if (sha256 === undefined) throw new HubError(`The hub states no SHA-256 of ${source.path}, so that it could not be checked`);
  if (source.sha256 !== undefined && source.sha256 !== sha256) {
    throw new HubError(
      `The hub states SHA-256 ${sha256} for ${source.path}, and ${entry.name} is known by ${source.sha256}: it is another file`,
    );
  }
  return sha256;
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
  return `Without a way to the hub, fetch ${hub.urlOf(source)} where there is one and run "semblance models add <that file> --as ${entry.name}", which puts it with its manifest into ${folderOf(models, entry.name)}.`;
}
