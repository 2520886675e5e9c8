import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { loadConfig, type Config } from '../../base/config.js';
import { openEmbedders } from '../../models/embedder/embedders.js';
import { openExactSearch } from '../../models/session/nearest.js';
import { openEmbedder } from '../../models/embedder/open-embedder.js';
import { ConfigurationError, messageOf, SemblanceError } from '../../base/errors.js';
import { drawDataset } from '../../evaluate/datasets/draw.js';
import type { EvaluationDocument } from '../../evaluate/results/document.js';
import { measureNames, parseMeasures } from '../../math/measures/measure.js';
import { ImageDecoder } from '../../pixels/decode/decode.js';
import { maxConcurrentDecodes, maxImagePixels } from '../../base/limits.js';
import { defaultMeasures, evaluate, workFolderOf, type EvaluateParts } from '../../evaluate/evaluate.js';
import type { EvaluateOptions, EvaluationMethod, ReportWords, SearchKind } from '../../evaluate/evaluate-options.js';
import { readDataset } from '../../evaluate/read-dataset.js';
import { defaultImportConcurrency } from '../../images/import/import-images.js';
import { makeWritableFolder } from '../../base/paths.js';
import { openLeaves } from '../../methods/leaves.js';
import { parseMethod } from '../../methods/notation.js';
import { parseSeed } from '../method-options.js';
import { formatTable, note, print } from '../output.js';
import { printable } from '../../base/printable.js';
import { startStages } from '../progress.js';
import { interruptedExitCode, parseInteger, type Environment } from '../run.js';

interface EvaluateCommandOptions {
  readonly gallery?: string;
  readonly queries?: string;
  readonly qrels?: string;
  readonly method: readonly string[];
  readonly hnsw: readonly string[];
  readonly search: SearchKind;
  readonly store: 'memory' | 'server';
  readonly depth: number;
  readonly candidates?: number | 'all';
  readonly measures?: string;
  readonly out: string;
  readonly seed: number;
  readonly limitGallery?: number;
  readonly limitQueries?: number;
  readonly splitClasses: boolean;
  readonly validation: boolean;
  readonly about?: string;
}

const defaultDepth = 100;
const maxDepth = 1_000_000;

export function registerEvaluate(program: Command, env: Environment): void {
  program
    .command('evaluate')
    .summary('measure which method finds best on your pictures, as trec_eval measures')
    .description(
      'Indexes a gallery, searches it with queries by each method, and writes run and qrels files that trec_eval reads, the measures as JSON, and a report in HTML. ' +
        'It reads files alone: no image of a database is read or changed. A run that was cut off goes on where it stopped. See docs/evaluation.md.',
    )
    .argument(
      '[dataset]',
      'a folder with a folder for each class, one that holds train/ and test/ with such folders, or an archive of either (.tar.gz)',
    )
    .option('--gallery <folder>', 'what to index, a folder for each class, in place of a data set')
    .option('--queries <folder>', 'what to ask, with --gallery')
    .option('--qrels <file>', 'judgements in the format of TREC, in place of classes')
    .option(
      '--method <notation>',
      'e.g. hog+bovw-400 or vit/ssim: see docs/methods.md; several times for several',
      collect,
      [],
    )
    .option(
      '--hnsw <notation>',
      "a method to judge through pgvector's index too, as NAME~hnsw; several times for several",
      collect,
      [],
    )
    .addOption(
      new Option('--search <kind>', "how --method finds the nearest: every vector compared, or pgvector's index")
        .choices(['exact', 'hnsw'])
        .default('exact'),
    )
    .addOption(
      new Option(
        '--store <kind>',
        "where pgvector's index is built: in memory, or in a new schema on DATABASE_URL that is dropped at the end",
      )
        .choices(['memory', 'server'])
        .default('memory'),
    )
    .option('--depth <n>', 'results of a query', (text) => parseInteger(text, 1, maxDepth), defaultDepth)
    .option(
      '--candidates <n>',
      'that a re-ranker orders, or all (default: 100, or the depth where it is more)',
      parseCandidates,
    )
    .option('--measures <names>', `separated by commas, the first one sorts: ${measureNames.join(', ')}`)
    .option('--out <folder>', 'where everything is written', 'semblance-evaluation')
    .option('--seed <n>', 'decides what is drawn', parseSeed, 1)
    .option('--limit-gallery <n>', 'index so many images, evenly over the classes', parseCount)
    .option('--limit-queries <n>', 'ask so many images, evenly over the classes', parseCount)
    .option('--split-classes', 'train learned similarities on half of the classes, judge on the other half', false)
    .option('--validation', 'ask the last tenth of the training images instead of those that are reported', false)
    .option('--about <file>', 'JSON with title, notes, references and descriptions of methods for the report')
    .action(async (path: string | undefined, options: EvaluateCommandOptions) => {
      await runEvaluate(loadConfig(env), path, options);
    });
}

