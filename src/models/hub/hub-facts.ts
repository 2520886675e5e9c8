import { maxModelBytes } from '../../base/limits.js';
import type { ManifestFields } from '../manifest-schema.js';
import { checksumDifferences, type HubSource, type StatedHubFile } from '../catalogue/catalogue-entry.js';
import type { Hub } from './hub.js';
import { HubError } from './hub-error.js';
import { preprocessingDifferences, preprocessorFile, readPreprocessing } from './hub-preprocessing.js';
import type { ModelLock } from '../folder/lock-file.js';

export interface FoundFile {
  readonly path: string;
  readonly bytes: number;
  /** That it must have: the hub's, or the catalogue's where the hub states none. */
  readonly sha256: string;
}

export interface FoundOnHub {
  /** The model's one file; or its graph, and then its weights. */
  readonly files: readonly FoundFile[];
  readonly commit: string | undefined;
  readonly preprocessing: ManifestFields['preprocessing'];
  readonly statedBy: ModelLock['statedBy'];
  /** One clause for each fact that differs from the catalogue. */
  readonly differences: readonly string[];
}

/**
 * Compares what the hub says of a model, before anything is downloaded, with what the catalogue says.
 * @param ask asks once more where that may help
 * @throws HubError where a file is not there, or is too large
 */
export async function findOnHub({
  source,
  known,
  ask,
}: {
  readonly source: HubSource;
  readonly known: ManifestFields['preprocessing'];
  readonly ask: <T>(question: (hub: Hub, signal: AbortSignal | undefined) => Promise<T>) => Promise<T>;
}): Promise<FoundOnHub> {
  const { repo, revision } = source;
  const differences: string[] = [];
  const files: FoundFile[] = [];
  const statedBy = new Set<ModelLock['statedBy'][number]>();
  let commit: string | undefined;
  const parts: readonly StatedHubFile[] = [source, ...(source.weights === undefined ? [] : [source.weights])];
  for (const part of parts) {
    const { path } = part;
    const stated = await ask((hub, signal) => hub.describe({ repo, revision, path }, signal));
    if (stated.bytes > maxModelBytes) {
      throw new HubError(`${path} has ${stated.bytes} bytes, more than the ${maxModelBytes} that one model may have`);
    }
    commit ??= stated.commit;
    const sha256 = stated.sha256 ?? part.sha256;
    files.push({ path, bytes: stated.bytes, sha256 });
    if (stated.sha256 !== undefined) statedBy.add('hub');
    if (sha256 === part.sha256) statedBy.add('catalogue');
    differences.push(...checksumDifferences(part, path, sha256));
    if (part.bytes !== undefined && part.bytes !== stated.bytes) {
      differences.push(`${path} has ${stated.bytes} bytes, and the catalogue says ${part.bytes}`);
    }
  }
  const text = await ask((hub, signal) => hub.readText({ repo, revision, path: preprocessorFile }, signal));
  const preprocessing = text === undefined ? undefined : readPreprocessing(text, known);
  if (preprocessing === undefined) {
    const why = text === undefined ? 'is not there' : 'says nothing that a manifest could';
    differences.push(`${preprocessorFile} ${why}, and the catalogue says how images are prepared`);
  } else {
    differences.push(...preprocessingDifferences(preprocessing, known));
  }
  return { files, commit, preprocessing: preprocessing ?? known, statedBy: [...statedBy], differences };
}
