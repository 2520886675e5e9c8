import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../base/config.js';
import type { ExactSearch } from '../models/session/nearest.js';
import { invalidArgument, SemblanceError } from '../base/errors.js';
import { judge, withoutUnreadable, type Dataset } from './datasets/dataset.js';
import type { EvaluationDocument } from './results/document.js';
import { parseMeasures, type Measure } from '../math/measures/measure.js';
import type { ImageDecoder } from '../pixels/decode/decode.js';
import { greySidePixels, maxK } from '../base/limits.js';
import { packageVersion } from '../base/paths.js';
import { needsOf } from '../methods/rerank/create.js';
import { formatMethod, formatRecipe } from '../methods/notation.js';
import type { LeafEncoder } from '../methods/leaves.js';
import type { Recipe } from '../methods/recipe.js';
import type { EvaluateOptions, EvaluationMethod, SearchKind } from './evaluate-options.js';
import { exactCandidates, type Parts } from './candidates.js';
import { openHnswIndex } from './hnsw.js';
import { keyOf } from './keys.js';
import { greyRows, readImages, type EvaluationImages, type FeatureOptions } from './read-images.js';
import { openReranker, rankBy, rankBySimilarity } from './rerank-candidates.js';
import { runMethod, type OpenSearch, type RunCost } from './run-method.js';
import { prepareSpaces, type EvaluatedSpace } from './spaces.js';
import { writeReport, type EvaluatedMethod } from './write-report.js';

export interface EvaluateParts {
  readonly config: Config;
  readonly decoder: ImageDecoder;
  readonly leaves: LeafEncoder;
  readonly search: ExactSearch;
  /** Images on their way at the same time. */
  readonly concurrency: number;
}

/** Images that a learned similarity and a fitted space are for may be the gallery's alone: queries are never fitted on. */
export async function evaluate(options: EvaluateOptions, parts: EvaluateParts): Promise<EvaluationDocument> {
  const { methods, seed, out, signal, onProgress } = options;
  checkOptions(options);
  const images = await readImages({
    dataset: options.dataset,
    decoder: parts.decoder,
    workFolder: workFolderOf(out),
    maxFileBytes: parts.config.maxUploadBytes,
    concurrency: parts.concurrency,
    signal,
    onProgress,
  });
  const features: FeatureOptions = { images, concurrency: parts.concurrency, signal, onProgress };
  const spaces = await prepareSpaces(recipesOf(methods), {
    ...features,
    dataset: options.dataset,
    leaves: parts.leaves,
    seed,
    trained: new Set(
      methods
        .filter(({ reranker }) => reranker !== undefined && needsOf(reranker).scorer !== undefined)
        .map(({ recipe }) => formatRecipe(recipe)),
    ),
  });
  const needsGrey = methods.some(({ reranker }) => reranker !== undefined && needsOf(reranker).grey);
  const grey = needsGrey ? await greyRows(features) : undefined;
  const failures = new Map<number, string>();
  for (const { failures: failed } of [...spaces.values(), ...(grey === undefined ? [] : [grey])])
    for (const [row, reason] of failed) failures.set(images.numbers[row]!, reason);
  const dataset = withoutUnreadable(options.dataset, failures);
  requireImages(dataset);

  const context: MethodContext = {
    options,
    parts,
    images,
    dataset,
    rows: { images, gallery: rowsOf(images, dataset.gallery), queries: rowsOf(images, dataset.queries) },
    greys: grey === undefined ? undefined : await grey.read(),
    greyMsPerImage: grey === undefined ? 0 : grey.ms / Math.max(1, grey.length),
  };
  const evaluated: EvaluatedMethod[] = [];
  for (const method of methods) {
    const space = spaces.get(formatRecipe(method.recipe))!;
    evaluated.push(await evaluateMethod(method, space, context));
  }
  return writeReport({ options, dataset, judged: judge(dataset), images, methods: evaluated, machine: machine() });
}

