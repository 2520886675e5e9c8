/**
 * Writes docs/results.md from what the experiments left in bench/.cache/experiments, so that every figure in it has its
 * command.
 *
 *   npm run experiment:cifar10 && npm run experiment:caltech101 && npm run experiment:near-duplicates
 *   npm run experiment:regions && npm run experiment:results
 */
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootstrapDifferences, type Interval } from '../../src/math/bootstrap.js';
import { parseDocument, type EvaluationDocument, type MethodDocument } from '../../src/evaluate/results/document.js';
import { readRunTopics } from '../../src/evaluate/trec/run-file.js';
import { fileNameOf } from '../../src/evaluate/evaluate.js';
import { packageRoot } from '../../src/base/paths.js';
import { cnn, compact, dimensions, experimentFolder, seed, words, type ExperimentName } from './experiments.js';
import type { NearDuplicates } from './near-duplicates.js';
import type { GridOutcome, RegionsResult } from './regions.js';

const suffix = process.argv.includes('--trial') ? '-trial' : '';
const output = suffix === '' ? join(packageRoot, 'docs', 'results.md') : '/dev/stdout';

interface Outcome {
  readonly folder: string;
  readonly document: EvaluationDocument;
}

/**
 * What each method added to the small model, when that was the default: `map_cut_100` on CIFAR-10 and `map_cut_30` on all of
 * Caltech-101, differences to its own cosine search and their intervals, as docs/results.md of commit 370c360 has them.
 */
const withCompact: Readonly<Record<string, readonly [Interval, Interval]>> = {
  [`vit.pca-${dimensions}`]: [of(0.000407, 0.000386, 0.000428), of(0.0059, 0.0045, 0.0073)],
  [`vit.whiten-${dimensions}`]: [of(-0.000809, -0.000858, -0.000759), of(-0.0612, -0.0669, -0.0557)],
  'vit.class': [of(0.00287, 0.002791, 0.002948), of(0.134, 0.1247, 0.1426)],
  'vit/query-expansion': [of(0.000151, 0.000141, 0.000162), of(0.0233, 0.0198, 0.0266)],
  'vit/euclidean': [of(-0.000013, -0.000023, -0.000002), of(-0.0197, -0.023, -0.0166)],
  'vit/inner-product': [of(-0.000317, -0.000334, -0.0003), of(-0.0312, -0.0343, -0.0278)],
  'vit/ssim': [of(-0.000071, -0.000078, -0.000064), of(-0.0166, -0.0194, -0.014)],
  'vit/ssim-over-euclidean': [of(-0.000011, -0.00002, -0.000002), of(-0.0116, -0.0141, -0.0091)],
  'vit/pixel-euclidean': [of(-0.00013, -0.000147, -0.000115), of(-0.1794, -0.1914, -0.1671)],
  'vit/pixel-ssim': [of(-0.000131, -0.000146, -0.000115), of(-0.1731, -0.1845, -0.162)],
  'vit/pixel-ssim-over-euclidean': [of(-0.000115, -0.000131, -0.000099), of(-0.1701, -0.1817, -0.1588)],
};

const [cifar10, caltech101, split] = [await read('cifar10'), await read('caltech101'), await read('caltech101-split')];

await writeFile(
  output,
  [
    ...introduction(),
    ...(await cifar10Section(cifar10)),
    ...caltechSection(caltech101),
    ...(await splitSection(split)),
    ...helpSection(),
    ...(await nearDuplicatesSection()),
    ...(await regionsSection()),
    ...costSection(),
  ].join('\n'),
);

