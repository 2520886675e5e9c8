import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isInterruption } from '../../base/errors.js';
import { exportGallery } from '../../images/archive/export-gallery.js';
import { openArchiveStore } from '../../images/archive/archive-store.js';
import { loadGalleryConfig } from '../command-config.js';
import { print } from '../output.js';
import { startStages } from '../progress.js';
import { explainHolder, untilInterrupted, type Environment } from '../run.js';

export function registerExport(program: Command, env: Environment): void {
  program
    .command('export')
    .summary('write the gallery to a tar file or a folder')
    .description(
      'Writes all images with their ids, times, metadata and vectors, and all embedding spaces with what was fitted and learned for them, as they are at one moment, for `semblance import` to store in another database. API keys and jobs stay behind. ' +
        'It works on the database itself, so the embedded one must not be held by a running server; beside servers on Postgres it may run.',
    )
    .argument('<target>', 'a tar file where it ends in .tar, else a folder; nothing may be there')
    .action((target: string) =>
      untilInterrupted(async (signal) => {
        const store = await openArchiveStore(loadGalleryConfig(env)).catch(explainHolder);
        const progress = startStages();
        try {
          const { images, spaces } = await exportGallery(store, {
            target: resolve(target),
            signal,
            onProgress: ({ done, total }) => {
              progress.report({ stage: 'exporting', done, total });
            },
          });
          progress.stop();
          print(`Exported ${images} images and ${spaces.length} embedding spaces to ${resolve(target)}.`);
        } catch (error) {
          if (!isInterruption(error, signal)) throw error;
          progress.stop();
          print('Interrupted: nothing was written.');
        } finally {
          progress.stop();
          await store.close();
        }
      }),
    );
}
