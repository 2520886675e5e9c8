import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { defaultConfidence, defaultResamples } from '../math/bootstrap.js';
import { classesOf, type Dataset, type Judged } from './datasets/dataset.js';
import { documentVersion, formatDocument, type CostDocument, type EvaluationDocument } from './results/document.js';
import { evaluateRun, type RunEvaluation } from './results/evaluate-run.js';
import { countRelevant, type Qrels } from '../math/measures/judgements.js';
import { writeQrels } from './trec/qrels-file.js';
import { readRunTopics } from './trec/run-file.js';
import { summariseMethod } from './results/summarise.js';
import { writeTopicMeasures } from './trec/topic-measures-file.js';
import { makeThumbnail } from '../pixels/renditions.js';
import type { EvaluateOptions } from './evaluate-options.js';
import { keyOf } from './keys.js';
import type { EvaluationImages } from './read-images.js';
import { readKeptText } from './work-file.js';

export interface EvaluatedMethod {
  readonly name: string;
  readonly description: string;
  readonly runFile: string;
  readonly cost: CostDocument;
}

export interface ReportInput {
  readonly options: EvaluateOptions;
  readonly dataset: Dataset;
  readonly judged: Judged;
  readonly images: EvaluationImages;
  readonly methods: readonly EvaluatedMethod[];
  readonly machine: string;
}

/** Judges the run files as they lie there, and writes qrels, measures, JSON and report. */
export async function writeReport(input: ReportInput): Promise<EvaluationDocument> {
  const { options, dataset, judged, methods, images, machine } = input;
  const { out, seed, measures, depth, signal, onProgress } = options;
  const { qrels, withoutRelevant } = judged;
  const qrelsNote = await writeQrelsOnce(options, dataset, qrels);
  const evaluations = new Map<string, RunEvaluation>();
  for (const [at, { name, runFile }] of methods.entries()) {
    signal.throwIfAborted();
    onProgress({ stage: 'Judging', done: at, total: methods.length });
    const evaluation = await evaluateRun(readRunTopics(createReadStream(runFile), basename(runFile)), {
      qrels,
      measures,
    });
    await writeWhole(join(out, 'measures', `${basename(runFile, '.run')}.tsv`), (output) =>
      writeTopicMeasures(output, evaluation),
    );
    evaluations.set(name, evaluation);
  }
  const baseline = methods.find(({ name }) => name === 'vit')?.name ?? methods[0]!.name;
  const classOf = classesById(dataset);
  const document: EvaluationDocument = {
    schema: 'semblance-evaluation',
    version: documentVersion,
    title: options.about.title ?? `Retrieval methods on ${dataset.name}`,
    createdAt: new Date().toISOString(),
    dataset: {
      name: dataset.name,
      protocol: dataset.protocol,
      galleryImages: dataset.gallery.length,
      queries: dataset.queries.length,
      ...(dataset.listed === undefined ? { classes: classesOf(dataset, dataset.queries).length } : {}),
      queriesWithoutRelevant: withoutRelevant.length,
      leftOut: dataset.leftOut,
    },
    settings: { depth, seed, resamples: defaultResamples, confidence: defaultConfidence, meanOver: 'both' },
    measures: measures.map(({ name, meaning, inTrecEval }) => ({ name, meaning, inTrecEval })),
    baseline,
    methods: methods.map(({ name, description, cost }, at) => {
      onProgress({ stage: 'Intervals', done: at + 1, total: methods.length });
      return summariseMethod({
        name,
        description,
        evaluation: evaluations.get(name)!,
        ...(name === baseline ? {} : { baseline: evaluations.get(baseline)! }),
        qrels,
        bootstrap: { seed },
        cost: { ...cost, note: [costNote(name, machine), cost.note ?? ''].filter((text) => text !== '').join(' ') },
        ...(dataset.listed === undefined ? { classOf: { topic: classOf, document: classOf } } : {}),
      });
    }),
    references: options.about.references ?? [],
    notes: [...(options.about.notes ?? []), ...(qrelsNote === undefined ? [] : [qrelsNote])],
  };
  await writeText(join(out, 'evaluation.json'), formatDocument(document));
  await writeText(join(out, 'report.html'), await drawReport(document, dataset, images));
  return document;
}

