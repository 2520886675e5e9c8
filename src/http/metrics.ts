import { readFile } from 'node:fs/promises';
import type { Request, RequestHandler } from 'express';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { SemblanceError } from '../base/errors.js';
import { healthTimeoutMs } from '../base/limits.js';
import type { Places } from '../access/places.js';
import type { WorkMeter } from '../access/work-meter.js';
import type { OperationsContext } from '../spaces/context.js';
import { jobKinds } from '../api/jobs/requests.js';
import type { Operations } from '../api/operations.js';
import type { SearchAnswer } from '../search/search-answer.js';
import { within } from '../api/status/status.js';
import { packageVersion } from '../base/paths.js';
import type { Admission } from '../access/http/admission.js';
import { isAnswered } from './answer-amid-body.js';
import { imageForms, imagePaths } from '../access/image-paths.js';
import { operationOf, pathOf } from './request-log.js';

export interface MetricsOptions {
  readonly context: Pick<OperationsContext, 'store' | 'embedder' | 'embedders' | 'decoder' | 'uploads'>;
  readonly meter: Pick<WorkMeter, 'refusals'>;
  readonly admission: Admission;
}

/** What Prometheus reads. No label's value is a stranger's: each is one of a list that the program has. */
export interface Metrics {
  readonly contentType: string;
  /** In Prometheus' text format. Never rejects for want of the database. */
  readonly render: () => Promise<string>;
  /** Times requests. */
  readonly observe: RequestHandler;
  /** The same operations, uploads and searches of which are counted. */
  readonly counting: (operations: Operations) => Operations;
}

/** In seconds; from a thumbnail to a video-sized upload on a busy machine. */
const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function openMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'semblance_info',
    help: 'Always 1; its label tells the version',
    labelNames: ['version'],
    registers,
  }).set({ version: packageVersion }, 1);
  addStateOf(options, registry);

  const requests = new Histogram({
    name: 'semblance_http_request_duration_seconds',
    help: 'HTTP requests, by the template of their path and the class of their status',
    labelNames: ['method', 'route', 'status'],
    buckets: durationBuckets,
    registers,
  });
  const operationSeconds = new Histogram({
    name: 'semblance_graphql_request_duration_seconds',
    help: 'GraphQL requests, by the field of Query or Mutation that they ask for',
    labelNames: ['field'],
    buckets: durationBuckets,
    registers,
  });
  const operationResults = new Counter({
    name: 'semblance_graphql_requests_total',
    help: 'GraphQL requests, by field and the code of their first error',
    labelNames: ['field', 'code'],
    registers,
  });
  const uploads = new Histogram({
    name: 'semblance_upload_duration_seconds',
    help: 'Uploaded images, by what came of them: created, known, or the code of an error',
    labelNames: ['result'],
    buckets: durationBuckets,
    registers,
  });
  const searches = new Counter({
    name: 'semblance_searches_total',
    help: 'Searches, by what they start from and what came of them: hnsw, exact, or the code of an error',
    labelNames: ['query', 'result'],
    registers,
  });
  const stages = new Histogram({
    name: 'semblance_search_stage_duration_seconds',
    help: 'Stages of searches: embedding the query, searching in the database, ordering anew',
    labelNames: ['stage'],
    buckets: durationBuckets,
    registers,
  });
  const countSearch = async (query: 'image' | 'upload', search: () => Promise<SearchAnswer>): Promise<SearchAnswer> => {
    try {
      const answer = await search();
      searches.inc({ query, result: answer.mode });
      stages.observe({ stage: 'database' }, answer.databaseMs / 1000);
      if (answer.embedMs > 0) stages.observe({ stage: 'embedding' }, answer.embedMs / 1000);
      if (answer.rerank !== undefined) stages.observe({ stage: 'rerank' }, answer.rerankMs / 1000);
      return answer;
    } catch (error) {
      searches.inc({ query, result: codeOf(error) });
      throw error;
    }
  };

  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    observe: (request, response, next) => {
      const startedMs = performance.now();
      response.once('close', () => {
        const seconds = (performance.now() - startedMs) / 1000;
        const status = isAnswered(response) ? `${Math.floor(response.statusCode / 100)}xx` : 'aborted';
        requests.observe({ method: methodOf(request), route: routeOf(request), status }, seconds);
        const { field, code } = operationOf(response);
        if (field === undefined && code === undefined) return;
        operationSeconds.observe({ field: field ?? 'none' }, seconds);
        operationResults.inc({ field: field ?? 'none', code: code ?? 'OK' });
      });
      next();
    },
    counting: (operations) => ({
      ...operations,
      uploadImage: async (input) => {
        const end = uploads.startTimer();
        try {
          const outcome = await operations.uploadImage(input);
          end({ result: outcome.created ? 'created' : 'known' });
          return outcome;
        } catch (error) {
          end({ result: codeOf(error) });
          throw error;
        }
      },
      similarImages: (input) => countSearch('image', () => operations.similarImages(input)),
      searchByUpload: (input) => countSearch('upload', () => operations.searchByUpload(input)),
    }),
  };
}

