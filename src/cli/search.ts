import { basename } from 'node:path';
import type { Command } from 'commander';
import { formatAnswer, formatAnswerJson, note, print, readImageFile, writeSheet } from './output.js';
import {
  parseK,
  parseSimilarity,
  runOnGallery,
  withServerOption,
  type Environment,
  type GalleryOptions,
} from './run.js';

export interface SearchCommandOptions extends GalleryOptions {
  readonly k: number;
  readonly minSimilarity?: number;
  readonly out?: string;
  readonly json: boolean;
}

export function withSearchOptions(command: Command): Command {
  return command
    .option('-k <n>', 'neighbours, 1 to 1000', parseK, 5)
    .option('--min-similarity <s>', 'leave out what is less similar, -1 to 1', parseSimilarity)
    .option('--out <file>', 'draw the query and its neighbours into this PNG')
    .option('--json', 'print JSON instead of a table', false);
}

export function registerSearch(program: Command, env: Environment): void {
  const command = program
    .command('search')
    .summary('find the stored images that look like a file')
    .description('Finds the stored images nearest to an image, which is not stored itself.')
    .argument('<image>', 'a JPEG, PNG, WebP, AVIF, GIF or TIFF file');
  withServerOption(withSearchOptions(command)).action(async (file: string, options: SearchCommandOptions) => {
    const bytes = await readImageFile(file);
    await runOnGallery(env, { ...options, needsModel: true }, async ({ gallery }) => {
      const filename = basename(file);
      const answer = await gallery.search({ bytes, filename, k: options.k, minSimilarity: options.minSimilarity });
      print(options.json ? formatAnswerJson(answer) : formatAnswer(answer));
      if (options.out !== undefined)
        note(`Contact sheet: ${await writeSheet(options.out, gallery, { bytes, filename }, answer)}`);
    });
  });
}
