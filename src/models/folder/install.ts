import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goldenRule } from '../golden.js';
import { loadManifest } from '../manifest.js';
import type { Manifest, ManifestFields } from '../manifest-schema.js';
import { isMissing, removeFolder } from '../../base/disk.js';
import { writeLock, type ModelLock } from './lock-file.js';
import { folderOf, type ModelsFolder } from './model-folder.js';
import { goldenEmbedding } from './probe.js';

export interface Installation {
  readonly models: ModelsFolder;
  /** On the same disk; it is the caller's alone, and holds the weights. */
  readonly workFolder: string;
  /** Moved into the model's folder. They have been checked. */
  readonly weightsPath: string;
  readonly model: Pick<ManifestFields, 'name' | 'version' | 'license' | 'input' | 'preprocessing' | 'output'> & {
    readonly architecture?: string | undefined;
  };
  readonly weights: Pick<ModelLock, 'bytes' | 'sha256' | 'source' | 'statedBy' | 'accepted' | 'acceptedLicense'>;
  readonly threads: number;
}

const weightsFile = 'model.onnx';
/** float32 has no more than nine that tell. */
const goldenDigits = 9;

/**
 * Computes the golden embedding, writes manifest and lock file, and moves all into place at once: the model's folder is
 * there whole, or as it was before.
 * @throws ModelError if the weights are not what `model` says
 */
export async function install(installation: Installation): Promise<Manifest> {
  const { models, workFolder, weightsPath, model, weights, threads } = installation;
  const embedding = await goldenEmbedding({ weightsPath, threads }, model);
  const staging = join(workFolder, 'ready');
  await removeFolder(staging);
  await mkdir(staging);
  const { architecture, input, preprocessing, output, ...identity } = model;
  await writeJson(join(staging, 'manifest.json'), {
    ...identity,
    ...(architecture === undefined ? {} : { architecture }),
    file: weightsFile,
    bytes: weights.bytes,
    sha256: weights.sha256,
    source: weights.source,
    input,
    preprocessing,
    output,
    golden: {
      tensor: goldenRule(input),
      embedding: Array.from(embedding, (element) => Number(element.toPrecision(goldenDigits))),
      embeddingIs: `what these weights answered when they were installed, on ${process.platform} ${process.arch} with ONNX Runtime; it guards against later changes, not against a wrong export`,
    },
  });
  await writeLock(staging, {
    lockVersion: 1,
    model: model.name,
    ...weights,
    file: weightsFile,
    installedAt: new Date().toISOString(),
  });
  await rename(weightsPath, join(staging, weightsFile));
  await loadManifest(staging);

  const folder = folderOf(models, model.name);
  const replaced = join(workFolder, 'replaced');
  await removeFolder(replaced);
  await rename(folder, replaced).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
  await rename(staging, folder);
  await removeFolder(replaced);
  return await loadManifest(folder);
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, undefined, 2)}\n`, { flag: 'wx', flush: true });
}
