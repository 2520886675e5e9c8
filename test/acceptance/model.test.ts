import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, type ImageNode } from '../support/client.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, makeFolder, runProgram, spawnServer, startServer } from '../support/server.js';

afterAll(cleanUp);

const bundled = resolve(import.meta.dirname, '../../models/semblance-compact');

async function copyModel(change: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(await makeFolder(), 'model');
  await cp(bundled, folder, { recursive: true });
  await change(folder);
  return folder;
}

async function editManifest(folder: string, edit: (manifest: Record<string, unknown>) => void): Promise<void> {
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  edit(manifest);
  await writeFile(path, JSON.stringify(manifest));
}

const broken: readonly (readonly [string, (folder: string) => Promise<void>])[] = [
  [
    'weights of another checksum',
    async (folder) => {
      const weights = await readFile(join(folder, 'model.onnx'));
      weights[weights.length >> 1] = (weights[weights.length >> 1] ?? 0) ^ 1;
      await writeFile(join(folder, 'model.onnx'), weights);
    },
  ],
  ['no weights', (folder) => rm(join(folder, 'model.onnx'))],
  ['no manifest', (folder) => rm(join(folder, 'manifest.json'))],
  ['a manifest that is no JSON', (folder) => writeFile(join(folder, 'manifest.json'), '{')],
];

describe('a model that cannot serve', () => {
  let folder: string;
  const images: ImageNode[] = [];
  let query: Buffer;

  beforeAll(async () => {
    folder = await makeFolder();
    const server = await startServer({ folder });
    for (let seed = 0; seed < 3; seed++) images.push((await server.client.upload(await makeJpeg(seed))).image);
    query = await makeJpeg(10);
    await server.stop();
  });

  it.each(broken)('with %s leaves the gallery to be searched by what it holds', async (_, change) => {
    const model = await copyModel(change);
    const server = await spawnServer({ folder, env: { SEMBLANCE_MODEL: model } });
    await server.answers('/livez', 200);
    const { client } = server;
    await server.printed(/not ready/i);

    const readiness = await client.get('/readyz');
    expect(readiness.status).toBe(503);
    expect(readiness.body.toString()).toMatch(/model: \w+/);

    expect(codeOf(await client.uploadAnswer(query))).toBe('MODEL_UNAVAILABLE');
    const search = await client.searchAnswer(query);
    expect(codeOf(search)).toBe('MODEL_UNAVAILABLE');
    expect(JSON.stringify(search)).not.toContain(model);

    const [first] = images;
    const hits = await client.similar(first?.id ?? '');
    expect(hits.map(({ image }) => image.id).sort()).toEqual(
      images
        .slice(1)
        .map(({ id }) => id)
        .sort(),
    );
    expect(await client.totalCount()).toBe(3);
    // Bytes that are known already need no model.
    expect(await client.upload(await makeJpeg(0))).toMatchObject({ created: false, image: { id: first?.id } });
    for (const path of [first?.url, first?.renditionUrl, first?.thumbnailUrl]) {
      expect((await client.get(path ?? '')).status).toBe(200);
    }
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  it('starts on an empty database all the same', async () => {
    const server = await spawnServer({ env: { DATABASE_URL: 'memory:', SEMBLANCE_MODEL: 'no-such-model' } });
    await server.answers('/livez', 200);
    await server.printed(/not ready/i);
    expect((await server.client.get('/readyz')).status).toBe(503);
    expect(codeOf(await server.client.uploadAnswer(query))).toBe('MODEL_UNAVAILABLE');
    expect(await server.client.data('{ images { totalCount } }')).toEqual({ images: { totalCount: 0 } });
    await server.stop();
  });

  it.each([
    ['a name', () => Promise.resolve('another-model')],
    [
      'a folder',
      () =>
        copyModel((model) =>
          editManifest(model, (manifest) => {
            manifest['name'] = 'another-model';
          }),
        ),
    ],
  ])('ends the start where SEMBLANCE_MODEL, %s, differs from the active space', async (_, model) => {
    const run = await runProgram(['serve'], { folder, env: { SEMBLANCE_MODEL: await model(), PORT: '0' } });
    expect(run).toMatchObject({ code: 1, signal: null });
    expect(run.output).toContain('semblance-compact');
    expect(run.output).toContain('SEMBLANCE_MODEL');
    expect(run.output).not.toMatch(/^\s+at /m);
  });

  it('is mended by a start with the right one', async () => {
    const server = await startServer({ folder });
    expect((await server.client.upload(query)).created).toBe(true);
    await server.stop();
  });
});
