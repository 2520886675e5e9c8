import { basename } from 'node:path';
import type { Command } from 'commander';
import { formatAnswer, formatAnswerJson, note, print, readImageFile, writeSheet } from '../output.js';
import type { Region } from '../../pixels/region.js';
import type { RerankerName } from '../../methods/rerank/reranker.js';
import type { GallerySearch } from '../gallery.js';
import { parseCandidates, parseRegion, parseReranker, rerankerChoices } from '../method-options.js';
import {
  parseK,
  parseSimilarity,
  runOnGallery,
  withServerOption,
  type Environment,
  type GalleryOptions,
} from '../run.js';

export interface SearchCommandOptions extends GalleryOptions {
  readonly k: number;
  readonly minSimilarity?: number;
  readonly space?: string;
  readonly rerank?: RerankerName;
  readonly candidates?: number;
  readonly region?: Region;
  readonly searchRegions: boolean;
  readonly out?: string;
  readonly json: boolean;
}

export function withSearchOptions(command: Command): Command {
  return command
    .option('-k <n>', 'neighbours, 1 to 1000', parseK, 5)
    .option('--min-similarity <s>', 'leave out what is less similar, -1 to 1', parseSimilarity)
    .option('--space <name>', 'the space to search; `semblance methods` lists them')
    .option('--rerank <name>', `order the nearest anew: ${rerankerChoices.join(', ')}`, parseReranker)
    .option('--candidates <n>', 'how many of the nearest are ordered anew (100, or k)', parseCandidates)
    .option('--region <x,y,w,h>', 'search for this part of the query, in shares of its sides from 0 to 1', parseRegion)
    .option('--search-regions', 'also find images by a part of them: see index-regions', false)
    .option('--out <file>', 'draw the query and its neighbours into this PNG')
    .option('--json', 'print JSON instead of a table', false);
}

/** What the options say of the search itself. */
export function searchOf(options: SearchCommandOptions): GallerySearch {
  const { k, minSimilarity, space, rerank, candidates, region, searchRegions } = options;
  return { k, minSimilarity, space, rerank, candidates, region, searchRegions: searchRegions || undefined };
}

export function registerSearch(program: Command, env: Environment): void {
  const command = program
    .command('search')
    .summary('find the stored images that look like a file')
    .description('Finds the stored images nearest to an image, which is not stored itself.')
    .argument('<image>', 'a JPEG, PNG, WebP, AVIF, GIF, TIFF or HEIC file');
  withServerOption(withSearchOptions(command)).action(async (file: string, options: SearchCommandOptions) => {
    const bytes = await readImageFile(file);
    await runOnGallery(env, { ...options, needsModel: true }, async ({ gallery }) => {
      const filename = basename(file);
      const answer = await gallery.search({ bytes, filename, ...searchOf(options) });
      print(options.json ? formatAnswerJson(answer) : formatAnswer(answer));
      if (options.out === undefined) return;
      const query = { bytes, filename, region: options.region };
      note(`Contact sheet: ${await writeSheet(options.out, gallery, query, answer)}`);
    });
  });
}