function introduction(): readonly string[] {
  return [
    '# Results',
    '',
    'Written by `npm run experiment:results` from what `npm run experiment:cifar10`, `caltech101`, `near-duplicates` and `regions` measured;',
    'each is one command. What the measures and intervals are: [evaluation.md](evaluation.md). What the methods are: [methods.md](methods.md).',
    '',
    `- Seed ${seed}. Intervals: 95 %, ${number(cifar10.document.settings.resamples)} bootstrap resamples of the queries. Differences are paired, query by query.`,
    `- Every free number was fixed before the first run and none was chosen on these data: ${words} visual words, as project (b) used;`,
    `  ${dimensions} dimensions for PCA and whitening, a third of the ViT's 768; query expansion with α = 3 over the first 10; 100`,
    '  candidates. `--validation` of `semblance evaluate` judges on the last tenth of the training images, for whoever wants to choose.',
    '- What is fitted is fitted on the indexed images alone: vocabularies, projections, classifiers. Learned similarities are trained on the',
    '  training images (CIFAR-10), or on other classes than are judged (Caltech-101).',
    `- \`vit\` is the default model, \`semblance-hybrid\`, and \`${compact}\` the small one. Neither saw an image or a label of the two data sets. The hybrid's`,
    "  trunk was trained on the labels of ImageNet-1k, which has most of CIFAR-10's kinds and many of Caltech-101's.",
    `  \`${cnn}\`, \`….class\` and \`vit/learned-…\` on CIFAR-10 saw the labels of the training images.`,
    "- The learned similarities' training (which pairs are hard, learning rates) was first tried on every other class of Caltech-101 by name,",
    '  some of which are among those judged below; it was then confirmed, unchanged, on the 25 training classes alone. There, on classes',
    '  held back among the 25: P_10 0.612 by cosine, 0.595 Euclidean, 0.608 learned-heuristic, 0.610 learned-labels. That was with',
    '  `semblance-compact`; nothing was chosen again for `semblance-hybrid`.',
    '- A method that does not help stays, with its number.',
    '',
  ];
}

async function cifar10Section({ document, folder }: Outcome): Promise<readonly string[]> {
  const published = 0.0088;
  const { mean, low, high } = measure(method(document, 'vit'), 'map_cut_100');
  const comparison =
    low > published
      ? `beats it by ${(mean - published).toFixed(5)}`
      : high < published
        ? `does not: it is ${(published - mean).toFixed(5)} below`
        : `cannot be told from it: ${signed(mean - published, 5)}`;
  const overlap = await meanOverlap(folder, 'vit', 'vit~hnsw');
  return [
    '## CIFAR-10, as project (b) had it',
    '',
    `${number(document.dataset.galleryImages)} training images indexed, ${number(document.dataset.queries)} test images asked, top 100; 5,000 are relevant to each, so a perfect run has a`,
    '`map_cut_100` of 0.0200 and a `map_cut_min_100` of 1.',
    '',
    ...table(document, ['map_cut_100', 'map_cut_min_100', 'P_10', 'success_1']),
    '',
    `**Does the ViT without any label beat project (b)'s 0.0088 (VGG-16, trained on these labels, and labels in the index)?** It ${comparison}:`,
    `${mean.toFixed(5)} (${low.toFixed(5)} to ${high.toFixed(5)}).`,
    '',
    `**Exact beside HNSW**: ${(100 * overlap).toFixed(2)} % of the 100 nearest that the exact search finds are among HNSW's 100.`,
    '',
    ...sorted(document, 'map_cut_100'),
  ];
}

function caltechSection({ document }: Outcome): readonly string[] {
  return [
    '## Caltech-101, as project (c) had it',
    '',
    `Leave-one-out: each of ${number(document.dataset.queries)} images, ${document.dataset.classes ?? 0} classes of 30, searches all others. Re-rankers order the whole gallery.`,
    '',
    ...table(document, ['map_cut_30', 'map_cut_10', 'P_10', 'P_30', 'success_1']),
    '',
    ...sorted(document, 'map_cut_30'),
  ];
}

