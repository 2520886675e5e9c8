import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageNode } from '../support/client.js';
import { makeJpeg, makePng } from '../support/make-image.js';
import {
  cleanUp,
  makeFolder,
  runProgram,
  startProgram,
  startServer,
  testStores,
  waitFor,
  type RunOptions,
  type TestServer,
} from '../support/server.js';

afterAll(cleanUp);

const families = ['beach', 'forest', 'city'];
const perFamily = 4;

/** Three folders of pictures, beside what cannot be imported and what is no picture. */
async function makeGallery(): Promise<string> {
  const gallery = join(await makeFolder(), 'gallery');
  for (const [index, family] of families.entries()) {
    await mkdir(join(gallery, 'deep', family), { recursive: true });
    for (let n = 0; n < perFamily; n++) {
      await writeFile(join(gallery, 'deep', family, `${n}.jpg`), await makeJpeg(index * 100 + n));
    }
  }
  await writeFile(join(gallery, 'root é.png'), await makePng(400));
  await writeFile(join(gallery, 'broken.jpg'), (await makeJpeg(401)).subarray(0, 700));
  await writeFile(join(gallery, 'empty.png'), '');
  await writeFile(join(gallery, 'notes.txt'), 'no picture');
  return gallery;
}

const importable = families.length * perFamily + 1;

describe.each(testStores)('the command line beside a running server ($name)', (store) => {
  let server: TestServer;
  let gallery: string;
  let options: RunOptions;
  let images: readonly ImageNode[];

  beforeAll(async () => {
    const folder = await makeFolder();
    options = { folder, env: store.environment() };
    server = await startServer(options);
    gallery = await makeGallery();
  });
  afterAll(() => server.stop());

  const imageNamed = (path: string): ImageNode => {
    const image = images.find(({ metadata }) => metadata['path'] === path);
    if (image === undefined) throw new Error(`No image was imported from ${path}`);
    return image;
  };

  it('imports nothing in a dry run', async () => {
    const run = await runProgram(['import', '--dry-run', gallery], options);
    expect(run.stdout).toContain(join('deep', 'beach', '0.jpg'));
    expect(run.output).toContain('broken.jpg');
    expect(await server.client.totalCount()).toBe(0);
  });

  it('imports a folder, labels by folders, lists failures with reasons and exits with 1', async () => {
    const run = await runProgram(['import', '--label-from-folders', gallery], options);
    expect(run.code).toBe(1);
    expect(run.output).toMatch(/broken\.jpg: .+/);
    expect(run.output).toMatch(/empty\.png: .+/);
    expect(run.output).not.toMatch(/^\s+at /m);
    expect(run.output).toContain(`Imported ${importable}`);
    if (store.name === 'embedded') expect(run.output).toContain(server.url);

    images = await server.client.allImages();
    expect(images).toHaveLength(importable);
    expect(imageNamed('deep/forest/2.jpg')).toMatchObject({
      filename: '2.jpg',
      metadata: { label: 'forest', path: 'deep/forest/2.jpg' },
    });
    expect(imageNamed('root é.png').filename).toBe('root é.png');
  });

  it('finds all of them known the second time', async () => {
    const run = await runProgram(['import', '--label-from-folders', gallery], options);
    expect(run.code).toBe(1);
    expect(run.output).toContain('Imported 0');
    expect(run.output).toContain(`already there ${importable}`);
    expect(await server.client.allImages()).toEqual(images);

    const good = await runProgram(['import', join(gallery, 'deep'), join(gallery, 'root é.png')], options);
    expect({ code: good.code, output: good.output }).toMatchObject({ code: 0 });
    expect(await server.client.allImages()).toEqual(images);
  });

  it('goes through --server as any client would', async () => {
    const elsewhere = { folder: await makeFolder() };
    const extra = join(elsewhere.folder, 'extra.jpg');
    await writeFile(extra, await makeJpeg(777));
    const run = await runProgram(['import', '--server', server.url, extra, join(gallery, 'deep')], elsewhere);
    expect({ code: run.code, output: run.output }).toMatchObject({ code: 0 });
    expect(run.output).toContain('Imported 1');
    const stored = (await server.client.allImages()).find(({ filename }) => filename === 'extra.jpg');
    expect(stored?.metadata['path']).toBe('extra.jpg');
    const stats = await runProgram(['stats', '--server', server.url], elsewhere);
    expect(stats.stdout).toContain(String(importable + 1));
    await server.client.data(`mutation { deleteImage(id: "${stored?.id ?? ''}") { deletedId } }`);
  });

  it('searches by a file, and draws what it found', async () => {
    const sheet = join(server.folder, 'sheet.png');
    const query = join(gallery, 'deep', 'city', '1.jpg');
    const run = await runProgram(['search', query, '-k', '3', '--out', sheet], options);
    expect({ code: run.code, output: run.output }).toMatchObject({ code: 0 });
    const rows = run.stdout.trim().split('\n');
    const { id } = imageNamed('deep/city/1.jpg');
    expect(rows.find((row) => row.includes(id))).toMatch(/^\s*1\s+1\.000\s+1\.jpg/);
    const hits = await server.client.search(await readFile(query), { k: 3 });
    for (const { image } of hits) expect(run.stdout).toContain(image.id);

    const drawn = await sharp(await readFile(sheet)).stats();
    expect(drawn.entropy).toBeGreaterThan(1);
    expect(await sharp(sheet).metadata()).toMatchObject({ format: 'png' });
  });

  it('answers similar as the API does', async () => {
    const { id } = imageNamed('deep/beach/0.jpg');
    const run = await runProgram(['similar', id, '-k', '4', '--json'], options);
    const { results } = JSON.parse(run.stdout) as { results: readonly { id: string; similarity: number }[] };
    const hits = await server.client.similar(id, { k: 4 });
    expect(results.map((result) => result.id)).toEqual(hits.map(({ image }) => image.id));
    results.forEach(({ similarity }, index) => {
      expect(similarity).toBeCloseTo(hits[index]?.similarity ?? 0, 6);
    });
  });

  it('tells in stats what the gallery holds', async () => {
    const run = await runProgram(['stats'], options);
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(new RegExp(`images\\s+${importable}\\b`));
    expect(run.stdout).toContain('semblance-compact');
  });

  it('says in one sentence what is wrong, and exits with 1', async () => {
    for (const args of [
      ['similar', 'nonsense'],
      ['similar', '00000000-0000-8000-8000-000000000000'],
      ['search', join(gallery, 'missing.jpg')],
      ['search', join(gallery, 'broken.jpg')],
      ['search', join(gallery, 'notes.txt')],
      ['import', join(gallery, 'missing')],
      ['stats', '--server', 'http://127.0.0.1:1'],
    ]) {
      const run = await runProgram(args, options);
      expect(run.code, args.join(' ')).toBe(1);
      expect(run.output.trim(), args.join(' ')).not.toBe('');
      expect(run.output, args.join(' ')).not.toMatch(/^\s+at /m);
    }
  });
});