async function runEvaluate(config: Config, path: string | undefined, options: EvaluateCommandOptions): Promise<void> {
  const out = resolve(options.out);
  const methods = methodsOf(options);
  const measures =
    options.measures === undefined ? defaultMeasures(options.depth) : parseMeasures(options.measures.split(','));
  const about = await readAbout(options.about);
  await makeWritableFolder(out).catch((cause: unknown) => {
    throw new ConfigurationError(`--out ${out} cannot be written: ${messageOf(cause)}`, { cause });
  });
  const interrupt = new AbortController();
  // As many listen as images are on their way.
  setMaxListeners(0, interrupt.signal);
  const stages = startStages();
  // Once: a second Ctrl-C ends the process as it would without us.
  const onInterrupt = (): void => {
    note('\nStopping. Press Ctrl-C again to stop at once.');
    interrupt.abort();
  };
  process.once('SIGINT', onInterrupt);
  try {
    const whole = await readDataset({ ...options, dataset: path, workFolder: workFolderOf(out) });
    const dataset = drawDataset(whole, options);
    const document = await withParts(config, (parts) =>
      evaluate(
        {
          dataset,
          methods,
          depth: options.depth,
          candidates: options.candidates ?? Math.max(100, options.depth),
          measures,
          seed: options.seed,
          out,
          store: options.store,
          about,
          signal: interrupt.signal,
          onProgress: stages.report,
        } satisfies EvaluateOptions,
        parts,
      ),
    );
    stages.stop();
    describe(document, out);
  } catch (error) {
    stages.stop();
    if (!interrupt.signal.aborted) throw error;
    note('Interrupted: the same command goes on there.');
    process.exitCode = interruptedExitCode;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

async function withParts<T>(config: Config, work: (parts: EvaluateParts) => Promise<T>): Promise<T> {
  const { dataDir, modelThreads: threads, modelThreadsGiven } = config;
  const useStoredSettings = !modelThreadsGiven;
  const primary = openEmbedder({ model: config.model, dataDir, threads, useStoredSettings });
  const embedders = openEmbedders({ primary, dataDir, threads, useStoredSettings });
  const leaves = openLeaves({ embedders, threads: config.modelThreads });
  const search = await openExactSearch(config.modelThreads);
  try {
    await primary.settled;
    return await work({
      config,
      decoder: new ImageDecoder({ maxPixels: maxImagePixels, concurrency: maxConcurrentDecodes }),
      leaves,
      search,
      concurrency: defaultImportConcurrency,
    });
  } finally {
    await leaves.close();
    await embedders.close();
    await primary.close();
    await search.close();
  }
}

function methodsOf({ method, hnsw, search }: EvaluateCommandOptions): readonly EvaluationMethod[] {
  const named = method.length === 0 && hnsw.length === 0 ? ['vit'] : method;
  return [
    ...named.map((text) => ({ ...parseMethod(text), search })),
    ...hnsw.map((text) => ({ ...parseMethod(text), search: 'hnsw' as const })),
  ];
}

const share = z.number().min(0).max(1);
const aboutSchema = z.strictObject({
  title: z.string().min(1).optional(),
  notes: z.array(z.string()).optional(),
  references: z
    .array(z.strictObject({ name: z.string(), source: z.string(), measures: z.record(z.string(), share) }))
    .optional(),
  descriptions: z.record(z.string(), z.string()).optional(),
});

async function readAbout(path: string | undefined): Promise<ReportWords> {
  if (path === undefined) return {};
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SemblanceError('NOT_FOUND', `${path} cannot be read`, { cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SemblanceError('BAD_USER_INPUT', `${path} is not JSON`, { cause });
  }
  const parsed = aboutSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SemblanceError('BAD_USER_INPUT', `${path}: ${z.prettifyError(parsed.error)}`);
}

/** A table of the first measures, and where all else lies. */
function describe({ methods, measures, dataset }: EvaluationDocument, out: string): void {
  const shown = measures.slice(0, 4).map(({ name }) => name);
  const main = shown[0] ?? '';
  const sorted = methods.toSorted((a, b) => (b.measures[main]?.mean ?? 0) - (a.measures[main]?.mean ?? 0));
  const rows = sorted.map((method) => [
    ...shown.map((name) => method.measures[name]?.mean.toFixed(5) ?? '–'),
    printable(method.name),
  ]);
  print(formatTable([[...shown, 'method'], ...rows], [...shown.keys()]));
  print(`\n${dataset.galleryImages} images were indexed, ${dataset.queries} asked.`);
  if (dataset.queriesWithoutRelevant > 0)
    print(`${dataset.queriesWithoutRelevant} queries have no relevant image and are in no mean.`);
  for (const { file, reason } of dataset.leftOut.slice(0, maxListed)) note(`${printable(file)}: ${reason}`);
  if (dataset.leftOut.length > 0) print(`Left out: ${dataset.leftOut.length}; the report lists them.`);
  print(`Report: ${join(out, 'report.html')}`);
}

const maxListed = 20;

function collect(text: string, former: readonly string[]): readonly string[] {
  return [...former, text];
}

function parseCount(text: string): number {
  return parseInteger(text, 1, 100_000_000);
}

function parseCandidates(text: string): number | 'all' {
  if (text === 'all') return 'all';
  try {
    return parseInteger(text, 1, maxDepth);
  } catch {
    throw new InvalidArgumentError(`Expected an integer from 1 to ${maxDepth}, or all.`);
  }
}
