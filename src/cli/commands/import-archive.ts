import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isInterruption } from '../../base/errors.js';
import type { Config } from '../../base/config.js';
import { ImageDecoder } from '../../pixels/decode/decode.js';
import { maxConcurrentDecodes, maxImagePixels } from '../../base/limits.js';
import { importArchive, type ImportedArchive } from '../../images/archive/import-archive.js';
import { printable } from '../../base/printable.js';
import { openArchiveStore } from '../../images/archive/archive-store.js';
import { loadGalleryConfig } from '../command-config.js';
import { openApp } from '../local-gallery.js';
import { note, print } from '../output.js';
import { startStages } from '../progress.js';
import { explainHolder, untilInterrupted, type Environment } from '../run.js';

export function registerImportArchive(program: Command, env: Environment): void {
  program
    .command('import-archive')
    .summary('store what `export` wrote, as `import` does, and nothing else')
    .description(
      'Stores the images and embedding spaces of an archive with ids, times, metadata and vectors as they were. The archive is checked as a whole first, each image as an upload and each space as `spaces create` would be: one that is cut, altered or holds what they refuse changes nothing. An import that was cut off is run again as it was. ' +
        'The active space of the archive is active where none was; other spaces of the database lack the new images, which are then embedded for them. ' +
        'It works on the database itself, so the embedded one must not be held by a running server; beside servers on Postgres it may run.',
    )
    .argument('<source>', 'the tar file or folder')
    .option(
      '--skip-invalid',
      'leave out images and spaces that an upload or `spaces create` would refuse, and store the rest',
      false,
    )
    .action((source: string, options: ArchiveOptions) =>
      untilInterrupted((signal) => storeArchive(env, source, options, signal)),
    );
}

interface ArchiveOptions {
  readonly skipInvalid: boolean;
}

/** Stores what `semblance export` wrote to `source`, and embeds it for the spaces that it lacks. */
export async function storeArchive(
  env: Environment,
  source: string,
  options: ArchiveOptions,
  signal: AbortSignal,
): Promise<void> {
  const config = loadGalleryConfig(env);
  const imported = await importInto(config, resolve(source), options, signal);
  if (imported === undefined) return;
  const { created, known, invalid } = imported;
  for (const { entry, reason } of invalid) note(printable(`Left out ${entry}: ${reason}.`));
  print(`Stored ${created} images, already there ${known}${invalid.length > 0 ? `, left out ${invalid.length}` : ''}.`);
  if (invalid.length > 0) process.exitCode = 1;
  await fillSpaces(config, imported, signal);
}

/** Undefined where it was interrupted. */
async function importInto(
  config: Config,
  source: string,
  { skipInvalid }: ArchiveOptions,
  signal: AbortSignal,
): Promise<ImportedArchive | undefined> {
  const store = await openArchiveStore(config).catch(explainHolder);
  const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: maxConcurrentDecodes });
  const progress = startStages();
  let stored = 0;
  try {
    return await importArchive(store, {
      source,
      decoder,
      maxUploadBytes: config.maxUploadBytes,
      skipInvalid,
      signal,
      onProgress: (reached) => {
        progress.report(reached);
        if (reached.stage === 'storing') stored = reached.done;
      },
    });
  } catch (error) {
    if (!isInterruption(error, signal)) throw error;
    progress.stop();
    print(`${stored} images of the archive are stored. Interrupted: the same command goes on there.`);
    return undefined;
  } finally {
    progress.stop();
    await decoder.close();
    await store.close();
  }
}

/** Embeds the images in the spaces that lack them, for searches find none that have no vector. */
async function fillSpaces(config: Config, { spaces }: ImportedArchive, signal: AbortSignal): Promise<void> {
  const isLacking = ({ state, missing }: ImportedArchive['spaces'][number]) => state !== 'retired' && missing > 0;
  const lacksActive = !spaces.some(({ state }) => state === 'active');
  if (!lacksActive && !spaces.some(isLacking)) return;
  // A gallery without an active space gets its first from the model.
  const app = await openApp(config, { needsModel: lacksActive });
  const progress = startStages();
  try {
    const listed = (await app.operations.listMethods()).spaces;
    const lacking = listed
      .map(({ name, state, missingCount: missing }) => ({ name, state, missing }))
      .filter(isLacking);
    for (const { name } of lacking) {
      const filled = await app.operations.backfillSpace({ name, signal, onProgress: progress.report });
      if (filled.interrupted) {
        note(`Interrupted: \`semblance spaces backfill ${name}\` goes on there.`);
        return;
      }
      if (filled.missing > 0) {
        note(`${filled.missing} images could not be embedded in the space ${JSON.stringify(name)}.`);
        process.exitCode = 1;
      }
    }
  } finally {
    progress.stop();
    await app.close();
  }
}