describe.each(testStores)('an import that is interrupted ($name)', (store) => {
  it('says so, and goes on where it stopped', async () => {
    const folder = await makeFolder();
    const options: RunOptions = { folder, env: store.environment() };
    const server = await startServer(options);
    const pictures = join(folder, 'pictures');
    await mkdir(pictures);
    const count = 300;
    for (let n = 0; n < count; n++) {
      await writeFile(join(pictures, `${n}.jpg`), await makeJpeg(n, { width: 320, height: 240 }));
    }
    const first = await startProgram(['import', '--server', server.url, '--concurrency', '2', pictures], options);
    await waitFor('images of the import', async () => (await server.client.totalCount()) > 0);
    first.signal('SIGINT');
    const { code } = await first.exited;
    expect({ code, output: first.output }).toMatchObject({ code: 130 });
    // What was on its way when the signal came is stored and counted.
    const imported = await server.client.totalCount();
    expect(imported).toBeLessThan(count);
    expect(first.output).toContain(
      `Imported ${imported}, already there 0, failed 0. Interrupted with ${count - imported} left: the same command goes on there.\n`,
    );
    await server.stop();

    const second = await runProgram(['import', pictures], options);
    expect({ code: second.code, output: second.output }).toMatchObject({ code: 0 });
    expect(second.output).toContain(`Imported ${count - imported}, already there ${imported}, failed 0.`);
    const stats = await runProgram(['stats', '--json'], options);
    expect(JSON.parse(stats.stdout)).toMatchObject({ imageCount: count });
  });
});

it('a command that Ctrl-C reaches before it listens for it says so, and ends as the signal does', async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const connected = once(silent, 'connection');
  const run = await startProgram(['doctor'], { env: { DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none` } });
  const [socket] = (await connected) as [Socket];
  run.signal('SIGINT');
  expect(await run.exited).toEqual({ code: null, signal: 'SIGINT' });
  expect(run.output).toContain('Interrupted.\n');
  socket.destroy();
  silent.close();
});
