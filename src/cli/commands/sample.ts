import type { Command } from 'commander';
import { drawSampleQuery } from '../../pixels/sample/draw-sample.js';
import { sampleFamilies } from '../../pixels/sample/families.js';
import { loadSample, sampleSize } from '../../images/import/load-sample.js';
import { describeSummary } from './import.js';
import { formatAnswer, note, print, writeSheet } from '../output.js';
import { startProgress } from '../progress.js';
import {
  interruptedExitCode,
  runOnGallery,
  withServerOption,
  type CommandContext,
  type Environment,
  type GalleryOptions,
} from '../run.js';
import { InvalidArgumentError } from 'commander';

interface SampleCommandOptions extends GalleryOptions {
  readonly out: string;
  readonly family: string;
}

const familyNames = sampleFamilies.map(({ name }) => name);

export function registerSample(program: Command, env: Environment): void {
  const command = program
    .command('sample')
    .summary('draw a sample gallery, import it and search it')
    .description(
      `Draws ${sampleSize} pictures in ${familyNames.length} families, imports them, searches them with one more picture of a family, and draws what was found into a contact sheet. A second run finds everything stored.`,
    )
    .option('--family <name>', `what to search with: ${familyNames.join(', ')}`, parseFamily, 'butterfly')
    .option('--out <file>', 'the contact sheet, a PNG', 'semblance-sample.png');
  withServerOption(command).action(async (options: SampleCommandOptions) => {
    await runOnGallery(env, { ...options, needsModel: true }, (context) => runSample(context, options));
  });
}

async function runSample({ gallery, signal }: CommandContext, { out, family }: SampleCommandOptions): Promise<void> {
  const progress = startProgress({ label: 'Importing', total: sampleSize });
  const summary = await loadSample({ target: gallery, signal, onEvent: progress.advance }).finally(progress.stop);
  for (const { path, reason } of summary.failures) note(`${path}: ${reason}`);
  print(describeSummary(summary, false, sampleSize));
  if (summary.interrupted) {
    process.exitCode = interruptedExitCode;
    return;
  }
  if (summary.failures.length > 0) process.exitCode = 1;
  const { bytes, filename } = await drawSampleQuery(family);
  const answer = await gallery.search({ bytes, filename, k: 5 });
  print(`\nThe nearest to ${filename}, a picture that is not stored:\n`);
  print(formatAnswer(answer));
  print(`\nContact sheet: ${await writeSheet(out, gallery, { bytes, filename }, answer)}`);
}

function parseFamily(text: string): string {
  if (!familyNames.includes(text)) throw new InvalidArgumentError(`Expected one of ${familyNames.join(', ')}.`);
  return text;
}