async function splitSection({ document, folder }: Outcome): Promise<readonly string[]> {
  const pairs = [
    ['vit/ssim', 'vit/euclidean'],
    ['vit/ssim-over-euclidean', 'vit/euclidean'],
    ['vit/learned-heuristic', 'vit/euclidean'],
    ['vit/learned-heuristic', 'vit/ssim'],
    ['vit/learned-labels', 'vit/euclidean'],
    ['vit/learned-labels', 'vit/ssim'],
  ] as const;
  const rows: string[] = [];
  for (const [a, b] of pairs) {
    const cells = [];
    for (const name of ['P_10', 'map_cut_30']) cells.push(await pairedDifference(folder, a, b, name));
    rows.push(`| ${a} over ${b} | ${cells.map((cell) => difference(cell, 4)).join(' | ')} | ${verdict(cells)} |`);
  }
  return [
    '## Learned similarities, on classes that they never saw',
    '',
    `${document.dataset.protocol} ${number(document.dataset.galleryImages)} images are indexed, ${number(document.dataset.queries)} asked.`,
    '',
    ...table(document, ['map_cut_30', 'map_cut_10', 'P_10', 'P_30', 'success_1']),
    '',
    '**Project (c) claims, by looking, that SSIM beats Euclidean and that the learned score beats both.** Measured:',
    '',
    '| | P_10 | map_cut_30 | holds? |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ];
}

function of(mean: number, low: number, high: number): Interval {
  return { mean, low, high };
}

function helpSection(): readonly string[] {
  const rows = Object.entries(withCompact).map(([name, [thenCifar, thenCaltech]]) => {
    const nowCifar = method(cifar10.document, name).differences!['map_cut_100']!;
    const nowCaltech = method(caltech101.document, name).differences!['map_cut_30']!;
    const turned = [
      ...(signOf(thenCifar) === signOf(nowCifar) ? [] : ['CIFAR-10']),
      ...(signOf(thenCaltech) === signOf(nowCaltech) ? [] : ['Caltech-101']),
    ];
    const cells = [
      difference(thenCifar, 6),
      difference(nowCifar, 6),
      difference(thenCaltech, 4),
      difference(nowCaltech, 4),
    ];
    return `| ${name} | ${cells.join(' | ')} | ${turned.join(', ')} |`;
  });
  return [
    '## What helps, with either model',
    '',
    'What each method adds to cosine search by the same model: CIFAR-10 by `map_cut_100`, Caltech-101 (all 51 classes) by `map_cut_30`. The figures of',
    '`semblance-compact` are of the time when it was the default. The last column names the data sets where the answer (helps, harms, not to',
    'be told apart) is another one with `semblance-hybrid`.',
    '',
    '| | CIFAR-10, compact | CIFAR-10, hybrid | Caltech-101, compact | Caltech-101, hybrid | turned round on |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ];
}

/** 1: helps, -1: harms, 0: not to be told apart. */
function signOf({ low, high }: Interval): number {
  return low > 0 ? 1 : high < 0 ? -1 : 0;
}

async function nearDuplicatesSection(): Promise<readonly string[]> {
  const { originals, copiesOfEachKind, thresholds, models } = await readResult<NearDuplicates>('near-duplicates');
  const lines = [
    '## Copies, and what a similarity means',
    '',
    `${number(copiesOfEachKind)} pictures of Caltech-101 were changed in seven ways; each copy searches the ${number(originals)} originals by exact cosine. A cell is the`,
    'share of copies that are as similar to their original as the threshold (`minSimilarity`) or more. *Others* is the share of pictures that have',
    'some other picture as similar as that: what a threshold reports wrongly, though some of these are copies that Caltech-101 itself holds.',
    '',
  ];
  for (const { model, copies, alarms, sameClass, otherClass, otherClassMost } of models) {
    const header = thresholds.map((threshold) => threshold.toFixed(2));
    lines.push(
      `### ${model}`,
      '',
      `| | ${header.join(' | ')} | original first | median similarity, 1st percentile |`,
      `| --- |${' --- |'.repeat(thresholds.length + 2)}`,
      ...copies.map(
        ({ kind, found, first, similarity: { median, low } }) =>
          `| ${kind} | ${found.map(({ mean }) => mean.toFixed(2)).join(' | ')} | ${interval(first, 2)} | ${median.toFixed(3)}, ${low.toFixed(3)} |`,
      ),
      `| *others* | ${alarms.map(({ mean }) => mean.toFixed(2)).join(' | ')} | | |`,
      '',
      `Two different pictures of one class: median ${sameClass.median.toFixed(2)}, 99th percentile ${sameClass.high.toFixed(2)}. Of two classes: median ${otherClass.median.toFixed(2)}, 99th`,
      `percentile ${otherClass.high.toFixed(2)}, 99.9th ${otherClassMost.toFixed(2)}.`,
      '',
    );
  }
  lines.push('Intervals of a share of 0.90 are about ±0.03, of 0.50 about ±0.06 (95 %).', '');
  return lines;
}

async function regionsSection(): Promise<readonly string[]> {
  const { scenes, classes, queries, models } = await readResult<RegionsResult>('regions');
  const rows = (outcomes: readonly GridOutcome[]): readonly string[] =>
    outcomes.map(
      ({ grid, parts, precisionAt10, overWhole, first }) =>
        `| ${grid} | ${parts} | ${interval(precisionAt10, 3)} | ${parts === 0 ? 'baseline' : difference(overWhole, 3)} | ${interval(first, 3)} |`,
    );
  const table = (outcomes: readonly GridOutcome[]): readonly string[] => [
    '| parts beside the whole | vectors | P_10 | over whole pictures alone | success_1 |',
    '| --- | --- | --- | --- | --- |',
    ...rows(outcomes),
    '',
  ];
  return [
    '## Searching in parts',
    '',
    `${number(scenes)} scenes of 640×480: two pictures of Caltech-101, each a quarter to half as wide as the scene, on a third one. ${number(queries)} other pictures of the ${classes}`,
    'classes search them as `searchRegions` does: a scene is as similar as its best part. Grids may be chosen by the first table; the second is of',
    'other classes, scenes and queries.',
    '',
    ...models.flatMap(({ model, chosenBy, reported }) => [
      `### ${model}, ${classes} classes to choose by`,
      '',
      ...table(chosenBy),
      `### ${model}, ${classes} other classes`,
      '',
      ...table(reported),
    ]),
  ];
}

async function readResult<T>(name: 'near-duplicates' | 'regions'): Promise<T> {
  const text = await readFile(join(experimentFolder(name), 'result.json'), 'utf8').catch(() => {
    throw new Error(`${name} was not run yet: npm run experiment:${name}`);
  });
  return JSON.parse(text) as T;
}

function costSection(): readonly string[] {
  const rows = cifar10.document.methods.map(({ name, cost: { perIndexedImageMs, perQueryMs, indexBytes } }) => {
    const times = [perQueryMs?.median, perQueryMs?.p95].map((value) => value?.toFixed(2) ?? '–');
    const megabytes = ((indexBytes ?? 0) / 1e6).toFixed(1);
    return `| ${name} | ${perIndexedImageMs?.toFixed(2) ?? '–'} | ${times.join(' | ')} | ${megabytes} |`;
  });
  return [
    '## What each costs',
    '',
    `On CIFAR-10, ${number(cifar10.document.dataset.galleryImages)} images indexed. ${cifar10.document.methods[0]?.cost.note ?? ''}`,
    '',
    'Other work ran on the machine meanwhile: the times are upper bounds. Those of models alone are in [benchmarks.md](benchmarks.md).',
    '',
    '| method | ms per indexed image | ms per query, median | 95th percentile | MB |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    'An exact search is timed in blocks of 256 queries, which one matrix product answers; `vit~hnsw` one SQL statement at a time, with',
    'what inserting took, and its size is that of all tables and indexes: rows and grey renditions (4 kB an image) too, originals not.',
    '',
  ];
}

/** Methods by the first measure, published figures among them. */
function table(document: EvaluationDocument, measures: readonly string[]): readonly string[] {
  const [main] = measures;
  const ours = document.methods.map((each) => {
    const over = each.differences?.[main!];
    const cells = measures.map((name) => interval(measure(each, name), digitsOf(name)));
    const last = over === undefined ? 'baseline' : difference(over, digitsOf(main!) + 1);
    return { mean: measure(each, main!).mean, row: `| ${each.name} | ${[...cells, last].join(' | ')} |` };
  });
  const published = document.references.map(({ name, measures: values, source }) => {
    const cells = measures.map((each) => values[each]?.toFixed(4) ?? '–');
    return { mean: values[main!] ?? 0, row: `| *${name}* (${source}) | ${[...cells, '–'].join(' | ')} |` };
  });
  return [
    `| method | ${measures.map((name) => `\`${name}\``).join(' | ')} | \`${main!}\` over ${document.baseline!} |`,
    `| --- |${' --- |'.repeat(measures.length + 1)}`,
    ...[...ours, ...published].sort((a, b) => b.mean - a.mean).map(({ row }) => row),
  ];
}

