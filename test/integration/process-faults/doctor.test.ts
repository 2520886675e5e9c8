import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diagnoseDisk } from '../../../src/cli/doctor/disk.js';
import { diagnoseFirstModel } from '../../../src/cli/doctor/models.js';
import { openDatabase } from '../../../src/database/database.js';
import type { Finding } from '../../../src/database/diagnosis/finding.js';
import { checks, fillForDoctor, findingsOf } from '../../support/doctor.js';
import { cleanUp, makeFolder, runProgram, spawnServer, startServer, waitFor } from '../../support/server.js';
import { alteredModel } from '../../support/tiny-models.js';

const writer = resolve(import.meta.dirname, '../../support/embedded-writer.mjs');

/** Holds `data`, a gallery of three images and two spaces. */
let template: string;

beforeAll(async () => {
  template = await makeFolder();
  await fillForDoctor({ SEMBLANCE_DATA_DIR: join(template, 'data') });
});
afterAll(cleanUp);

/** A data folder of its own. */
async function copyOfTemplate(): Promise<string> {
  const folder = await makeFolder();
  await cp(join(template, 'data'), join(folder, 'data'), { recursive: true });
  return join(folder, 'data');
}

async function damagedModel(): Promise<string> {
  const model = await alteredModel('nchw-float32-pooled', () => undefined);
  await damage(model);
  return model;
}

async function damage(model: string): Promise<void> {
  const weights = await readFile(join(model, 'model.onnx'));
  weights[100] = (weights[100] ?? 0) ^ 1;
  await writeFile(join(model, 'model.onnx'), weights);
}

async function change(dataDir: string, ...statements: readonly string[]): Promise<void> {
  const database = await openDatabase({
    database: { kind: 'embedded' },
    schema: 'semblance',
    dataDir,
    databaseConnections: 1,
  });
  for (const sql of statements) await database.pool.query(sql);
  await database.close();
}

describe('semblance doctor', () => {
  test('finds nothing wrong with a sound gallery, and ends with 0', async () => {
    const run = await runProgram(['doctor', '--json'], { env: { SEMBLANCE_DATA_DIR: await copyOfTemplate() } });
    const { findings } = JSON.parse(run.stdout) as { findings: readonly Finding[] };
    expect(findings.filter(({ check }) => check !== 'disk')).toEqual([]);
    expect(run.code).toBe(findings.length);
  });

  test('tells each malformed variable in a line, without its secret, and ends with 1', async () => {
    const env = { PORT: 'eighty', DATABASE_URL: 'mysql://root:hunter2@localhost/x' };
    const run = await runProgram(['doctor'], { env });
    expect(run.code).toBe(1);
    const lines = run.stdout.trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^problem {2}configuration: .*DATABASE_URL.*docs\/configuration\.md/);
    expect(lines[1]).toMatch(/^problem {2}configuration: .*PORT/);
    expect(run.output).not.toContain('hunter2');
  });

  test('advises a gallery of the small model to go over to the default one, unless it names its model', async () => {
    const SEMBLANCE_DATA_DIR = await copyOfTemplate();
    const findings = await findingsOf({ SEMBLANCE_DATA_DIR, SEMBLANCE_MODEL: '' });
    expect(findings).toEqual([
      {
        check: 'default-model',
        level: 'advice',
        message:
          'The active space "semblance-compact" was made with semblance-compact, and goes on serving with it; semblance-hybrid, which is bundled too, finds more images of the same kind.',
        remedy:
          'Run `semblance spaces create semblance-hybrid --model semblance-hybrid --backfill`, then `semblance spaces compare semblance-compact semblance-hybrid`, then `semblance spaces activate semblance-hybrid`: servers serve meanwhile. SEMBLANCE_MODEL=semblance-compact keeps semblance-compact, and says no more of this.',
      },
    ]);
    expect(await findingsOf({ SEMBLANCE_DATA_DIR })).toEqual([]);
  });

  test('asks the server that holds the folder', async () => {
    const dataDir = await copyOfTemplate();
    const server = await startServer({ env: { SEMBLANCE_DATA_DIR: dataDir } });
    const findings = await findingsOf({ SEMBLANCE_DATA_DIR: dataDir });
    expect(checks(findings)).toEqual(['advice data-folder-held']);
    expect(findings[0]?.message).toContain(server.url);
    await server.stop();
  });

  test('tells why the server that holds the folder is not ready', async () => {
    const env = { SEMBLANCE_DATA_DIR: await copyOfTemplate(), SEMBLANCE_MODEL: await damagedModel() };
    const server = await spawnServer({ env });
    await server.answers('/readyz', 503);
    await waitFor('the reason', async () => (await server.client.get('/readyz')).body.includes('weights'));
    const findings = await findingsOf(env);
    expect(checks(findings)).toEqual(['problem server', 'advice data-folder-held']);
    expect(findings[0]?.message).toMatch(/^The server is not ready: model: The weights have SHA-256/);
    await server.stop();
  });
});

