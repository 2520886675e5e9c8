import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildApp, type App } from '../../../src/app.js';
import { loadConfig } from '../../../src/base/config.js';
import { openAdmission } from '../../../src/access/http/admission.js';
import { openMetrics, type Metrics } from '../../../src/http/metrics.js';
import { maxUploadRequestsOfOne } from '../../../src/base/limits.js';
import { WorkMeter } from '../../../src/access/work-meter.js';
import { answerOf, codeOf, dataOf, type Headers } from '../../support/client.js';
import { buildMemoryApp, openHttpDoor, type HttpDoor } from '../../support/http-app.js';
import { makeJpeg } from '../../support/make-image.js';
import { freePort } from '../../support/server.js';

const bearer = (credential: string): Headers => ({ authorization: `Bearer ${credential}` });

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
function parse(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const parts = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (parts === null) return [];
    const [, name = '', labels = '', value = ''] = parts;
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text] as const);
    return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }];
  });
}

let app: App;
let metrics: Metrics;
let door: HttpDoor;

async function scrape(): Promise<readonly Sample[]> {
  const { status, headers, body } = await door.client.get('/metrics');
  expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  return parse(body.toString());
}

/** The one sample of that name that has these labels. */
function valueOf(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number {
  const found = samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
  );
  expect(found, `${name} ${JSON.stringify(labels)}`).toHaveLength(1);
  return found[0]?.value ?? NaN;
}

beforeAll(async () => {
  app = await buildMemoryApp();
});

afterAll(() => app.close());

beforeEach(async () => {
  const admission = openAdmission({ anonymousAccess: 'none' });
  metrics = openMetrics({ context: app.context, meter: new WorkMeter(noBounds), admission });
  door = await openHttpDoor(metrics.counting(app.operations), {}, undefined, { metrics, admission });
  return () => door.close();
});