function sorted(document: EvaluationDocument, main: string): readonly string[] {
  const of = (keep: (interval: Interval) => boolean): string =>
    document.methods
      .filter(({ differences }) => differences?.[main] !== undefined && keep(differences[main]))
      .map(({ name }) => `\`${name}\``)
      .join(', ') || 'none';
  return [
    `By \`${main}\`, above ${document.baseline!}: ${of(({ low }) => low > 0)}. Below: ${of(({ high }) => high < 0)}. Not to be told apart:`,
    `${of(({ low, high }) => low <= 0 && high >= 0)}.`,
    '',
  ];
}

function verdict(cells: readonly Interval[]): string {
  if (cells.every(({ low }) => low > 0)) return 'yes';
  if (cells.every(({ high }) => high < 0)) return 'no, the reverse';
  return cells.every(({ low, high }) => low <= 0 && high >= 0) ? 'not to be told apart' : 'by one measure only';
}

async function pairedDifference(folder: string, a: string, b: string, name: string): Promise<Interval> {
  const [values, others] = [await topicValues(folder, a, name), await topicValues(folder, b, name)];
  const topics = [...values.keys()].filter((topic) => others.has(topic));
  const column = (of: ReadonlyMap<string, number>) => topics.map((topic) => of.get(topic)!);
  return bootstrapDifferences([column(values)], [column(others)], { seed })[0]!;
}

