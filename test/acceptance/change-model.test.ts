import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultModel } from '../../src/models/manifest.js';
import { dataOf, type TestClient } from '../support/client.js';
import { preprocessorConfig, TestHub } from '../support/hub.js';
import { makeJpeg } from '../support/make-image.js';
import {
  cleanUp,
  makeFolder,
  program,
  runProgram,
  embeddedStores,
  serverStores,
  startServer,
  testStores,
  waitFor,
  type FinishedRun,
  type TestServer,
} from '../support/server.js';
import { smallModel } from '../support/small-model.js';

/** The tests' own hub has a tiny network under this name of the catalogue: another file, which is accepted. */
const model = 'dinov2-small-int8';
const space = 'dinov2';
const before = smallModel;
/** Once another model than the first is active, none is named. */
const switched = { SEMBLANCE_MODEL: '' };
const stored = 12;
const k = 5;
let hub: TestHub;

beforeEach(async () => {
  const bytes = await readFile(join(import.meta.dirname, '../fixtures/hub/dinov2-small.onnx'));
  hub = await new TestHub(
    new Map([
      ['Xenova/dinov2-small/onnx/model_quantized.onnx', { bytes }],
      ['Xenova/dinov2-small/preprocessor_config.json', preprocessorConfig('dinov2')],
    ]),
  ).listen();
});
afterEach(() => hub.close());
afterAll(cleanUp);

/** As in a shell: each step only after the one before it. */
function runSteps(
  folder: string,
  steps: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<FinishedRun> {
  const line = steps.map((step) => `"${process.execPath}" "${program}" ${step}`).join(' && ');
  const proxies = { HTTPS_PROXY: '', HTTP_PROXY: '', https_proxy: '', http_proxy: '' };
  return runProgram([line], {
    folder,
    env: { ...proxies, ...switched, HF_ENDPOINT: hub.url, HF_TOKEN: '', ...env },
    launcher: ['/bin/sh', '-c'],
  });
}

const steps = [
  `models pull ${model} --accept`,
  `spaces create ${space} --model ${model} --backfill`,
  `spaces activate ${space}`,
] as const;

interface Answer {
  readonly space: string;
  readonly hits: number;
}

async function fill(client: TestClient): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let seed = 0; seed < stored; seed++) ids.push((await client.upload(await makeJpeg(seed))).image.id);
  return ids;
}

async function countsBySpace(folder: string, env: Readonly<Record<string, string>>): Promise<Record<string, number>> {
  const listed = await runProgram(['spaces', 'list', '--json'], { folder, env: { ...switched, ...env } });
  const spaces = JSON.parse(listed.stdout) as { name: string; state: string; imageCount: number }[];
  return Object.fromEntries(spaces.map(({ name, state, imageCount }) => [`${name} ${state}`, imageCount]));
}

/**
 * Does the work beside searches and uploads, until some were answered in the space that it activates. Every search is answered in
 * full, in the one space or the other, and nothing that is uploaded meanwhile is missing in either.
 */
async function underTraffic(
  server: TestServer,
  options: {
    readonly env: Readonly<Record<string, string>>;
    readonly ids: readonly string[];
    readonly space: string;
  },
  work: () => Promise<void>,
): Promise<void> {
  const { client, folder } = server;
  const { env, ids, space } = options;
  let going = true;
  const answers: Answer[] = [];
  let uploads = 0;
  const repeat = async (once: (round: number) => Promise<void>): Promise<void> => {
    for (let round = 0; going; round++) await once(round);
  };
  const traffic = Promise.all([
    repeat(async (round) => {
      const answer = await client.similarAnswer(ids[round % ids.length] ?? '', { k });
      answers.push({
        hits: dataOf(answer).similarImages.length,
        space: answer.extensions?.semblance?.space ?? '',
      });
    }),
    repeat(async (round) => {
      const answer = await client.searchAnswer(await makeJpeg(round % stored), { k });
      answers.push({
        hits: dataOf(answer).searchByUpload.length,
        space: answer.extensions?.semblance?.space ?? '',
      });
    }),
    repeat(async (round) => {
      await client.upload(await makeJpeg(1_000 + round));
      uploads += 1;
    }),
  ]);
  // Whoever fails first ends the others; `await traffic` below says why.
  traffic.catch(() => (going = false));
  try {
    await work();
    const answeredBefore = answers.length;
    await waitFor('answers of the new space', () =>
      Promise.resolve(!going || answers.slice(answeredBefore).filter((answer) => answer.space === space).length > 5),
    );
  } finally {
    going = false;
    await traffic;
  }

  expect(new Set(answers.map(({ hits }) => hits))).toEqual(new Set([k]));
  expect(new Set(answers.map((answer) => answer.space))).toEqual(new Set([before, space]));
  expect(uploads).toBeGreaterThan(0);
  expect(await countsBySpace(folder, env)).toEqual({
    [`${space} active`]: ids.length + uploads,
    [`${before} ready`]: ids.length + uploads,
  });
  // What this model sees of a stored picture is what it stored of it.
  const [own] = await client.search(await makeJpeg(3), { k: 1 });
  expect(own).toMatchObject({ image: { id: ids[3] }, similarity: expect.closeTo(1, 3) as number });
}

