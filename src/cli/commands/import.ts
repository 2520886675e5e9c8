import type { Command } from 'commander';
import { ConfigurationError } from '../../base/errors.js';
import { ImageDecoder } from '../../pixels/decode/decode.js';
import { maxConcurrentDecodes, maxImagePixels } from '../../base/limits.js';
import { isArchive } from '../../images/archive/read-archive.js';
import { findImages } from '../../images/import/find-images.js';
import { importFiles } from '../../images/import/import-folder.js';
import { defaultImportConcurrency, type ImportSummary } from '../../images/import/import-images.js';
import { storeArchive } from './import-archive.js';
import { note, print } from '../output.js';
import { printable } from '../../base/printable.js';
import { startProgress } from '../progress.js';
import {
  parseInteger,
  untilInterrupted,
  withGallery,
  withServerOption,
  type CommandContext,
  type Environment,
  type GalleryOptions,
} from '../run.js';

interface ImportCommandOptions extends GalleryOptions {
  readonly dryRun: boolean;
  readonly labelFromFolders: boolean;
  readonly exclude: readonly string[];
  readonly concurrency: number;
}

export function registerImport(program: Command, env: Environment): void {
  const command = program
    .command('import')
    .summary('store the images of folders and files, or what `export` wrote')
    .description(
      'Stores images with their embeddings. Folders are searched to any depth for images by their extension; a file that is named itself is taken whatever it is called. ' +
        'What is stored already is recognised by its content and left alone, so an import that was cut off is run again as it was. ' +
        'What `semblance export` wrote, a tar file or a folder, is recognised too, whatever it is called, and stored with ids, times, metadata and vectors as they were: see `semblance import-archive --help`.',
    )
    .argument('<paths...>', 'folders and files, or one archive')
    .option('--dry-run', 'tell what would be imported, and store nothing', false)
    .option('--label-from-folders', "store the name of each file's folder as metadata.label", false)
    .option(
      '--exclude <glob>',
      'leave out what the pattern matches, as a line of a .gitignore; may be given several times',
      (pattern: string, before: readonly string[]) => [...before, pattern],
      [],
    )
    .option(
      '--concurrency <n>',
      'images on their way at the same time',
      (text) => parseInteger(text, 1, 64),
      defaultImportConcurrency,
    );
  withServerOption(command).action((paths: string[], options: ImportCommandOptions) =>
    untilInterrupted(async (signal) => {
      const archive = await findArchive(paths, command);
      if (archive !== undefined) return storeArchive(env, archive, { skipInvalid: false }, signal);
      // Before anything is opened: a path that is not there is told at once.
      const found = await findImages(paths, { exclude: options.exclude, signal });
      await withGallery(env, { ...options, needsModel: !options.dryRun }, signal, (context) =>
        importInto(context, found, options),
      );
    }),
  );
}

/**
 * What `semblance export` wrote, among what was named.
 * @throws ConfigurationError where it was named beside others, or with options that are for images
 */
async function findArchive(paths: readonly string[], command: Command): Promise<string | undefined> {
  for (const path of paths) {
    if (!(await isArchive(path))) continue;
    const what = `${printable(path)} is an archive that \`semblance export\` wrote`;
    if (paths.length > 1) throw new ConfigurationError(`${what}: import it alone, and the rest by another command.`);
    const given = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli');
    if (given.length === 0) return path;
    const names = given.map(({ long }) => long ?? '').join(' and ');
    throw new ConfigurationError(`${what}, which is stored as it is: leave out ${names}.`);
  }
  return undefined;
}

async function importInto(
  { config, gallery, signal }: CommandContext,
  { files, failures: notFound, leftOut, excluded }: Awaited<ReturnType<typeof findImages>>,
  { dryRun, labelFromFolders, concurrency }: ImportCommandOptions,
): Promise<void> {
  const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: maxConcurrentDecodes });
  const progress = startProgress({ label: dryRun ? 'Checking' : 'Importing', total: files.length });
  const wouldImport: string[] = [];
  let summary: ImportSummary;
  try {
    const imported = await importFiles({
      files,
      labelFromFolders,
      maxFileBytes: config.maxUploadBytes,
      target: gallery,
      check: dryRun ? (bytes) => decoder.decode(bytes, 'bulk', signal) : undefined,
      concurrency,
      signal,
      onEvent: (event) => {
        progress.advance();
        if (dryRun && event.kind === 'imported') wouldImport.push(event.path);
      },
    });
    summary = { ...imported, failures: [...notFound, ...imported.failures] };
  } finally {
    progress.stop();
  }
  for (const path of wouldImport.sort()) print(printable(path));
  for (const { path, reason } of summary.failures) note(`${printable(path)}: ${reason}`);
  if (leftOut.size > 0) note(`Left out, for they are no images by their names: ${describeLeftOut(leftOut)}.`);
  if (excluded > 0) note(`Left out ${excluded} files and folders: leftovers of systems, and what --exclude matches.`);
  print(describeSummary(summary, dryRun, files.length + notFound.length));
  if (summary.failures.length > 0) process.exitCode = 1;
}

export function describeSummary(summary: ImportSummary, dryRun: boolean, total: number): string {
  const { imported, known, failures, interrupted } = summary;
  const sums = `${dryRun ? 'Would import' : 'Imported'} ${imported}, already there ${known}, ${dryRun ? 'unreadable' : 'failed'} ${failures.length}.`;
  const left = total - imported - known - failures.length;
  return interrupted ? `${sums} Interrupted with ${left} left: the same command goes on there.` : sums;
}

function describeLeftOut(leftOut: ReadonlyMap<string, number>): string {
  return [...leftOut]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([extension, count]) => `${count} ${extension === '' ? 'without an extension' : printable(extension)}`)
    .join(', ');
}