describe('/metrics', () => {
  test('tells requests, uploads, embeddings, stages of searches, the pool, queues, decoders and Node itself', async () => {
    const before = await scrape();
    const bytes = await makeJpeg(11);
    const { image } = await door.client.upload(bytes);
    expect((await door.client.upload(bytes)).created).toBe(false);
    expect(codeOf(await door.client.uploadAnswer(Buffer.from('no image')))).toBe('UNSUPPORTED_MEDIA_TYPE');
    await door.client.search(bytes);
    dataOf(
      await door.client.graphql(`query Anything { similarImages(imageId: "${image.id}", rerank: SSIM) { rank } }`),
    );
    expect((await door.client.get(image.thumbnailUrl)).status).toBe(200);
    const after = await scrape();

    const http = 'semblance_http_request_duration_seconds_count';
    expect(valueOf(after, http, { route: '/graphql', method: 'POST', status: '2xx' })).toBe(5);
    expect(valueOf(after, http, { route: '/images/:id/thumbnail', status: '2xx' })).toBe(1);
    expect(valueOf(after, http, { route: '/metrics' })).toBe(1);
    const upload = 'semblance_upload_duration_seconds_count';
    for (const result of ['created', 'known', 'UNSUPPORTED_MEDIA_TYPE']) {
      expect(valueOf(after, upload, { result })).toBe(1);
    }
    const graphql = 'semblance_graphql_requests_total';
    expect(valueOf(after, graphql, { field: 'uploadImage', code: 'OK' })).toBe(2);
    expect(valueOf(after, graphql, { field: 'uploadImage', code: 'UNSUPPORTED_MEDIA_TYPE' })).toBe(1);
    expect(valueOf(after, graphql, { field: 'similarImages', code: 'OK' })).toBe(1);
    const stage = 'semblance_search_stage_duration_seconds_count';
    expect(valueOf(after, stage, { stage: 'embedding' })).toBe(1);
    expect(valueOf(after, stage, { stage: 'database' })).toBe(2);
    expect(valueOf(after, stage, { stage: 'rerank' })).toBe(1);
    expect(valueOf(after, 'semblance_searches_total', { query: 'upload', result: 'exact' })).toBe(1);
    const embedded = 'semblance_embeddings_total';
    expect(valueOf(after, embedded, { model: 'serving' }) - valueOf(before, embedded, { model: 'serving' })).toBe(2);
    expect(valueOf(after, 'semblance_model_run_seconds_total', { model: 'serving' })).toBeGreaterThan(0);
    expect(valueOf(after, 'semblance_database_up')).toBe(1);
    expect(valueOf(after, 'semblance_model_up')).toBe(1);
    expect(valueOf(after, 'semblance_database_connections', { state: 'idle' })).toBeGreaterThan(0);
    expect(valueOf(after, 'semblance_database_waiting')).toBe(0);
    for (const queue of ['decoding', 'embedding']) {
      for (const priority of ['query', 'bulk']) {
        expect(valueOf(after, 'semblance_queue_waiting', { queue, priority })).toBe(0);
      }
    }
    for (const held of ['uploads', 'images', 'answers']) {
      expect(valueOf(after, `semblance_${held}_in_work_bytes`)).toBe(0);
    }
    expect(valueOf(after, 'semblance_decoder_processes', { state: 'idle' })).toBeGreaterThan(0);
    expect(valueOf(after, 'semblance_decoder_resident_memory_bytes')).toBeGreaterThan(10_000_000);
    expect(valueOf(after, 'process_resident_memory_bytes')).toBeGreaterThan(0);
    expect(after.some(({ name }) => name === 'nodejs_eventloop_lag_seconds')).toBe(true);
  });

  test('takes no label from a client: subscriptions are refused and count as none', async () => {
    const ask = async (query: string) => {
      const answer = await door.client.ask(
        'POST',
        '/graphql',
        { 'content-type': 'application/json' },
        JSON.stringify({ query }),
      );
      return [answer.status, codeOf(answerOf(answer))];
    };
    await ask('subscription { chosen_0 }');
    const before = await scrape();
    for (const query of [
      'subscription { chosen_1 }',
      'subscription { chosen_2 __typename constructor }',
      'subscription { ...f } fragment f on Query { status { version } }',
    ]) {
      expect([query, ...(await ask(query))]).toEqual([query, 400, 'BAD_REQUEST']);
    }
    const after = await scrape();
    expect(after.filter(({ name }) => name.startsWith('semblance_graphql'))).toHaveLength(
      before.filter(({ name }) => name.startsWith('semblance_graphql')).length,
    );
    expect(JSON.stringify(after)).not.toMatch(/chosen|constructor/);
    expect(valueOf(after, 'semblance_graphql_requests_total', { field: 'none', code: 'BAD_REQUEST' })).toBe(4);
  });

  test('tells jobs by kind and state, one of a newer server as other', async () => {
    const id = '00000000-0000-4000-8000-000000000001';
    await app.store.createJob({ id, kind: 'backfill_space', input: {} });
    await app.store.createJob({ id: id.replace(/1$/, '2'), kind: 'of a newer "server"\n', input: {} });
    const samples = await scrape();
    expect(valueOf(samples, 'semblance_jobs', { kind: 'backfill_space', state: 'queued' })).toBe(1);
    expect(valueOf(samples, 'semblance_jobs', { kind: 'other', state: 'queued' })).toBe(1);
    await app.store.cancelJob(id);
    expect(valueOf(await scrape(), 'semblance_jobs', { kind: 'backfill_space', state: 'cancelled' })).toBe(1);
  });

  test('counts refusals of too much work', async () => {
    const meter = new WorkMeter({ embeddingsPerMinute: 1, bytesPerMinute: 0 });
    const caller = { kind: 'anonymous', id: 'x', scope: 'write' } as const;
    await meter.chargeImages(caller, 1);
    await expect(meter.chargeImages(caller, 1)).rejects.toThrow('You may have 1 images');
    const text = await openMetrics({
      context: app.context,
      meter,
      admission: openAdmission({ anonymousAccess: 'none' }),
    }).render();
    expect(text).toContain('semblance_work_refusals_total{work="images"} 1');
    expect(text).toContain('semblance_work_refusals_total{work="bytes"} 0');
  });

  test('counts whom it did not let in, and who is in work', async () => {
    const admission = openAdmission({ anonymousAccess: 'none' });
    const { taken, refusals } = admission.uploads;
    expect([taken, refusals]).toEqual([0, { full: 0, share: 0 }]);
    for (let place = 0; place < maxUploadRequestsOfOne; place++) admission.uploads.take('one');
    expect(() => admission.uploads.take('one')).toThrow('You may have');
    const samples = parse(
      await openMetrics({ context: app.context, meter: new WorkMeter(noBounds), admission }).render(),
    );
    expect(valueOf(samples, 'semblance_requests_in_work', { kind: 'uploads' })).toBe(maxUploadRequestsOfOne);
    expect(valueOf(samples, 'semblance_requests_in_work', { kind: 'operations' })).toBe(0);
    expect(valueOf(samples, 'semblance_admission_refusals_total', { reason: 'uploads_share' })).toBe(1);
    expect(valueOf(samples, 'semblance_admission_refusals_total', { reason: 'uploads_full' })).toBe(0);
  });

  test('is told where the database is away', async () => {
    const away = await buildApp(
      loadConfig({ DATABASE_URL: `postgres://nobody@127.0.0.1:${await freePort()}/nothing` }),
    );
    const options = {
      context: away.context,
      meter: new WorkMeter(noBounds),
      admission: openAdmission({ anonymousAccess: 'none' }),
    };
    const samples = parse(await openMetrics(options).render());
    expect(valueOf(samples, 'semblance_database_up')).toBe(0);
    expect(samples.some(({ name }) => name === 'semblance_jobs')).toBe(false);
    await away.close();
  });
});