/** Gauges that are read when they are asked for. */
function addStateOf({ context, meter, admission }: MetricsOptions, registry: Registry): void {
  const { store, embedder, embedders, decoder, uploads } = context;
  const gauge = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (set: (labels: Readonly<Partial<Record<L, string>>>, value: number) => void) => void | Promise<void>,
  ): void => {
    const made: Gauge<L> = new Gauge<L>({
      name,
      help,
      labelNames,
      registers: [registry],
      collect: async () => {
        made.reset();
        await read((labels, value) => {
          made.set(labels as Partial<Record<L, string>>, value);
        });
      },
    });
  };
  const counter = (name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void => {
    const made = new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      // What the parts have counted since their start.
      collect: () => {
        made.reset();
        for (const [value, count] of Object.entries(read())) made.inc({ [label]: value }, count);
      },
    });
  };

  gauge('semblance_database_up', '1 where the database can be used', [], (set) => {
    set({}, store.state.kind === 'ready' ? 1 : 0);
  });
  gauge('semblance_model_up', '1 where the model that the server was started for embeds', [], (set) => {
    set({}, embedder.state.kind === 'ready' ? 1 : 0);
  });
  gauge('semblance_database_connections', 'Connections of the pool: idle, or in use', ['state'], (set) => {
    const { total, idle } = store.connections;
    set({ state: 'idle' }, idle);
    set({ state: 'used' }, total - idle);
  });
  gauge('semblance_database_waiting', 'Statements that wait for a connection of the pool', [], (set) => {
    set({}, store.connections.waiting);
  });
  gauge('semblance_queue_waiting', 'Images that wait, a person’s query before bulk', ['queue', 'priority'], (set) => {
    for (const priority of ['query', 'bulk'] as const) {
      set({ queue: 'decoding', priority }, decoder.waiting[priority]);
      const models = [embedder, ...embedders.opened];
      set({ queue: 'embedding', priority }, sum(models.map(({ load }) => load.waiting[priority])));
    }
  });
  gauge('semblance_uploads_in_work_bytes', 'Files that arrived and are in work, in memory', [], (set) => {
    set({}, uploads.heldBytes);
  });
  gauge('semblance_images_in_work_bytes', 'Images that clients have not read to their end, in memory', [], (set) => {
    set({}, admission.images.heldBytes);
  });
  gauge(
    'semblance_answers_in_work_bytes',
    'GraphQL answers that clients have not read to their end, in memory',
    [],
    (set) => {
      set({}, admission.answers.heldBytes);
    },
  );
  gauge('semblance_decoder_processes', 'Processes that decode images', ['state'], (set) => {
    const busy = decoder.processes.filter(({ isDecoding }) => isDecoding).length;
    set({ state: 'decoding' }, busy);
    set({ state: 'idle' }, decoder.processes.length - busy);
  });
  gauge('semblance_decoder_resident_memory_bytes', 'Resident memory of the processes that decode', [], async (set) => {
    set({}, sum(await Promise.all(decoder.processes.map(({ pid }) => residentBytes(pid)))));
  });
  gauge('semblance_jobs', 'Jobs in the database, of all servers', ['kind', 'state'], async (set) => {
    // A scrape that fails for want of the database would hide why.
    for (const { kind, state, count } of await within(healthTimeoutMs, store.countJobs()).catch(() => [])) {
      set({ kind: (jobKinds as readonly string[]).includes(kind) ? kind : 'other', state }, count);
    }
  });
  gauge('semblance_replica_up', '1 where a read replica is used, by its place in the list', ['replica'], (set) => {
    store.replicas.forEach(({ up }, index) => {
      set({ replica: String(index + 1) }, up ? 1 : 0);
    });
  });
  counter('semblance_replica_reads_total', 'Reads, by who answered them where there are replicas', 'by', () =>
    store.replicas.length === 0 ? {} : store.replicaReads,
  );
  counter(
    'semblance_work_refusals_total',
    'Requests beyond the bound of a caller’s work',
    'work',
    () => meter.refusals,
  );
  gauge('semblance_requests_in_work', 'Requests to /graphql that were let in', ['kind'], (set) => {
    for (const [kind, { taken }] of placesOf(admission)) set({ kind }, taken);
  });
  counter(
    'semblance_admission_refusals_total',
    'Requests to /graphql that were not let in, by why: all places taken, or the caller’s share of them',
    'reason',
    () =>
      Object.fromEntries(
        placesOf(admission).flatMap(([kind, { refusals }]) => [
          [`${kind}_full`, refusals.full],
          [`${kind}_share`, refusals.share],
        ]),
      ),
  );
  counter('semblance_embeddings_total', 'Images that the models embedded', 'model', () => ({
    serving: embedder.load.embedded,
    other: sum(embedders.opened.map(({ load }) => load.embedded)),
  }));
  counter('semblance_model_run_seconds_total', 'Time that the models ran', 'model', () => ({
    serving: embedder.load.runSeconds,
    other: sum(embedders.opened.map(({ load }) => load.runSeconds)),
  }));
}

function placesOf({ uploads, operations }: Admission): readonly (readonly [kind: string, Places])[] {
  return Object.entries({ uploads, operations });
}

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'OPTIONS']);

function methodOf({ method }: Request): string {
  return methods.has(method) ? method : 'other';
}

const templates = imagePaths(':id');
const routes: ReadonlySet<string> = new Set([
  '/graphql',
  '/livez',
  '/readyz',
  '/metrics',
  ...imageForms.map((form) => templates[form]),
]);

/** The template that the request matched; for one that was refused before, the beginning of its path where we serve something. */
function routeOf(request: Request): string {
  const { route } = request as { readonly route?: { readonly path: unknown } };
  if (typeof route?.path === 'string' && routes.has(route.path)) return route.path;
  if (route !== undefined) return 'page';
  const first = /^\/(graphql|images)(?=\/|$)/i.exec(pathOf(request))?.[1]?.toLowerCase();
  return first === undefined ? 'other' : `/${first}`;
}

function codeOf(error: unknown): string {
  return error instanceof SemblanceError ? error.code : 'INTERNAL_SERVER_ERROR';
}

/** 0 where the system does not tell. */
async function residentBytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
