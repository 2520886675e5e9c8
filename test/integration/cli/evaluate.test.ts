import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocument, type EvaluationDocument } from '../../../src/evaluate/results/document.js';
import { evaluateRun } from '../../../src/evaluate/results/evaluate-run.js';
import { parseMeasures } from '../../../src/math/measures/measure.js';
import { readQrels } from '../../../src/evaluate/trec/qrels-file.js';
import { readRun } from '../../../src/evaluate/trec/run-file.js';
import { testDatabaseUrl } from '../../support/database.js';
import { makeJpeg } from '../../support/make-image.js';
import { createServerDatabase } from '../../support/server-database.js';
import {
  cleanUp,
  embeddedStores,
  makeFolder,
  runProgram,
  serverStores,
  startProgram,
  type ProgramRun,
} from '../../support/server.js';

const classes = ['ant', 'bee', 'crab', 'duck'];
const imagesPerClass = 6;

/** pictures/train: 6 images of each of 4 classes, pictures/test: 2 of each; one file in train is broken. */
async function makePictures(folder: string): Promise<string> {
  const pictures = join(folder, 'pictures');
  for (const [at, name] of classes.entries()) {
    for (const [part, count] of [
      ['train', imagesPerClass],
      ['test', 2],
    ] as const) {
      await mkdir(join(pictures, part, name), { recursive: true });
      for (let i = 0; i < count; i++) {
        const seed = 1000 * at + (part === 'train' ? i : 100 + i);
        await writeFile(join(pictures, part, name, `${i} x.jpg`), await makeJpeg(seed));
      }
    }
  }
  const bytes = await makeJpeg(1);
  await writeFile(join(pictures, 'train', 'ant', 'broken.jpg'), bytes.subarray(0, bytes.length / 2));
  return pictures;
}

async function readDocument(out: string): Promise<EvaluationDocument> {
  return parseDocument(await readFile(join(out, 'evaluation.json'), 'utf8'));
}

async function readRuns(out: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(join(out, 'runs'));
  const runs = new Map<string, string>();
  for (const name of names.sort()) runs.set(name, await readFile(join(out, 'runs', name), 'utf8'));
  return runs;
}

/** Waits until a file is there, or the program has ended. */
async function appeared(run: ProgramRun, path: string): Promise<void> {
  while (run.running && !existsSync(path)) await setTimeout(5);
}

