import { openEmbedder } from '../embedder/open-embedder.js';
import { sha256OfFile } from '../../base/disk.js';
import { inspectInstalled } from './model-folder.js';

/**
 * Holds an installed model against what it was installed as: size and SHA-256 of its lock file and manifest, inputs and
 * outputs, and its golden embedding by running it.
 * @returns why it cannot serve; undefined where it can
 */
export async function verifyModel(folder: string, threads: number): Promise<string | undefined> {
  const installed = await inspectInstalled(folder);
  if (installed.kind === 'absent') return 'it is not installed';
  if (installed.kind === 'broken') return installed.reason;
  const { manifest, lock } = installed;
  // The worker checks the manifest's; this is the lock file's.
  const sha256 = lock === undefined ? manifest.sha256 : await sha256OfFile(manifest.weightsPath);
  if (lock !== undefined && sha256 !== lock.sha256) return `its weights have SHA-256 ${sha256}, the lock file states ${lock.sha256}`;
  const embedder = openEmbedder({ model: folder, dataDir: folder, threads });
  await embedder.settled;
  const { state } = embedder;
  await embedder.close();
  return state.kind === 'failed' ? state.reason : undefined;
}