function costNote(name: string, machine: string): string {
  const search = name.endsWith('~hnsw')
    ? 'hnsw: the time of one query is that of its SQL; size is that of tables and indexes, grey renditions included, originals and thumbnails not.'
    : 'exact: queries are compared in blocks, and the time of one is its share; size is that of the vectors.';
  return `${machine}. Indexing includes decoding. ${search} A query costs its features too, as much as an indexed image.`;
}

/** Lines above which the file is compressed: CIFAR-10 has 50 million, 2.4 GB. */
const maxPlainJudgements = 5_000_000;

/** @returns what the reader must know of the file */
async function writeQrelsOnce(
  { out, signal, onProgress }: EvaluateOptions,
  dataset: Dataset,
  qrels: Qrels,
): Promise<string | undefined> {
  let judgements = 0;
  for (const topicId of qrels.topicIds()) judgements += countRelevant(qrels.topic(topicId)?.levelCounts ?? []);
  const compressed = judgements > maxPlainJudgements;
  const path = join(out, compressed ? 'qrels.txt.gz' : 'qrels.txt');
  const idsOf = (numbers: readonly number[]): readonly string[] => numbers.map((number) => dataset.images[number]!.id);
  const keyFile = join(out, 'work', 'qrels.key');
  const key = keyOf(path, idsOf(dataset.gallery), idsOf(dataset.queries), judgements);
  // A qrels file that was given is copied line by line each time, for its judgements are not in the key.
  const known = dataset.listed === undefined && (await readKeptText(keyFile)) === key;
  if (!known) {
    await rm(join(out, 'qrels.txt'), { force: true });
    await rm(join(out, 'qrels.txt.gz'), { force: true });
    const followed: Qrels = {
      ...qrels,
      topicIds: function* () {
        let done = 0;
        for (const topicId of qrels.topicIds()) {
          signal.throwIfAborted();
          yield topicId;
          onProgress({ stage: 'Writing qrels', done: ++done, total: qrels.topicCount });
        }
      },
    };
    await writeWhole(path, (output) => writeQrels(output, followed), compressed);
    await writeText(keyFile, key);
  }
  return compressed
    ? 'The qrels file is compressed for its size: trec_eval reads it after gunzip qrels.txt.gz.'
    : undefined;
}

/** Side of a picture in the report, where 84 pixels are shown: for dense screens. */
const picturePixels = 128;

async function drawReport(document: EvaluationDocument, dataset: Dataset, images: EvaluationImages): Promise<string> {
  // Here, for the charting library takes longer to load than most commands of the program take.
  const { imagesOf, renderReport } = await import('./report/report.js');
  const shown = imagesOf(document);
  const rows = new Map<string, number>();
  for (const number of [...dataset.gallery, ...dataset.queries])
    rows.set(dataset.images[number]!.id, images.rowOf.get(number)!);
  const pictures = new Map<string, string>();
  for (const id of new Set([...shown.queries, ...shown.gallery])) {
    const row = rows.get(id);
    if (row === undefined) continue;
    const webp = await images.use(row, (image) => makeThumbnail(image, picturePixels));
    pictures.set(id, `data:image/webp;base64,${webp.toString('base64')}`);
  }
  const picture = (id: string): string | undefined => pictures.get(id);
  return renderReport(document, { query: picture, gallery: picture });
}

function classesById({ images }: Dataset): (id: string) => string | undefined {
  const classes = new Map(images.map(({ id, className }) => [id, className]));
  return (id) => classes.get(id);
}

async function writeText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.partial`, text);
  await rename(`${path}.partial`, path);
}

/** A file that is renamed once it is whole. */
async function writeWhole(path: string, write: (output: Writable) => Promise<void>, compressed = false): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = createWriteStream(`${path}.partial`);
  const output = compressed ? createGzip({ level: 1 }) : file;
  if (output !== file) output.pipe(file);
  const written = finished(file);
  written.catch(() => undefined);
  await write(output);
  output.end();
  await written;
  await rename(`${path}.partial`, path);
}
