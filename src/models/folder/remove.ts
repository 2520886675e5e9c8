import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../../base/errors.js';
import { isMissing } from '../../base/disk.js';
import {
  assertOwnName,
  clear,
  folderOf,
  installedNames,
  inWorkFolder,
  leftovers,
  type ModelsFolder,
  type Waiting,
} from './model-folder.js';

/**
 * Removes an installed model, and what a pull of it left unfinished.
 * @returns whether it was installed
 * @throws ConfigurationError where there is nothing of it
 */
export async function removeModel(models: ModelsFolder, name: string, waiting: Waiting): Promise<boolean> {
  await assertOwnName(name);
  const names = await installedNames(models);
  return inWorkFolder(models, name, waiting, async (workFolder) => {
    const unfinished = (await leftovers(workFolder)).length > 0;
    // Gone at once for whoever looks; its files follow.
    const removed = await rename(folderOf(models, name), join(workFolder, 'removed')).then(
      () => true,
      (error: unknown) => {
        if (isMissing(error)) return false;
        throw error;
      },
    );
    await clear(await leftovers(workFolder));
    if (removed || unfinished) return removed;
    throw new ConfigurationError(
      `There is no model ${name} to remove: ${names.length === 0 ? 'none is installed' : `installed are ${names.join(', ')}`}.`,
    );
  });
}
