import type { Command } from 'commander';
import type { Interval } from '../../math/bootstrap.js';
import { decimalsFor, formatCount, formatDifference, formatMs } from '../../evaluate/report/numbers.js';
import { drawComparisonSheet, type ComparedPicture, type FoundPicture } from '../../pixels/sheets/comparison-sheet.js';
import { defaultComparedImages, defaultK, maxComparedImages } from '../../base/limits.js';
import type { ComparedHit, ComparedImage, SpaceComparison } from '../../spaces/compare/compare-spaces.js';
import { parseSeed } from '../method-options.js';
import { formatTable, note, print, writePng } from '../output.js';
import { printable } from '../../base/printable.js';
import { startStages } from '../progress.js';
import {
  interruptedExitCode,
  parseInteger,
  parseK,
  runOnSpaces,
  withServerOption,
  type Environment,
  type GalleryOptions,
} from '../run.js';

export interface CompareOptions extends GalleryOptions {
  readonly sample: number;
  readonly seed: number;
  readonly k: number;
  readonly out?: string;
  readonly json: boolean;
}

export function registerCompareSpaces(spaces: Command, env: Environment): void {
  const command = spaces
    .command('compare')
    .summary('tell how the results of two spaces differ')
    .description(
      'Searches two spaces for the same stored images, each left out of its own results, and tells how many results they have in common and, where images have a text metadata.label, which finds images of the same label. ' +
        'Only images that both spaces hold take part, so a space that is still building can be compared.',
    )
    .argument('<a>', 'a space')
    .argument('<b>', 'another space; differences are B − A')
    .option(
      '--sample <n>',
      'images to search for',
      (text) => parseInteger(text, 2, maxComparedImages),
      defaultComparedImages,
    )
    .option('--seed <n>', 'decides which', parseSeed, 1)
    .option('-k, --k <n>', 'results that are compared', parseK, defaultK)
    .option('--out <file>', 'draw the queries on which the two differ most into this PNG')
    .option('--json', 'print JSON instead of tables', false)
    .action(async (a: string, b: string, options: CompareOptions) => {
      await runOnSpaces(env, { ...options, needsModel: false }, async ({ door, signal }) => {
        const { sample, seed, k } = options;
        const stages = startStages();
        let comparison;
        try {
          comparison = await door.compareSpaces({ a, b, sample, seed, k, signal, onProgress: stages.report });
        } catch (error) {
          if (!signal.aborted) throw error;
          stages.stop();
          print('Interrupted: nothing was compared. The same command begins anew.');
          process.exitCode = interruptedExitCode;
          return;
        } finally {
          stages.stop();
        }
        await showComparison(comparison, options, (id) => door.readThumbnail(id));
      });
    });
  withServerOption(command);
}

/** Prints a comparison and draws its contact sheet where that is asked for. */
export async function showComparison(
  comparison: SpaceComparison,
  { json, out }: Pick<CompareOptions, 'json' | 'out'>,
  readThumbnail: (imageId: string) => Promise<Buffer | undefined>,
): Promise<void> {
  print(json ? JSON.stringify(comparison, undefined, 2) : formatComparison(comparison));
  if (out === undefined) return;
  if (comparison.mostDifferent.length === 0) {
    note(`The first ${comparison.k} of both spaces are the same for every query: there is no contact sheet to draw.`);
    return;
  }
  note(`Contact sheet: ${await writePng(out, await drawSheet(comparison, readThumbnail))}`);
}

export function formatComparison(comparison: SpaceComparison): string {
  return [
    formatSides(comparison),
    formatMeasures(comparison),
    ...remarksOn(comparison),
    ...(comparison.mostDifferent.length === 0 ? [] : [formatMostDifferent(comparison)]),
  ].join('\n\n');
}

function formatSides({ a, b }: SpaceComparison): string {
  const rows = [a, b].map(({ name, state, description, missing, searchMs, byIndex }, side) => [
    'AB'.charAt(side),
    name,
    state,
    description,
    formatCount(missing),
    formatMs(searchMs),
    formatCount(byIndex),
  ]);
  return formatTable([['', 'space', 'state', 'method', 'missing', 'ms', 'by index'], ...rows], [4, 5, 6]);
}