export function workFolderOf(out: string): string {
  return join(out, 'work');
}

/** Its name in reports and files: the notation, and `~hnsw` where pgvector's index is asked. */
export function nameOfMethod(method: EvaluationMethod): string {
  return method.search === 'hnsw' ? `${formatMethod(method)}~hnsw` : formatMethod(method);
}

export function fileNameOf(name: string): string {
  return name.replaceAll('/', '--').replace(/[^\w.@~+:-]/g, '_');
}

/** Different ones in the order given. */
function recipesOf(methods: readonly EvaluationMethod[]): readonly Recipe[] {
  return [...new Map(methods.map(({ recipe }) => [formatRecipe(recipe), recipe])).values()];
}

interface MethodContext {
  readonly options: EvaluateOptions;
  readonly parts: EvaluateParts;
  readonly images: EvaluationImages;
  readonly dataset: Dataset;
  readonly rows: Parts;
  readonly greys: Uint8Array | undefined;
  readonly greyMsPerImage: number;
}

async function evaluateMethod(
  method: EvaluationMethod,
  space: EvaluatedSpace,
  context: MethodContext,
): Promise<EvaluatedMethod> {
  const { options, images, dataset, rows } = context;
  const { out, depth, seed, signal, onProgress } = options;
  const name = nameOfMethod(method);
  const opened =
    method.reranker === undefined
      ? undefined
      : await openReranker(method.reranker, { space, dataset, images, seed, signal, onProgress });
  const count =
    method.reranker === undefined ? depth : options.candidates === 'all' ? rows.gallery.length : options.candidates;
  const runFile = join(out, 'runs', `${fileNameOf(name)}.run`);
  const idsOf = (numbers: readonly number[]): readonly string[] => numbers.map((number) => dataset.images[number]!.id);
  const run = await runMethod({
    runFile,
    logFile: join(workFolderOf(out), 'runs', `${fileNameOf(name)}.log`),
    key: keyOf(
      packageVersion,
      space.key,
      method.search,
      opened?.key,
      count,
      depth,
      idsOf(dataset.gallery),
      idsOf(dataset.queries),
    ),
    tag: name,
    queryIds: idsOf(dataset.queries),
    documentIds: idsOf(dataset.gallery),
    depth,
    resumable: method.search === 'exact',
    signal,
    onProgress: (done, total) => {
      onProgress({ stage: `Queries: ${name}`, done, total });
    },
    open: async () => {
      const vectors = await space.read();
      const search = await openSearch(method.search, { space, vectors, count, context });
      if (opened === undefined) return { ...search, rank: rankBySimilarity };
      const { greys } = context;
      const { dimensions } = space;
      return { ...search, rank: rankBy({ reranker: opened.reranker, parts: rows, vectors, dimensions, greys, depth }) };
    },
  });
  const usesGrey = method.reranker !== undefined && needsOf(method.reranker).grey;
  const trained = opened?.scorer;
  return {
    name,
    runFile,
    description: [
      `${space.description}, ${space.dimensions} numbers.`,
      method.reranker !== undefined &&
        `Re-ranks ${options.candidates === 'all' ? 'the whole gallery' : `the first ${count}`}.`,
      trained !== undefined && `Trained on ${trained.images} images of ${trained.classes} classes.`,
      options.about.descriptions?.[name],
    ]
      .filter((text) => typeof text === 'string')
      .join(' '),
    cost: costOf(run, {
      msPerImage: space.msPerImage + (usesGrey ? context.greyMsPerImage : 0),
      bytesPerImage: 4 * space.dimensions + (usesGrey ? greySidePixels ** 2 : 0),
      galleryImages: rows.gallery.length,
    }),
  };
}

