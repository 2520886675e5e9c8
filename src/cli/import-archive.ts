import { resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../config.js';
import { importArchive, type ImportedArchive } from '../operations/archive/import-archive.js';
import { openArchiveStore } from '../store/archive-store.js';
import { openApp } from './local-gallery.js';
import { note, print } from './output.js';
import { startStages } from './progress.js';
import { explainHolder, interruptedExitCode, untilInterrupted, type Environment } from './run.js';

export function registerImportArchive(program: Command, env: Environment): void {
  program
    .command('import-archive')
    .summary('store what `export` wrote, as `import` does, and nothing else')
    .description(
      'Stores the images and embedding spaces of an archive with ids, times, metadata and vectors as they were. The archive is checked as a whole first: one that is cut or altered changes nothing. An import that was cut off is run again as it was. ' +
        'The active space of the archive is active where none was; other spaces of the database lack the new images, which are then embedded for them. ' +
        'It works on the database itself, so the embedded one must not be held by a running server; beside servers on Postgres it may run.',
    )
    .argument('<source>', 'the tar file or folder')
    .action((source: string) => storeArchive(env, source));
}

/** Stores what `semblance export` wrote to `source`, and embeds it for the spaces that it lacks. */
export async function storeArchive(env: Environment, source: string): Promise<void> {
  await untilInterrupted(async (signal) => {
    const imported = await importInto(env, resolve(source), signal);
    if (imported === undefined) return;
    print(`Stored ${imported.created} images, already there ${imported.known}.`);
    await fillSpaces(env, imported, signal);
  });
}

/** Undefined where it was interrupted. */
async function importInto(env: Environment, source: string, signal: AbortSignal): Promise<ImportedArchive | undefined> {
  const store = await openArchiveStore(loadConfig(env)).catch(explainHolder);
  const progress = startStages();
  try {
    return await importArchive(store, { source, signal, onProgress: progress.report });
  } catch (error) {
    if (!signal.aborted) throw error;
    note('Interrupted: the same command goes on there.');
    process.exitCode = interruptedExitCode;
    return undefined;
  } finally {
    progress.stop();
    await store.close();
  }
}

/** Embeds the images in the spaces that lack them, for searches find none that have no vector. */
async function fillSpaces(env: Environment, { spaces }: ImportedArchive, signal: AbortSignal): Promise<void> {
  const lacking = spaces.filter(({ state, missing }) => state !== 'retired' && missing > 0);
  if (lacking.length === 0) return;
  const app = await openApp(loadConfig(env), { needsModel: false });
  const progress = startStages();
  try {
    for (const { name } of lacking) {
      const filled = await app.operations.backfillSpace({ name, signal, onProgress: progress.report });
      if (filled.interrupted) {
        note(`Interrupted: \`semblance spaces backfill ${name}\` goes on there.`);
        process.exitCode = interruptedExitCode;
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