describe.each(embeddedStores)('semblance evaluate', () => {
  let folder: string;
  let pictures: string;
  const semblance = (...args: string[]) => runProgram(['evaluate', ...args], { folder });

  beforeAll(async () => {
    folder = await makeFolder();
    pictures = await makePictures(folder);
  });
  afterAll(cleanUp);

  it('writes runs, qrels, measures and a report that belong together', async () => {
    const out = join(folder, 'whole');
    const methods = ['vit', 'color', 'hog+bovw-20', 'vit/ssim-over-euclidean', 'vit/pixel-ssim', 'vit/learned-labels'];
    const about = join(folder, 'about.json');
    const reference = { name: 'somebody', source: 'a paper', measures: { map_cut_5: 0.01 } };
    await writeFile(about, JSON.stringify({ title: 'Which is best?', notes: ['All made.'], references: [reference] }));
    const run = await semblance(
      pictures,
      ...methods.flatMap((method) => ['--method', method]),
      ...['--depth', '5', '--candidates', 'all', '--out', out, '--about', about],
      ...['--measures', 'map_cut_5,map_cut_min_5,P_5,recall_5,ndcg_cut_5,recip_rank,success_1'],
    );
    expect(run.output).toContain(`Report: ${join(out, 'report.html')}`);
    expect(run.output).toContain('train/ant/broken.jpg: The image/jpeg image is broken or cut off');
    expect(run.code).toBe(0);

    const document = await readDocument(out);
    expect(document).toMatchObject({ title: 'Which is best?', references: [reference], baseline: 'vit' });
    expect(document.dataset).toMatchObject({ galleryImages: 24, queries: 8, classes: 4, queriesWithoutRelevant: 0 });
    expect(document.dataset.leftOut).toEqual([
      { file: 'train/ant/broken.jpg', reason: 'The image/jpeg image is broken or cut off' },
    ]);
    expect(document.methods.map(({ name }) => name)).toEqual(methods);

    // What the JSON says is what the files hold, by the code that is held against trec_eval.
    const qrels = await readQrels(createReadStream(join(out, 'qrels.txt')));
    expect(qrels.topicCount).toBe(8);
    const measures = parseMeasures(document.measures.map(({ name }) => name));
    for (const method of document.methods) {
      const file = join(out, 'runs', `${method.name.replace('/', '--')}.run`);
      const topics = await readRun(createReadStream(file));
      expect([...topics.values()].map(({ documentIds }) => documentIds.length)).toEqual(Array<number>(8).fill(5));
      const { means } = await evaluateRun(topics.values(), { qrels, measures });
      for (const { name } of measures) expect(method.measures[name]?.mean).toBeCloseTo(means[name] ?? NaN, 12);
      expect(method.cost.perIndexedImageMs).toBeGreaterThan(0);
      expect(method.cost.perQueryMs?.median).toBeGreaterThan(0);
    }
    const bytes = new Map(document.methods.map(({ name, cost }) => [name, cost.indexBytes]));
    expect(bytes.get('color')).toBe(24 * 512 * 4);
    expect(bytes.get('vit/pixel-ssim')).toBe(24 * (768 * 4 + 64 * 64));
    const html = await readFile(join(out, 'report.html'), 'utf8');
    expect(html).toContain('<h1>Which is best?</h1>');
    expect(html).toContain('data:image/webp;base64,');
    expect(html).not.toMatch(/<script|src="http/);
  });

  it('goes on after Ctrl-C and after a kill, to the same bytes', async () => {
    const args = (out: string): readonly string[] => [
      'evaluate',
      join(pictures, 'train'),
      ...['vit', 'color', 'vit/pixel-ssim', 'vit/query-expansion', 'grey', 'hog', 'bovw-20'].flatMap((method) => [
        '--method',
        method,
      ]),
      ...['--candidates', 'all', '--depth', '23', '--out', out],
    ];
    const [whole, cut] = [join(folder, 'uncut'), join(folder, 'cut')];
    expect((await runProgram(args(whole), { folder })).code).toBe(0);

    const killed = await startProgram(args(cut), { folder });
    await appeared(killed, join(cut, 'work'));
    killed.signal('SIGKILL');
    expect((await killed.exited).signal).toBe('SIGKILL');
    const interrupted = await startProgram(args(cut), { folder });
    await appeared(interrupted, join(cut, 'runs', 'vit.run'));
    interrupted.signal('SIGINT');
    expect((await interrupted.exited).code).toBe(130);
    expect(interrupted.output).toContain('Interrupted: the same command goes on there.');
    expect(existsSync(join(cut, 'evaluation.json'))).toBe(false);

    expect((await runProgram(args(cut), { folder })).code).toBe(0);
    expect(await readRuns(cut)).toEqual(await readRuns(whole));
    expect(await readFile(join(cut, 'qrels.txt'))).toEqual(await readFile(join(whole, 'qrels.txt')));
    const [a, b] = [await readDocument(cut), await readDocument(whole)];
    expect(a.methods.map(({ measures }) => measures)).toEqual(b.methods.map(({ measures }) => measures));
  });

  it('asks pgvector in memory beside the exact search', async () => {
    const out = join(folder, 'hnsw');
    const run = await semblance(pictures, '--method', 'vit', '--hnsw', 'vit', '--depth', '10', '--out', out);
    expect(run.code).toBe(0);
    const runs = await readRuns(out);
    const documents = (name: string) =>
      runs
        .get(name)
        ?.split('\n')
        .map((line) => line.split(' ').slice(0, 4).join(' '));
    // So few vectors are compared one by one in Postgres too.
    expect(documents('vit~hnsw.run')).toEqual(documents('vit.run'));
    const { methods } = await readDocument(out);
    expect(methods.map(({ name }) => name)).toEqual(['vit', 'vit~hnsw']);
    expect(methods[1]?.cost.indexBytes).toBeGreaterThan(24 * 768 * 4);
    expect(methods[1]?.cost.note).toContain('Postgres answered 8 queries without the index');
    expect(methods[1]?.differences?.['map']).toEqual({ mean: 0, low: 0, high: 0 });
  });

  it('trains learned similarities on other classes than it judges, and says so', async () => {
    const out = join(folder, 'split');
    const args = [join(pictures, 'train'), '--method', 'vit', '--method', 'vit/learned-heuristic', '--depth', '5'];
    const refused = await semblance(...args, '--out', out);
    expect(refused.code).toBe(1);
    expect(refused.output).toContain('split the classes (--split-classes)');
    const run = await semblance(...args, '--out', out, '--split-classes');
    expect(run.code).toBe(0);
    const { dataset, methods } = await readDocument(out);
    expect(dataset.protocol).toContain('Learned similarities are trained on 2 of 4 classes');
    expect(dataset.classes).toBe(2);
    expect(methods[1]?.description).toContain('images of 2 classes.');
  });

  it('counts the only image of a class, and leaves an empty class out', async () => {
    const few = join(folder, 'few');
    await mkdir(join(few, 'empty'), { recursive: true });
    for (const [name, seed] of [
      ['alone', 1],
      ['pair', 2],
      ['pair', 3],
    ] as const) {
      await mkdir(join(few, name), { recursive: true });
      await writeFile(join(few, name, `${seed}.jpg`), await makeJpeg(seed));
    }
    const out = join(folder, 'few-out');
    const run = await semblance(few, '--method', 'color', '--out', out);
    expect(run.stdout).toContain('1 queries have no relevant image and are in no mean.');
    const { dataset, methods } = await readDocument(out);
    expect(dataset.queriesWithoutRelevant).toBe(1);
    expect(dataset.leftOut).toEqual([{ file: 'empty/', reason: 'The class folder holds no image' }]);
    // 100 results were asked for, and there are two.
    expect(methods[0]?.topics).toEqual({ evaluated: 2, missing: 0, unjudged: 1 });
    expect(methods[0]?.measures['recall_100']?.mean).toBe(1);
  });

  it('judges by a qrels file', async () => {
    const out = join(folder, 'judged');
    const qrels = join(folder, 'qrels.txt');
    await writeFile(qrels, 'ant/0%20x.jpg 0 bee/1%20x.jpg 2\nant/0%20x.jpg 0 crab/2%20x.jpg 1\n');
    const run = await semblance(join(pictures, 'train'), '--qrels', qrels, '--method', 'grey', '--out', out);
    expect(run.code).toBe(0);
    const { dataset, methods } = await readDocument(out);
    expect(dataset).toMatchObject({ galleryImages: 24, queries: 1 });
    expect(dataset.classes).toBeUndefined();
    expect(methods[0]?.measures['recall_100']?.mean).toBe(1);
    expect((await readQrels(createReadStream(join(out, 'qrels.txt')))).topic('ant/0%20x.jpg')?.levelCounts).toEqual([
      0, 1, 1,
    ]);
  });

  it.each([
    { args: [], message: 'Give a data set, or both --gallery and --queries' },
    { args: ['nowhere'], message: 'The folder nowhere cannot be listed' },
    { args: ['PICTURES', '--method', 'vgg'], message: 'for method but received "vgg"' },
    { args: ['PICTURES', '--method', 'vit', '--method', 'vit'], message: 'Expected each method once for method' },
    { args: ['PICTURES', '--measures', 'map_cut_200'], message: 'Expected measures of at most 100 results' },
    { args: ['PICTURES', '--measures', 'accuracy'], message: 'for measure but received "accuracy"' },
    { args: ['PICTURES', '--candidates', '20'], message: 'Expected an integer from 100, the depth, on' },
    { args: ['PICTURES', '--method', 'vit.pca-64'], message: 'images' },
    {
      args: ['PICTURES', '--hnsw', 'vit', '--depth', '1000'],
      message: "fewer than 1000 where pgvector's index is asked",
    },
    { args: ['PICTURES', '--hnsw', 'vit', '--store', 'server'], message: 'A store on a server needs DATABASE_URL' },
    { args: ['PICTURES', '--about', 'none.json'], message: 'none.json cannot be read' },
    { args: ['PICTURES', '--method', '@no-such-model'], message: 'no-such-model' },
  ])('refuses $args', async ({ args, message }) => {
    const given = args.map((arg) => (arg === 'PICTURES' ? pictures : arg));
    const run = await semblance(...given, '--out', join(folder, 'refused'));
    expect(run.output).toContain(message);
    expect(run.output).not.toMatch(/\n\s+at /);
    expect(run.code).toBe(1);
  });

  it.each([
    ['a folder in which none can be made', '/proc/semblance'],
    ['a file', 'PICTURES/train/ant/0 x.jpg'],
  ])('refuses to write into %s', async (_, out) => {
    const path = out.replace('PICTURES', pictures);
    const run = await semblance(pictures, '--method', 'grey', '--out', path);
    expect(run.output).toContain(`--out ${path} cannot be written: `);
    expect(run.code).toBe(1);
  });
});

describe.each(serverStores)('semblance evaluate on the $name store', (store) => {
  afterAll(cleanUp);

  it("indexes in a schema of its own that is gone at the end, and leaves the user's as it was", async () => {
    expect(testDatabaseUrl).toBeDefined();
    const database = await createServerDatabase();
    try {
      const env = { ...store.environment(), DATABASE_URL: database.url };
      const folder = await makeFolder();
      const pictures = await makePictures(folder);
      const imported = await runProgram(['import', join(pictures, 'test')], { folder, env });
      expect(imported.code).toBe(0);
      const everything = async (): Promise<unknown> => {
        const { rows } = await database.query(
          `SELECT n.nspname, c.relname, c.relkind, c.oid, pg_relation_filenode(c.oid) AS node,
                  CASE WHEN c.relkind = 'r' THEN query_to_xml(format('SELECT * FROM %I.%I t ORDER BY t::text', n.nspname, c.relname), true, true, '')::text END AS content
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1, 2, 4`,
        );
        return rows;
      };
      const before = await everything();
      expect(JSON.stringify(before)).toContain('1 x.jpg');
      const out = join(folder, 'out');
      const args = ['evaluate', pictures, '--hnsw', 'color', '--store', 'server', '--depth', '10', '--out', out];
      const run = await runProgram(args, { folder, env });
      expect(run.code).toBe(0);
      expect((await readDocument(out)).methods[0]?.name).toBe('color~hnsw');
      expect(await everything()).toEqual(before);
    } finally {
      await database.close();
    }
  });
});