async function openSearch(
  kind: SearchKind,
  {
    space,
    vectors,
    count,
    context,
  }: {
    readonly space: EvaluatedSpace;
    readonly vectors: Float32Array;
    readonly count: number;
    readonly context: MethodContext;
  },
): Promise<Omit<OpenSearch, 'rank'>> {
  const { options, parts, rows } = context;
  const shared = { parts: rows, vectors, dimensions: space.dimensions, count, signal: options.signal };
  if (kind === 'exact') {
    return { candidates: exactCandidates({ ...shared, search: parts.search }), close: () => Promise.resolve() };
  }
  const index = await openHnswIndex({
    ...shared,
    config: parts.config,
    store: options.store,
    spaceName: space.name,
    onProgress: options.onProgress,
  });
  return {
    candidates: index.candidates,
    close: () => index.close(),
    index: () => ({
      insertMsPerImage: index.insertMsPerImage,
      bytes: index.bytes,
      note:
        index.exactQueries() > 0
          ? `Postgres answered ${index.exactQueries()} queries without the index, for the gallery is small.`
          : '',
    }),
  };
}

function costOf(
  { perQueryMs, index }: RunCost,
  {
    msPerImage,
    bytesPerImage,
    galleryImages,
  }: {
    readonly msPerImage: number;
    readonly bytesPerImage: number;
    readonly galleryImages: number;
  },
): EvaluatedMethod['cost'] {
  return {
    perIndexedImageMs: msPerImage + (index?.insertMsPerImage ?? 0),
    ...(perQueryMs === undefined ? {} : { perQueryMs }),
    indexBytes: index?.bytes ?? bytesPerImage * galleryImages,
    ...(index === undefined || index.note === '' ? {} : { note: index.note }),
  };
}

function rowsOf({ rowOf }: EvaluationImages, numbers: readonly number[]): readonly number[] {
  return numbers.map((number) => rowOf.get(number)!);
}

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} × ${first?.model.trim() ?? 'unknown processor'}, Node ${process.version}, Semblance ${packageVersion}`;
}

function checkOptions({ methods, depth, candidates, measures }: EvaluateOptions): void {
  const names = methods.map(nameOfMethod);
  const files = names.map(fileNameOf);
  if (methods.length === 0) throw invalidArgument('method', 'at least one method', methods);
  const twice = names.find((_, at) => files.indexOf(files[at]!) !== at);
  if (twice !== undefined) throw invalidArgument('method', 'each method once', twice);
  if (candidates !== 'all' && candidates < depth)
    throw invalidArgument('candidates', `an integer from ${depth}, the depth, on, or all,`, candidates);
  for (const { name } of measures) {
    const cut = Number(/_(\d+)$/.exec(name)?.[1] ?? 0);
    if (cut > depth) throw invalidArgument('measures', `measures of at most ${depth} results, the depth,`, name);
  }
  for (const method of methods) {
    if (method.search === 'exact') continue;
    const count = method.reranker === undefined ? depth : candidates;
    // The query itself may be among what it finds.
    if (count === 'all' || count >= maxK)
      throw invalidArgument('candidates', `fewer than ${maxK} where pgvector's index is asked`, count);
  }
}

function requireImages({ gallery, queries, name }: Dataset): void {
  if (queries.length === 0) throw new SemblanceError('BAD_USER_INPUT', `${name} has no query that can be read`);
  const [query] = queries;
  const others = gallery.length - (gallery.length === 1 && gallery[0] === query ? 1 : 0);
  if (others < 1) throw new SemblanceError('BAD_USER_INPUT', `${name} has no image that can be found`);
}

/** Named as trec_eval names them; the first sorts the report. */
export function defaultMeasures(depth: number): readonly Measure[] {
  const ten = Math.min(10, depth);
  const names = [
    `map_cut_${depth}`,
    `map_cut_min_${depth}`,
    `P_${ten}`,
    `recall_${depth}`,
    `ndcg_cut_${depth}`,
    'recip_rank',
    'success_1',
    'map',
  ];
  return parseMeasures(names);
}
