import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cosine } from '../../../src/models/golden.js';
import { preprocessorConfig, sha256, TestHub } from '../../support/hub.js';
import { makeJpeg } from '../../support/make-image.js';
import {
  cleanUp,
  makeFolder,
  runProgram,
  startProgram,
  startServer,
  waitFor,
  type FinishedRun,
} from '../../support/server.js';
import { decodeEmbedding, tinyModelFolder } from '../../support/tiny-models.js';

/** Tiny networks stand under these names: other files than the catalogue knows, so that a pull of them needs --accept. */
const dinov2 = { name: 'dinov2-small-int8', key: 'Xenova/dinov2-small/onnx/model_quantized.onnx' };
const clip = {
  name: 'clip-vit-base-patch32-int8',
  key: 'Xenova/clip-vit-base-patch32/onnx/vision_model_quantized.onnx',
};

const fixtures = join(import.meta.dirname, '../../fixtures/hub');
let dinov2Weights: Buffer;
let clipWeights: Buffer;
let goldens: Record<string, string>;
let hub: TestHub;
let folder: string;

beforeAll(async () => {
  dinov2Weights = await readFile(join(fixtures, 'dinov2-small.onnx'));
  clipWeights = await readFile(join(fixtures, 'clip-vision.onnx'));
  goldens = JSON.parse(await readFile(join(fixtures, 'expected.json'), 'utf8')) as Record<string, string>;
});

beforeEach(async () => {
  hub = await new TestHub(
    new Map([
      [dinov2.key, { bytes: dinov2Weights }],
      [clip.key, { bytes: clipWeights }],
      ['Xenova/dinov2-small/preprocessor_config.json', preprocessorConfig('dinov2')],
      ['Xenova/clip-vit-base-patch32/preprocessor_config.json', preprocessorConfig('clip')],
    ]),
  ).listen();
  folder = await makeFolder();
});
afterEach(() => hub.close());
afterAll(cleanUp);

const modelPath = (name: string, ...file: string[]) => join(folder, 'data', 'models', name, ...file);

function models(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<FinishedRun> {
  return runProgram(['models', ...args], { folder, env: hubEnvironment(env) });
}

/** Whatever proxies this machine has are not for loopback. */
function hubEnvironment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    HF_ENDPOINT: hub.url,
    HF_TOKEN: '',
    HTTPS_PROXY: '',
    HTTP_PROXY: '',
    https_proxy: '',
    http_proxy: '',
    ...env,
  };
}

interface InstalledManifest {
  readonly sha256: string;
  readonly golden: { readonly embedding: readonly number[]; readonly embeddingIs: string };
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T;
}

