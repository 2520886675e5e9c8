import { join } from 'node:path';
import type { Config } from '../../base/config.js';
import { ModelError } from '../../models/model-error.js';
import type { ModelsFolder } from '../../models/folder/model-folder.js';
import { ConfigurationError } from '../../base/errors.js';
import { DataFolderInUseError, lockDataFolder } from '../../database/embedded/lock.js';
import { note } from '../output.js';
import { interruptedExitCode } from '../run.js';

export function modelsFolder({ dataDir }: Pick<Config, 'dataDir'>): ModelsFolder {
  return {
    path: join(dataDir, 'models'),
    acquire: async (folder) => {
      try {
        const lock = await lockDataFolder(folder, { onLog: note });
        return { kind: 'held', release: () => lock.release() };
      } catch (error) {
        if (error instanceof DataFolderInUseError) return { kind: 'busy', pid: error.pid };
        throw error;
      }
    },
  };
}

/**
 * Runs `work` until it is done or Ctrl-C.
 * @param kept what a stopped command leaves, and what to do
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>, kept: string): Promise<void> {
  const interrupt = new AbortController();
  const onInterrupt = (): void => {
    interrupt.abort();
  };
  process.once('SIGINT', onInterrupt);
  try {
    await work(interrupt.signal);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    note(`\nStopped. ${kept}`);
    process.exitCode = interruptedExitCode;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

/** What is wrong with a model is the operator's to know, in the same one sentence as the rest. */
export function explainModel(name: string, verb: 'installed' | 'measured'): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof ModelError)) throw error;
    throw new ConfigurationError(`${name} cannot be ${verb}: ${error.message}.`, { cause: error });
  };
}