async function topicValues(folder: string, of: string, name: string): Promise<ReadonlyMap<string, number>> {
  const text = await readFile(join(folder, 'measures', `${fileNameOf(of)}.tsv`), 'utf8');
  const rows = text.split('\n').map((line) => line.split('\t'));
  return new Map(
    rows
      .filter(([each, topic]) => each === name && topic !== 'all')
      .map(([, topic, value]) => [topic!, Number(value)] as const),
  );
}

/** Of the results of one run, the share that another has too; averaged over queries. */
async function meanOverlap(folder: string, a: string, b: string): Promise<number> {
  const found = new Map<string, ReadonlySet<string>>();
  for await (const { topicId, documentIds } of runOf(folder, b)) found.set(topicId, new Set(documentIds));
  let sum = 0;
  let topics = 0;
  for await (const { topicId, documentIds } of runOf(folder, a)) {
    const others = found.get(topicId);
    sum += documentIds.filter((id) => others?.has(id)).length / documentIds.length;
    topics++;
  }
  return sum / topics;
}

function runOf(folder: string, name: string): ReturnType<typeof readRunTopics> {
  return readRunTopics(createReadStream(join(folder, 'runs', `${fileNameOf(name)}.run`)), name);
}

async function read(name: ExperimentName): Promise<Outcome> {
  const folder = experimentFolder(name + suffix);
  const text = await readFile(join(folder, 'evaluation.json'), 'utf8').catch(() => {
    throw new Error(`${name} was not run yet: npm run experiment:${name.replace('-split', '')}`);
  });
  return { folder, document: parseDocument(text, name) };
}

function method(document: EvaluationDocument, name: string): MethodDocument {
  return document.methods.find((each) => each.name === name)!;
}

function measure(of: MethodDocument, name: string): Interval {
  return of.measures[name]!;
}

/** map_cut_100 is at most 0.02 on CIFAR-10. */
function digitsOf(name: string): number {
  return name === 'map_cut_100' ? 5 : 3;
}

function interval({ mean, low, high }: Interval, digits: number): string {
  return `${mean.toFixed(digits)} (${low.toFixed(digits)} – ${high.toFixed(digits)})`;
}

function difference({ mean, low, high }: Interval, digits: number): string {
  const text = `${signed(mean, digits)} (${signed(low, digits)} to ${signed(high, digits)})`;
  return low > 0 || high < 0 ? `**${text}**` : text;
}

function signed(value: number, digits: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