describe('models pull', () => {
  it('installs a model that verifies and serves', { timeout: 180_000 }, async () => {
    const pulled = await models(['pull', dinov2.name, '--accept']);
    expect(pulled.stdout).toBe(
      `Installed ${dinov2.name}, 13.4 kB, SHA-256 ${sha256(dinov2Weights)}. Serve it with SEMBLANCE_MODEL=${dinov2.name}.\n`,
    );
    expect(pulled.code).toBe(0);
    expect((await readdir(modelPath('.'))).sort()).toEqual([dinov2.name]);
    expect((await readdir(modelPath(dinov2.name))).sort()).toEqual(['manifest.json', 'model-lock.json', 'model.onnx']);
    expect(await readFile(modelPath(dinov2.name, 'model.onnx'))).toEqual(dinov2Weights);
    expect(await readJson(modelPath(dinov2.name, 'model-lock.json'))).toMatchObject({
      lockVersion: 1,
      model: dinov2.name,
      source: {
        kind: 'hub',
        endpoint: hub.url,
        repo: 'Xenova/dinov2-small',
        commit: 'c0ffee'.padEnd(40, '0'),
        path: 'onnx/model_quantized.onnx',
      },
      bytes: dinov2Weights.length,
      sha256: sha256(dinov2Weights),
      statedBy: ['hub'],
    });

    // Class token beside the mean of the patch tokens, as Python pools them.
    const { golden } = await readJson<InstalledManifest>(modelPath(dinov2.name, 'manifest.json'));
    expect(golden.embedding).toHaveLength(768);
    expect(cosine(golden.embedding, decodeEmbedding(goldens['dinov2-small.onnx'] ?? ''))).toBeGreaterThan(0.99999);
    expect(golden.embeddingIs).toContain('when they were installed');

    const verified = await models(['verify']);
    expect(verified.stdout).toBe(
      `semblance-compact: whole, and answers as it did.\nsemblance-hybrid: whole, and answers as it did.\n${dinov2.name}: whole, and answers as it did.\n`,
    );
    expect(verified.code).toBe(0);

    const server = await startServer({ folder, env: { SEMBLANCE_MODEL: dinov2.name } });
    const { data } = await server.client.graphql<{ status: { model: string; dimensions: number } }>(
      '{ status { model dimensions } }',
    );
    expect(data?.status).toEqual({ model: dinov2.name, dimensions: 768 });
    await server.stop();
    const picture = join(folder, 'picture.jpg');
    await writeFile(picture, await makeJpeg(1));
    // The active space decides from here on.
    const unnamed = { folder, env: { SEMBLANCE_MODEL: '' } };
    const imported = await runProgram(['import', picture], unnamed);
    expect(imported.stdout).toBe('Imported 1, already there 0, failed 0.\n');
    const search = await runProgram(['search', picture, '--json'], unnamed);
    expect(JSON.parse(search.stdout)).toMatchObject({
      results: [{ rank: 1, similarity: expect.closeTo(1, 3) as number }],
    });
  });

  it('ends with 1 and says in which facts the hub differs from the catalogue, unless that is accepted', async () => {
    const refused = await models(['pull', dinov2.name]);
    expect(refused.output).toContain(
      `${dinov2.name} was not pulled: the hub has another model than the catalogue knows: onnx/model_quantized.onnx has SHA-256 ${sha256(dinov2Weights)}, and the catalogue says 3afdc8bc63b50558d6e5770f5b799bb82455c2311183a2de43803f343a29d917; onnx/model_quantized.onnx has 13386 bytes, and the catalogue says 24451943. "semblance models pull ${dinov2.name} --accept" takes it as it is`,
    );
    expect(refused.output).not.toContain('    at ');
    expect(refused.code).toBe(1);
    const taken = await models(['pull', dinov2.name, '--accept']);
    expect(taken.output).toContain(`${dinov2.name} is taken as the hub has it: onnx/model_quantized.onnx has SHA-256`);
    expect(taken.code).toBe(0);
  });

  it('shows the terms of a model that has its own, and pulls it only where somebody agrees', async () => {
    const asked = await models(['pull', 'mobileclip-s0']);
    expect(asked.output).toContain(
      'mobileclip-s0 is under the Apple ML Research Model License (https://github.com/apple/ml-mobileclip/blob/main/LICENSE_MODELS):',
    );
    expect(asked.output).toContain('say --accept-license if you agree.');
    expect(asked.code).toBe(1);
    expect(hub.requests).toEqual([]);
    const agreed = await models(['pull', 'mobileclip-s0', '--accept-license']);
    expect(agreed.output).toContain('mobileclip-s0 is under the Apple ML Research Model License');
    expect(agreed.output).toContain('The hub has no onnx/vision_model.onnx in Xenova/mobileclip_s0');
  });

  it('finds it there the second time, and asks the hub nothing', async () => {
    await models(['pull', dinov2.name, '--accept']);
    hub.requests.length = 0;
    const again = await models(['pull', dinov2.name, '--accept']);
    expect(again.stdout).toBe(`${dinov2.name} is there already, whole.\n`);
    expect(hub.requests).toEqual([]);
  });

  it('goes on where it was killed, in the next run', async () => {
    hub.misbehaviours.cdn.push({ kind: 'stall', afterBytes: 100_000 });
    const part = join(modelPath('.downloads', clip.name), `${sha256(clipWeights)}.part`);
    const run = await startProgram(['models', 'pull', clip.name, '--accept'], { folder, env: hubEnvironment() });
    await waitFor('half of the file', async () =>
      existsSync(part) ? (await readFile(part)).length === 100_000 : false,
    );
    expect(existsSync(modelPath(clip.name))).toBe(false);
    run.signal('SIGKILL');
    await run.exited;
    const pulled = await models(['pull', clip.name, '--accept']);
    expect(pulled.output).toContain(`Installed ${clip.name}`);
    expect(hub.ranges()).toEqual([undefined, 'bytes=100000-']);
    expect(await readdir(modelPath('.'))).toEqual([clip.name]);
  });

  it('stops at Ctrl-C, keeps what came, and ends with 130', async () => {
    hub.misbehaviours.cdn.push({ kind: 'stall', afterBytes: 100_000 });
    const part = join(modelPath('.downloads', clip.name), `${sha256(clipWeights)}.part`);
    const run = await startProgram(['models', 'pull', clip.name, '--accept'], { folder, env: hubEnvironment() });
    await waitFor('half of the file', async () =>
      existsSync(part) ? (await readFile(part)).length === 100_000 : false,
    );
    run.signal('SIGINT');
    expect(await run.exited).toEqual({ code: 130, signal: null });
    expect(run.output).toContain('What was downloaded is kept');
    expect((await models(['pull', clip.name, '--accept'])).code).toBe(0);
    expect(hub.ranges().at(-1)).toBe('bytes=100000-');
  });

  it('is safe in several processes at once: one downloads, the others find it there', async () => {
    // The first to ask is held up until the others are there too.
    hub.misbehaviours.cdn.push({ kind: 'cut', afterBytes: 50_000 });
    const runs = await Promise.all(Array.from({ length: 3 }, () => models(['pull', clip.name, '--accept'])));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    const installed = runs.filter(({ stdout }) => stdout.startsWith('Installed'));
    expect(installed).toHaveLength(1);
    expect(runs.filter(({ stdout }) => stdout.includes('there already'))).toHaveLength(2);
    expect(hub.ranges()).toHaveLength(2);
    expect(await readdir(modelPath('.'))).toEqual([clip.name]);
    expect((await models(['verify', clip.name])).code).toBe(0);
  });

  it('ends with 1 and one sentence where the hub lies about the checksum, and installs nothing', async () => {
    hub.files.set(dinov2.key, { bytes: dinov2Weights, statedSha256: 'e'.repeat(64) });
    const pulled = await models(['pull', dinov2.name, '--accept']);
    expect(pulled.output).toContain(
      `${dinov2.name} was not pulled: The hub sent onnx/model_quantized.onnx with SHA-256 ${sha256(dinov2Weights)}, and ${'e'.repeat(64)} is expected: it was thrown away.`,
    );
    expect(pulled.output).not.toContain('    at ');
    expect(pulled.code).toBe(1);
    expect(await readdir(modelPath('.'))).toEqual([]);
  });

  it('sends the token of HF_TOKEN, and says that it waits where the hub wants patience', async () => {
    hub.token = 'hf_right';
    hub.misbehaviours.hub.push({ kind: 'status', status: 429, headers: { 'retry-after': '1' } });
    const pulled = await models(['pull', dinov2.name, '--accept'], { HF_TOKEN: 'hf_right' });
    expect(pulled.output).toContain('The hub has had too many requests from here; once more in 1 s.');
    expect(pulled.code).toBe(0);
  });

  it('tells the manual way in one sentence where there is no network, and that way works', async () => {
    const gone = hub.url;
    hub.misbehaviours.hub.push({ kind: 'status', status: 429, headers: { 'retry-after': '9999' } });
    const pulled = await models(['pull', dinov2.name, '--accept']);
    const url = `${gone}/Xenova/dinov2-small/resolve/560a572cedd01ab59cf1a614c2d9673397b65ef2/onnx/model_quantized.onnx`;
    expect(pulled.output).toContain(
      `Without a way to the hub, fetch ${url} where there is one and run "semblance models add <that file> --as ${dinov2.name}", which puts it with its manifest into ${modelPath(dinov2.name)}.`,
    );
    expect(pulled.code).toBe(1);
    const file = join(folder, 'model_quantized.onnx');
    await writeFile(file, Buffer.from(await (await fetch(url)).arrayBuffer()));
    expect((await models(['add', file, '--as', dinov2.name, '--accept'])).code).toBe(0);
    expect((await models(['verify', dinov2.name])).code).toBe(0);
    expect(await readJson(modelPath(dinov2.name, 'manifest.json'))).toMatchObject({
      license: 'Apache-2.0',
      preprocessing: { resize: { shortestEdge: 256 } },
      output: { name: 'last_hidden_state', pooling: 'cls+mean', dimensions: 768 },
    });
  });

  it('goes through a proxy that the environment names', async () => {
    const proxy = await startProxy();
    const pulled = await models(['pull', dinov2.name, '--accept'], { HTTP_PROXY: proxy.url });
    expect(pulled.output).toContain(`Installed ${dinov2.name}`);
    expect(proxy.hosts.has(new URL(hub.url).host)).toBe(true);
    expect(proxy.hosts.has(new URL(hub.cdnUrl).host)).toBe(true);
    const unused = proxy.hosts.size;
    await models(['pull', clip.name, '--accept'], { HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' });
    expect(proxy.hosts.size).toBe(unused);
    await proxy.close();
  });

  it('says what to do where the data folder cannot be written', async () => {
    await writeFile(join(folder, 'data'), 'a file');
    const pulled = await models(['pull', dinov2.name, '--accept']);
    expect(pulled.output).toContain('set SEMBLANCE_DATA_DIR to another folder.');
    expect(pulled.output).not.toContain('    at ');
    expect(pulled.code).toBe(1);
  });

  it.runIf(process.getuid?.() === 0)('says so where models/ belongs to somebody else', async () => {
    await mkdir(modelPath('.'), { recursive: true });
    for (const path of [folder, join(folder, 'tmp')]) {
      await mkdir(path, { recursive: true });
      await chmod(path, 0o777);
    }
    await chmod(join(folder, 'data'), 0o777);
    await chmod(modelPath('.'), 0o755);
    const pulled = await runProgram(['models', 'pull', dinov2.name, '--accept'], {
      folder,
      env: hubEnvironment(),
      uid: 65_534,
    });
    expect(pulled.output).toContain(`${modelPath('.').replace(/\/$/, '')} cannot be written (EACCES)`);
    expect(pulled.code).toBe(1);
  });

  it.runIf(process.platform === 'linux')('says so where the disk is full, and goes on from what came', async () => {
    const work = modelPath('.downloads', dinov2.name);
    await mkdir(work, { recursive: true });
    const part = join(work, `${sha256(dinov2Weights)}.part`);
    await symlink('/dev/full', part);
    const pulled = await models(['pull', dinov2.name, '--accept']);
    expect(pulled.output).toContain('is full: free some, or set SEMBLANCE_DATA_DIR');
    expect(pulled.code).toBe(1);
    expect(existsSync(part)).toBe(false);
    expect((await models(['pull', dinov2.name, '--accept'])).code).toBe(0);
  });

  it('says which models there are, and how one is exported that the hub has not', async () => {
    const unknown = await models(['pull', 'dinov2-bass']);
    expect(unknown.output).toContain('There is no model "dinov2-bass" in the catalogue, but dinov2-base,');
    const exported = await models(['pull', 'vit-base-patch16-224']);
    expect(exported.output).toContain('has timm/vit_base_patch16_224.augreg2_in21k_ft_in1k as PyTorch weights only.');
    expect(exported.output).toContain(
      '  python training/catalogue/export.py vit-base-patch16-224 exported\n  semblance models add exported/model.onnx --as vit-base-patch16-224\n',
    );
    expect([unknown.code, exported.code]).toEqual([1, 1]);
    expect(hub.requests).toEqual([]);
  });
});

describe('models add', () => {
  it('asks for everything at once that it cannot know, and takes what it is told', async () => {
    const file = join(tinyModelFolder('nhwc-float32-cls-mean'), 'model.onnx');
    const asked = await models(['add', file, '--name', 'mine']);
    expect(asked.output).toContain(
      'say --preprocessing imagenet, imagenet-95, half, clip, stretch, stretch-imagenet, unit, unit-bilinear, bytes.',
    );
    expect(asked.output).toContain('say --pooling cls, mean or cls+mean.');
    expect(asked.code).toBe(1);
    expect(existsSync(modelPath('mine'))).toBe(false);

    const added = await models([
      'add',
      file,
      '--name',
      'mine',
      '--preprocessing',
      'unit',
      '--pooling',
      'cls+mean',
      '--license',
      'MIT',
    ]);
    expect(added.stdout).toBe(
      'Installed mine: 24x16 pixels in, 768 numbers out of "features", pooling cls+mean. Serve it with SEMBLANCE_MODEL=mine.\n',
    );
    const manifest = await readJson<InstalledManifest>(modelPath('mine', 'manifest.json'));
    const fixture = await readJson<InstalledManifest>(join(tinyModelFolder('nhwc-float32-cls-mean'), 'manifest.json'));
    expect(cosine(manifest.golden.embedding, fixture.golden.embedding)).toBeGreaterThan(0.99999);
    expect(await readJson(modelPath('mine', 'model-lock.json'))).toMatchObject({
      source: { kind: 'file' },
      statedBy: [],
    });
    const taken = await models(['add', file, '--name', 'mine', '--preprocessing', 'unit', '--pooling', 'cls+mean']);
    expect(taken.output).toContain('There is a model mine already: remove it with "semblance models remove mine"');
    expect(taken.code).toBe(1);
  });
});

describe('models list and remove', () => {
  it('lists what is bundled, known and installed, and removes what is not bundled', { timeout: 180_000 }, async () => {
    await models(['pull', dinov2.name, '--accept']);
    await models(['add', join(tinyModelFolder('nhwc-uint8-cls'), 'model.onnx'), '--name', 'mine', '--pooling', 'cls']);
    const table = (await models(['list'])).stdout;
    expect(table).toMatch(/^semblance-compact +bundled +768/m);
    expect(table).toMatch(/^semblance-hybrid +bundled +768/m);
    expect(table).toMatch(/^dinov2-small-int8 +installed +768 +6\.12 +13\.4 kB +Xenova\/dinov2-small +Apache-2\.0$/m);
    expect(table).toMatch(/^dinov2-base +not installed +768 +23\.2 +347\.0 MB/m);
    expect(table).toMatch(/^resnet50 .* timm\/resnet50\.a1_in1k, to be exported/m);
    expect(table).toMatch(/^mine +added +64/m);

    await writeFile(modelPath('mine', 'manifest.json'), '{}');
    const broken = await models(['list', '--json']);
    const rows = JSON.parse(broken.stdout) as { name: string; state: string; catalogue?: { unverified: string[] } }[];
    expect(rows.find(({ name }) => name === 'mine')?.state).toBe('broken');
    expect(rows.find(({ name }) => name === dinov2.name)?.catalogue?.unverified.length).toBeGreaterThan(0);
    expect((await models(['verify'])).code).toBe(1);

    expect((await models(['remove', 'mine', dinov2.name])).stdout).toBe(`Removed mine.\nRemoved ${dinov2.name}.\n`);
    expect(await readdir(modelPath('.'))).toEqual([]);
    expect((await models(['remove', 'semblance-compact'])).output).toContain('semblance-compact is bundled');
    const nothing = await models(['remove', 'mine']);
    expect(nothing.output).toContain('There is no model mine to remove: none is installed.');
    expect(nothing.code).toBe(1);
  });

  it('removes what a cut-off pull left', async () => {
    const part = modelPath('.downloads', clip.name, `${sha256(clipWeights)}.part`);
    await mkdir(join(part, '..'), { recursive: true });
    await writeFile(part, clipWeights.subarray(0, 1_000));
    expect((await models(['remove', clip.name])).stdout).toBe(
      `Removed what was left of an unfinished pull of ${clip.name}.\n`,
    );
    expect(await readdir(modelPath('.'))).toEqual([]);
  });
});

/** A proxy that tunnels and forwards, and remembers to whom. */
async function startProxy(): Promise<{
  readonly url: string;
  readonly hosts: Set<string>;
  readonly close: () => Promise<void>;
}> {
  const hosts = new Set<string>();
  const proxy: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '');
    hosts.add(url.host);
    httpRequest(url, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    }).end();
  });
  proxy.on('connect', (request, socket, head) => {
    hosts.add(request.url ?? '');
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket);
      socket.pipe(upstream);
    });
    for (const side of [upstream, socket]) side.on('error', () => undefined);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    hosts,
    close: async () => {
      proxy.close();
      proxy.closeAllConnections();
      await once(proxy, 'close');
    },
  };
}