describe.each(serverStores)('another model under a running server ($name)', (store) => {
  it('is pulled, filled and activated while searches and uploads go on', { timeout: 240_000 }, async () => {
    const env = store.environment();
    const server = await startServer({ env });
    const ids = await fill(server.client);
    await underTraffic(server, { env, ids, space }, async () => {
      const run = await runSteps(server.folder, steps, env);
      expect(run.output).toContain(`Installed ${model}`);
      expect({ code: run.code, output: run.output }).toMatchObject({ code: 0 });
    });
    await server.stop();
  });
});

describe.each(testStores)('a gallery of the small model after an upgrade ($name)', (store) => {
  const told = (output: string): readonly string[] =>
    [...output.matchAll(/^ {2}npm run -s semblance -- (spaces .*)$/gm)].map(([, command = '']) => command);

  it('serves as before, and switches by the commands that it tells', { timeout: 240_000 }, async () => {
    const options = { folder: await makeFolder(), env: store.environment() };
    const first = await startServer(options);
    const ids = await fill(first.client);
    await first.stop();
    expect(told(first.output)).toEqual([]);

    const unset = { ...options, env: { ...options.env, ...switched } };
    const server = await startServer(unset);
    await server.printed('Ready.');
    expect(server.output).toContain(
      `The active space "${before}" was made with ${before}, and goes on serving with it;`,
    );
    const commands = told(server.output);
    expect(commands).toEqual([
      `spaces create ${defaultModel} --model ${defaultModel} --backfill`,
      `spaces compare ${before} ${defaultModel}`,
      `spaces activate ${defaultModel}`,
    ]);
    await underTraffic(server, { env: options.env, ids, space: defaultModel }, async () => {
      const run = await runSteps(server.folder, commands, options.env);
      expect({ code: run.code, output: run.output }).toMatchObject({ code: 0 });
    });
    await server.stop();

    const last = await startServer(unset);
    await last.printed('Ready.');
    expect(last.output).toContain(`model     ${defaultModel}, 768 dimensions`);
    expect(told(last.output)).toEqual([]);
    await last.stop();
  });
});

describe.each(embeddedStores)('another model of the embedded database', () => {
  it('is pulled, filled and activated between two runs of the server', { timeout: 240_000 }, async () => {
    const folder = await makeFolder();
    const first = await startServer({ folder });
    const ids = await fill(first.client);
    await first.stop();

    const run = await runSteps(folder, steps, {});
    expect({ code: run.code, output: run.output }).toMatchObject({ code: 0 });

    const second = await startServer({ folder, env: switched });
    const answer = await second.client.searchAnswer(await makeJpeg(3), { k });
    expect(answer.extensions?.semblance?.space).toBe(space);
    expect(dataOf(answer).searchByUpload).toHaveLength(k);
    expect(dataOf(answer).searchByUpload[0]).toMatchObject({ image: { id: ids[3] } });
    await second.stop();
    expect(await countsBySpace(folder, {})).toEqual({ [`${space} active`]: stored, [`${before} ready`]: stored });
  });

  it('is not made a space where its pull failed', async () => {
    const folder = await makeFolder();
    hub.misbehaviours.hub.push({ kind: 'status', status: 404 });
    const run = await runSteps(folder, steps, {});
    expect(run.output).toContain(`${model} was not pulled`);
    expect(run.code).toBe(1);
    const listed = await runProgram(['spaces', 'list'], { folder });
    expect(listed.stdout).not.toContain(space);
  });
});