describe('of the data folder it tells', () => {
  test('that it is missing, and makes none', async () => {
    const folder = await makeFolder();
    const findings = await findingsOf({ SEMBLANCE_DATA_DIR: join(folder, 'a/b') });
    expect(checks(findings)).toEqual(['advice data-folder']);
    expect(await readdir(folder)).toEqual([]);
  });

  test('that it is a file', async () => {
    const folder = await makeFolder();
    await writeFile(join(folder, 'data'), '');
    expect(checks(await findingsOf({ SEMBLANCE_DATA_DIR: join(folder, 'data') }))).toEqual(['problem data-folder']);
  });

  test('that this user may not write it', async () => {
    const folder = await makeFolder();
    const data = join(folder, 'data');
    await mkdir(data);
    await mkdir(join(folder, 'tmp'));
    await Promise.all([chmod(folder, 0o755), chmod(data, 0o555), chmod(join(folder, 'tmp'), 0o777)]);
    // Nothing is forbidden to root.
    const uid = process.getuid?.() === 0 ? 65_534 : undefined;
    const run = await runProgram(['doctor'], { folder, uid });
    expect(run.code).toBe(1);
    expect(run.stdout).toMatch(/^problem {2}data-folder: .* cannot be written/m);
  });

  test('who holds it without serving', async () => {
    const dataDir = await copyOfTemplate();
    const child = spawn(process.execPath, [writer, dataDir, 'hold'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('open');
    const findings = await findingsOf({ SEMBLANCE_DATA_DIR: dataDir });
    // It names an address where nobody listens.
    expect(checks(findings)).toEqual(['problem server', 'advice data-folder-held']);
    expect(findings[1]?.message).toContain(`process ${child.pid ?? 0}`);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    expect(await findingsOf({ SEMBLANCE_DATA_DIR: dataDir })).toEqual([]);
  });

  test('that a first start was cut off, and leaves it to the next start', async () => {
    const dataDir = await copyOfTemplate();
    await cp(join(dataDir, 'postgres'), join(dataDir, 'postgres.new-a1B2c3'), { recursive: true });
    expect(checks(await findingsOf({ SEMBLANCE_DATA_DIR: dataDir }))).toEqual(['advice leftovers']);
    expect(await readdir(dataDir)).toContain('postgres.new-a1B2c3');
    await rm(join(dataDir, 'postgres'), { recursive: true });
    expect(checks(await findingsOf({ SEMBLANCE_DATA_DIR: dataDir }))).toEqual([
      'advice leftovers',
      'advice data-folder',
    ]);
    expect(await readdir(dataDir)).toEqual(['postgres.new-a1B2c3']);
  });

  test.each([
    ['of another Postgres', 'PG_VERSION', '17\n', 'problem data-folder', /written by Postgres 17/],
    ['without a version', 'PG_VERSION', undefined, 'problem data-folder', /no whole Postgres/],
    ['copied in part', 'global/pg_control', undefined, 'problem database', /does not start/],
  ])('that it is %s, and changes nothing', async (_, file, content, expected, message) => {
    const dataDir = await copyOfTemplate();
    const path = join(dataDir, 'postgres', file);
    if (content === undefined) await rm(path);
    else await writeFile(path, content);
    const findings = await findingsOf({ SEMBLANCE_DATA_DIR: dataDir });
    expect(checks(findings)).toEqual([expected]);
    expect(findings[0]?.message).toMatch(message);
    expect(await readFile(path, 'utf8').catch(() => undefined)).toBe(content);
  });
});

describe('of the database it tells', () => {
  test('missing indexes, orphaned tables, images that are not found, jobs and models', async () => {
    const dataDir = await copyOfTemplate();
    await change(
      dataDir,
      'DROP INDEX semblance.embedding_2_hnsw',
      'CREATE TABLE semblance.region_99 ()',
      'DELETE FROM semblance.embedding WHERE space_id = 1 AND image_id = (SELECT max(id::text)::uuid FROM semblance.image)',
      `UPDATE semblance.embedding_space SET model_sha256 = repeat('0', 64) WHERE id = 1`,
      `INSERT INTO semblance.job (id, kind, state, error, finished_at)
       VALUES (gen_random_uuid(), 'load_sample', 'failed', '{"code": "CONFLICT", "message": "No luck"}', now())`,
      `INSERT INTO semblance.job (id, kind, state, lease_owner, lease_until)
       VALUES (gen_random_uuid(), 'load_sample', 'running', gen_random_uuid(), now() - interval '1 minute')`,
      `INSERT INTO semblance.job (id, kind, created_at) VALUES (gen_random_uuid(), 'load_sample', now() - interval '1 hour')`,
    );
    const findings = await findingsOf({ SEMBLANCE_DATA_DIR: dataDir });
    const lines = findings.map(({ level, check, message, remedy }) => `${level} ${check}: ${message} ${remedy}`);
    const expected = [
      /^problem index: The index embedding_2_hnsw of the space "greys" is missing: .* Run `semblance reindex`\.$/,
      /^problem partition: The table region_99 .* Run `DROP TABLE "semblance"."region_99";`/,
      /^problem embeddings: 1 images .* active space "semblance-compact".* Run `semblance spaces backfill semblance-compact`\.$/,
      /^problem jobs: .* was left by the server/,
      /^problem model: .* another one now: the space was made with SHA-256 000000000000…/,
      /^advice jobs: .* waits for a server/,
      /^advice jobs: .* failed: No luck\. /,
    ];
    for (const line of expected) expect(lines).toContainEqual(expect.stringMatching(line));
    expect(lines).toHaveLength(expected.length);
    expect(lines.every((line) => !line.includes('\n'))).toBe(true);
  });
});

test('it tells weights that are not those of the manifest, and models that are not there', async () => {
  const model = await alteredModel('nchw-float32-pooled', () => undefined);
  const dataDir = await makeFolder();
  expect(await diagnoseFirstModel({ model, dataDir })).toEqual([]);
  await damage(model);
  expect((await diagnoseFirstModel({ model, dataDir }))[0]?.message).toMatch(/weights have SHA-256/);
  expect((await diagnoseFirstModel({ model: 'none', dataDir }))[0]?.message).toMatch(/was not found/);
});

test('it tells a disk that is nearly full', async () => {
  const folder = await makeFolder();
  expect(checks(await diagnoseDisk(join(folder, 'a/b'), 'the data', { minFreeBytes: Infinity }))).toEqual([
    'problem disk',
  ]);
  expect(await diagnoseDisk(folder, 'the data', { minFreeBytes: 0 })).toEqual([]);
});

test('it tells temporary files of uploads that a killed server left, and leaves them', async () => {
  const folder = await makeFolder();
  const left = join(folder, 'tmp', `capacitor-${'0'.repeat(32)}.tmp`);
  await mkdir(join(folder, 'tmp'));
  await writeFile(left, 'half a picture');
  await utimes(left, 1, 1);
  const run = await runProgram(['doctor'], { folder });
  expect(run.stdout).toMatch(/^advice {3}leftovers: 1 temporary files of uploads/m);
  expect(await readFile(left, 'utf8')).toBe('half a picture');
});