/** Means with their 95 % intervals. */
function formatMeasures({ k, overlap, labels }: SpaceComparison): string {
  const rows = labels.measures.map(({ name, a, b, difference }) => {
    const decimals = decimalsFor([a.high, b.high]);
    const signed = (value: number) => formatDifference(value, decimals);
    return [
      name,
      formatInterval(a, decimals),
      formatInterval(b, decimals),
      `${signed(difference.mean)} [${signed(difference.low)}, ${signed(difference.high)}]`,
    ];
  });
  const overlaps = formatTable([[`overlap@${k}`, formatInterval(overlap, 3)]]);
  return rows.length === 0 ? overlaps : `${overlaps}\n\n${formatTable([['measure', 'A', 'B', 'B − A'], ...rows])}`;
}

function formatInterval({ mean, low, high }: Interval, decimals: number): string {
  return `${mean.toFixed(decimals)} [${low.toFixed(decimals)}, ${high.toFixed(decimals)}]`;
}

/** A paragraph each. */
function remarksOn({ images, queries, deleted, short, k, depth, labels }: SpaceComparison): readonly string[] {
  const sample =
    `Searched for ${formatCount(queries)} of the ${formatCount(images.shared)} images that both spaces hold, ${formatCount(images.stored)} being stored. ` +
    `overlap@${k} is the share of the first ${k} results that both give. In brackets: 95 % intervals over the queries. ` +
    `ms: median time of a search for ${depth} in the database; by index: searches that the approximate index answered, all others compared every image.`;
  return [
    sample,
    remarkOnLabels(labels, depth),
    ...(deleted === 0 ? [] : [`${formatCount(deleted)} more were deleted during the comparison.`]),
    ...(short === 0
      ? []
      : [
          `${formatCount(short)} queries have fewer than ${depth} results, for one space lacks much of what the other finds: backfill both and compare again.`,
        ]),
  ];
}

function remarkOnLabels({ labelled, evaluated }: SpaceComparison['labels'], depth: number): string {
  const noMeasure = 'the overlap says how far the spaces differ, not which is better.';
  if (labelled === 0) return `No image of the sample has a text metadata.label: ${noMeasure}`;
  const have = `${formatCount(labelled)} of them have a text metadata.label`;
  if (evaluated === 0) return `${have} that no other image has: ${noMeasure}`;
  return (
    `${have}${evaluated === labelled ? '' : `, ${formatCount(evaluated)} of them one that another image has, too`}: relevant is every other image of that label, and no image without one. ` +
    `map_cut_${depth} judges the first ${depth} results and divides by all relevant images, map_cut_min_${depth} by ${depth} at most.`
  );
}

function formatMostDifferent({ k, mostDifferent }: SpaceComparison): string {
  const rows = mostDifferent.map(({ overlap, label, filename, imageId }) => [
    overlap.toFixed(3),
    label === null ? '–' : printable(label),
    printable(filename),
    imageId,
  ]);
  return `Least in common:\n${formatTable([[`overlap@${k}`, 'label', 'filename', 'id'], ...rows], [0])}`;
}

async function drawSheet(
  { a, b, k, mostDifferent }: SpaceComparison,
  readThumbnail: (imageId: string) => Promise<Buffer | undefined>,
): Promise<Buffer> {
  // An image that was deleted since leaves an empty frame.
  const pictureOf = async ({ imageId, filename, label }: ComparedImage): Promise<ComparedPicture> => ({
    bytes: await readThumbnail(imageId),
    filename,
    label: label ?? undefined,
  });
  const foundOf = async (hits: readonly ComparedHit[]): Promise<readonly FoundPicture[]> => {
    const found = [];
    for (const hit of hits) {
      found.push({ ...(await pictureOf(hit)), similarity: hit.similarity, shared: hit.shared });
    }
    return found;
  };
  const rows = [];
  for (const query of mostDifferent) {
    const note = `overlap@${k} ${query.overlap.toFixed(2)}`;
    rows.push({
      query: { ...(await pictureOf(query)), note },
      a: await foundOf(query.a),
      b: await foundOf(query.b),
    });
  }
  return drawComparisonSheet({ headings: { a: `A: ${a.name}`, b: `B: ${b.name}` }, k, rows });
}