const noBounds = { embeddingsPerMinute: 0, bytesPerMinute: 0 };

describe('labels', () => {
  test('are of a list that strangers do not add to', async () => {
    const client = door.client;
    const before = seriesOf(await scrape());
    const hostile = (round: number) => `${randomBytes(8).toString('hex')}${round}"\n{}`;
    for (let round = 0; round < 20; round++) {
      const text = hostile(round);
      const encoded = encodeURIComponent(text);
      for (const path of [
        `/${encoded}`,
        `/graphql/${encoded}`,
        `/GraphQL?query=${encoded}`,
        `/images/${encoded}/thumbnail`,
        `/images/${encoded}`,
        `/search/${encoded}`,
        `/image/${encoded}`,
        `/assets/${encoded}`,
        `/${encoded}/metrics`,
        '/%ff',
      ]) {
        await client.get(path);
      }
      await client.ask('PROPFIND', `/${encoded}`);
      await client.graphql(`query a${text.slice(0, 8)}${round} { status { imageCount } }`);
      await client.graphql(`{ b${text.slice(0, 8)}${round}: status { imageCount } nonsense${round} }`);
      await client.graphql(`{ status { imageCount } methods { spaces { name } } c${round}: __typename }`);
      await client.graphql(`query ($s: String) { similarImages(imageId: "${round}", space: $s) { rank } }`, {
        s: text,
      });
      await client.graphql(text);
    }
    const after = await scrape();
    const counts = [...seriesOf(after)].filter((one) => !before.has(one)).length;
    // Once more the same with other names: nothing new.
    const again = hostile(99);
    await client.get(`/${encodeURIComponent(again)}`);
    await client.graphql(`query d${again.slice(0, 8)} { status { imageCount } }`);
    await client.graphql(`{ similarImages(imageId: "99", space: ${JSON.stringify(again)}) { rank } }`);
    const last = seriesOf(await scrape());
    expect([...last].filter((one) => !seriesOf(after).has(one))).toEqual([]);
    expect(counts).toBeLessThan(400);

    const values = (label: string) =>
      [...new Set(after.flatMap(({ labels }) => (label in labels ? [labels[label] ?? ''] : [])))].sort();
    expect(values('route')).toEqual(['/graphql', '/images', '/images/:id/thumbnail', '/metrics', 'other', 'page']);
    expect(values('method')).toEqual(['GET', 'POST', 'other']);
    expect(values('status')).toEqual(['2xx', '4xx']);
    expect(values('field')).toEqual(['none', 'several', 'similarImages', 'status']);
    expect(values('code').every((code) => /^[A-Z_]+$/.test(code))).toBe(true);
  });
});

function seriesOf(samples: readonly Sample[]): ReadonlySet<string> {
  return new Set(samples.map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`));
}

describe('who may read them', () => {
  const token = 'a-token-of-thirty-two-characters';

  test('anybody on loopback; beyond it, whoever has the token or the scope admin', async () => {
    expect((await door.client.get('/metrics')).status).toBe(200);
    const keyOf = async (scope: 'write' | 'admin') => (await app.operations.createApiKey({ name: scope, scope })).key;
    const guarded = await openHttpDoor(app.operations, { anonymousAccess: 'read', metricsToken: token }, undefined, {
      metrics,
    });
    const status = async (headers: Headers = {}) => (await guarded.client.get('/metrics', { headers })).status;
    expect(await status()).toBe(401);
    expect(await status(bearer(`${token.slice(1)}x`))).toBe(401);
    expect(await status(bearer(await keyOf('write')))).toBe(403);
    expect(await status(bearer(await keyOf('admin')))).toBe(200);
    expect(await status(bearer(token))).toBe(200);
    // The token opens nothing else.
    const query = '{ status { imageCount } }';
    expect(codeOf(await guarded.client.graphql(query, {}, bearer(token)))).toBe('UNAUTHENTICATED');
    await guarded.close();
  });

  test('nobody by an empty or missing token where none is set', async () => {
    const guarded = await openHttpDoor(app.operations, { anonymousAccess: 'none' }, undefined, { metrics });
    for (const authorization of ['Bearer undefined', 'Bearer ', 'Bearer']) {
      expect((await guarded.client.get('/metrics', { headers: { authorization } })).status).toBe(401);
    }
    await guarded.close();
  });
});
