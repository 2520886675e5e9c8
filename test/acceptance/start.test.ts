import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  cleanUp,
  freePort,
  makeFolder,
  program,
  runProgram,
  embeddedStores,
  serverStores,
  spawnServer,
  startServer,
  testStores,
  waitFor,
  type RunOptions,
} from '../support/server.js';
import { errorCatalogue } from '../../src/base/errors.js';
import { makeJpeg } from '../support/make-image.js';

afterAll(cleanUp);

const repository = resolve(import.meta.dirname, '../..');

/** Runs `serve` where it must not start. */
async function refusal(options: RunOptions): Promise<readonly string[]> {
  const run = await runProgram(['serve'], { ...options, env: { PORT: String(await freePort()), ...options.env } });
  expect({ code: run.code, signal: run.signal, output: run.output }).toMatchObject({ code: 1, signal: null });
  expect(run.output).not.toMatch(/^\s+at /m);
  return run.output.trim().split('\n');
}

describe.each(embeddedStores)('npm start', () => {
  it('says where the data lies, which model is active and what to paste, and serves', async () => {
    const folder = await makeFolder();
    const server = await spawnServer(
      { folder, cwd: repository, launcher: ['npm', 'start'], env: { SEMBLANCE_MODEL: '' } },
      [],
    );
    await server.ready();
    await server.printed('npm run -s semblance -- sample');
    expect(server.output).toContain(join(folder, 'data'));
    expect(server.output).toContain('semblance-hybrid');
    expect(server.output).toContain(server.url);

    const live = await server.client.get('/livez');
    expect(live.status).toBe(200);
    const { status } = await server.client.data<{ status: unknown }>(
      '{ status { version imageCount activeSpace model dimensions store } }',
    );
    expect(status).toEqual({
      version: '0.1.0',
      imageCount: 0,
      activeSpace: 'semblance-hybrid',
      model: 'semblance-hybrid',
      dimensions: expect.any(Number) as number,
      store: 'EMBEDDED',
    });
    // npm's own exit says nothing; that the output is closed says that the server has ended too.
    await server.stop();
  });
});

describe.each(embeddedStores)('the embedded data folder', () => {
  it('is ./data unless named, keeps the images over a restart, and is held by one process', async () => {
    const folder = await makeFolder();
    const unnamed = { folder, env: { SEMBLANCE_DATA_DIR: '' } };
    const first = await startServer(unnamed);
    expect(first.output).toContain(join(folder, 'data'));
    const { image } = await first.client.upload(await makeJpeg(1));

    const [sentence, ...more] = await refusal(unnamed);
    expect(more).toEqual([]);
    expect(sentence).toMatch(/process/i);
    expect(await first.client.totalCount()).toBe(1);

    expect(await first.stop()).toEqual({ code: 0, signal: null });
    const second = await startServer(unnamed);
    expect((await second.client.data<{ image: unknown }>(`{ image(id: "${image.id}") { id } }`)).image).not.toBeNull();

    // Nobody removes the lock of a killed server.
    await second.kill();
    const third = await startServer(unnamed);
    expect(await third.client.totalCount()).toBe(1);
    await third.stop();
  });

  it.each([
    ['a file', (folder: string) => join(folder, 'file')],
    ['a folder inside a file', (folder: string) => join(folder, 'file', 'data')],
  ])('ends the start with one sentence where it is %s', async (_, place) => {
    const folder = await makeFolder();
    await writeFile(join(folder, 'file'), 'not a folder');
    const lines = await refusal({ folder, env: { SEMBLANCE_DATA_DIR: place(folder) } });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(place(folder));
  });

  it('is made where its parents are missing', async () => {
    const folder = await makeFolder();
    await mkdir(join(folder, 'a'));
    const server = await startServer({ folder, env: { SEMBLANCE_DATA_DIR: join(folder, 'a/b/c') } });
    expect(await server.client.totalCount()).toBe(0);
    await server.stop();
  });

  it('ends the start with one sentence where this user may not write', async () => {
    const folder = await makeFolder();
    const data = join(folder, 'data');
    await mkdir(data);
    await Promise.all([chmod(folder, 0o755), chmod(data, 0o555)]);
    // Nothing is forbidden to root.
    const uid = process.getuid?.() === 0 ? 65_534 : undefined;
    const lines = await refusal({ folder, uid });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(data);
  });
});

describe.each(embeddedStores)('a wrong configuration', () => {
  it('ends the start where the port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const lines = await refusal({ env: { PORT: String(port), DATABASE_URL: 'memory:' } });
    expect(lines.at(-1)).toContain(String(port));
    holder.close();
  });

  it('ends the start where there is no folder for temporary files, whatever the database', async () => {
    for (const database of ['memory:', 'postgres://nobody@127.0.0.1:1/none']) {
      const lines = await refusal({ env: { TMPDIR: '/nonexistent', DATABASE_URL: database } });
      expect(lines).toEqual([expect.stringMatching(/\/nonexistent.*set TMPDIR/)]);
    }
  });

  it.each([20, 30, 100])('ends the start where %d files may be open', async (files) => {
    const launcher = ['sh', '-c', `ulimit -n ${files}; exec "$0" "$@"`, process.execPath, program] as const;
    const lines = await refusal({ launcher, env: { DATABASE_URL: 'memory:' } });
    expect(lines).toEqual([expect.stringMatching(`may have ${files} files open`)]);
  });

  it('names every malformed variable in one message', async () => {
    const malformed = {
      PORT: 'eighty',
      DATABASE_URL: 'mysql://root:hunter2@localhost/x',
      SEMBLANCE_SCHEMA: 'Robert"; DROP TABLE',
      SEMBLANCE_AUTO_MIGRATE: 'perhaps',
      SEMBLANCE_ALLOW_ANONYMOUS: 'everything',
      SEMBLANCE_CORS_ORIGINS: 'https://example.org/path',
      SEMBLANCE_MAX_UPLOAD_BYTES: '20 MB',
      SEMBLANCE_MODEL_THREADS: '0',
      SEMBLANCE_DATABASE_CONNECTIONS: '-1',
    };
    const message = (await refusal({ env: malformed })).join('\n');
    for (const name of Object.keys(malformed)) expect(message).toContain(name);
    expect(message).not.toContain('hunter2');
  });
});

describe.each(embeddedStores)('beyond loopback', () => {
  it('asks for credentials, which a key is that was made beside it, and says how to make one', async () => {
    const folder = await makeFolder();
    const made = await runProgram(['keys', 'create', 'ada', '--scope', 'write'], { folder });
    expect(made.code).toBe(0);
    const key = made.stdout.trim();
    const server = await startServer({ folder, env: { HOST: '0.0.0.0' } });
    expect(server.output).toContain('semblance keys create');
    const { client } = server;
    expect(await client.code('{ status { imageCount } }')).toBe('UNAUTHENTICATED');
    const refused = await client.uploadAnswer(await makeJpeg(3));
    expect(refused.errors?.[0]?.extensions?.['code']).toBe('UNAUTHENTICATED');
    const query = '{ status { imageCount } }';
    expect((await client.graphql(query, {}, { authorization: `Bearer ${key}` })).data).toEqual({
      status: { imageCount: 0 },
    });
    // The program itself sends the key of its environment.
    const stats = (env: Record<string, string>) =>
      runProgram(['stats', '--server', server.url], { env: { DATABASE_URL: 'memory:', ...env } });
    const denied = await stats({});
    expect([denied.code, denied.output]).toEqual([1, expect.stringContaining('SEMBLANCE_API_KEY')]);
    expect((await stats({ SEMBLANCE_API_KEY: key })).code).toBe(0);
    expect(server.output).not.toContain(key.slice(21));
    const id = key.slice(4, 20);
    const beside = await runProgram(['keys', 'revoke', id], { folder });
    expect([beside.code, beside.output]).toEqual([1, expect.stringContaining('held by a running server')]);
    await server.stop();
    expect((await runProgram(['keys', 'revoke', id], { folder })).code).toBe(0);
    const listed = await runProgram(['keys', 'list'], { folder });
    expect(listed.stdout).toMatch(new RegExp(`${id}.*write.*revoked`));
    expect(listed.stdout).not.toContain(key.slice(21));
  });
});

describe.each(embeddedStores)('DATABASE_URL=memory:', () => {
  it('keeps images until the exit, and writes no data folder', async () => {
    const options = { folder: await makeFolder(), env: { DATABASE_URL: 'memory:' } };
    const first = await startServer(options);
    const { image } = await first.client.upload(await makeJpeg(1));
    await first.client.upload(await makeJpeg(2));
    expect(await first.client.similar(image.id)).toHaveLength(1);
    expect(await first.client.data('{ status { store imageCount } }')).toEqual({
      status: { store: 'MEMORY', imageCount: 2 },
    });
    expect(await first.stop()).toEqual({ code: 0, signal: null });

    const second = await startServer(options);
    expect(await second.client.totalCount()).toBe(0);
    await second.stop();
  });
});

describe.each(embeddedStores)('SIGTERM', () => {
  it('lets the uploads under way finish, then ends with 0 and without a temporary file', async () => {
    const server = await startServer();
    const bytes = await Promise.all(
      Array.from({ length: 8 }, (_, seed) => makeJpeg(seed, { width: 640, height: 480 })),
    );
    const uploads = Promise.all(bytes.map((each) => server.client.upload(each)));
    // All eight are known to be on their way once one of them is stored.
    await Promise.race(bytes.map((each) => server.client.upload(each)));
    const exit = server.stop();
    expect((await uploads).map(({ image }) => image.width)).toEqual(bytes.map(() => 640));
    expect(await exit).toEqual({ code: 0, signal: null });
    expect(await server.temporaryFiles()).toEqual([]);
  });

  it.each(testStores)('loses nothing that it accepted, and answers all of it ($name)', async (store) => {
    const options = { folder: await makeFolder(), env: store.environment() };
    const server = await startServer(options);
    const pictures = await Promise.all(
      Array.from({ length: 60 }, (_, seed) => makeJpeg(seed, { width: 640, height: 480 })),
    );
    const queue = pictures.entries();
    const acknowledged: string[] = [];
    const codes: unknown[] = [];
    const refused: unknown[] = [];
    let exit: Promise<unknown> | undefined;
    const upload = async (): Promise<void> => {
      for (const [index, bytes] of queue) {
        try {
          const answer = await server.client.uploadAnswer(bytes, `${index}.jpg`);
          const id = answer.data?.uploadImage.image.id;
          if (id === undefined) codes.push(answer.errors?.[0]?.extensions?.['code']);
          else acknowledged.push(id);
        } catch (error) {
          refused.push((error as NodeJS.ErrnoException).code);
        }
        // In the midst of the others.
        if (acknowledged.length >= 10) exit ??= server.stop();
      }
    };
    await Promise.all(Array.from({ length: 6 }, upload));
    expect(await exit).toEqual({ code: 0, signal: null });
    expect(await server.temporaryFiles()).toEqual([]);

    // Who came too late found nobody listening, or was told why.
    expect(refused.length + codes.length).toBeGreaterThan(0);
    expect(refused.filter((code) => !['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(String(code)))).toEqual([]);
    expect(codes.filter((code) => typeof code !== 'string' || !(code in errorCatalogue))).toEqual([]);
    const next = await startServer(options);
    // Neither less nor more: nobody was cut off between the commit and the answer.
    const stored = (await next.client.allImages()).map(({ id }) => id);
    expect(stored.toSorted()).toEqual(acknowledged.toSorted());
    await next.stop();
  });

  it('ends a start that has not come far', async () => {
    const server = await spawnServer();
    await server.answers('/livez', 200);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });
});

describe.each(embeddedStores)('anonymous read', () => {
  it('answers queries and refuses mutations before their files are read', async () => {
    const folder = await makeFolder();
    const writable = await startServer({ folder });
    const [one, two] = [await makeJpeg(1), await makeJpeg(2)];
    const { image } = await writable.client.upload(one);
    await writable.client.upload(two);
    await writable.stop();

    const server = await startServer({ folder, env: { HOST: '0.0.0.0', SEMBLANCE_ALLOW_ANONYMOUS: 'read' } });
    const { client } = server;
    expect(await client.similar(image.id)).toHaveLength(1);
    expect(await client.search(one)).toHaveLength(2);
    expect((await client.get(image.url)).status).toBe(200);
    for (const mutation of [
      `mutation { deleteImage(id: "${image.id}") { deletedId } }`,
      `mutation { updateImage(id: "${image.id}", metadata: { a: 1 }) { image { id } } }`,
    ]) {
      expect(await client.code(mutation)).toBe('UNAUTHENTICATED');
    }
    const refused = await client.uploadAnswer(await makeJpeg(3));
    expect(refused.errors?.[0]?.extensions?.['code']).toBe('UNAUTHENTICATED');
    expect(await client.totalCount()).toBe(2);
    expect(await client.data(`{ image(id: "${image.id}") { metadata } }`)).toEqual({ image: { metadata: {} } });
    await server.stop();
  });
});

describe.each(serverStores)('two servers on one database ($name)', (store) => {
  it('serve the same images', async () => {
    const env = store.environment();
    const [one, two] = await Promise.all([startServer({ env }), startServer({ env })]);
    const bytes = await makeJpeg(1);
    const payloads = await Promise.all([one.client.upload(bytes), two.client.upload(bytes)]);
    expect(payloads.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(payloads.map(({ image }) => image.id)).size).toBe(1);
    expect(await one.client.data('{ status { store imageCount } }')).toEqual({
      status: { store: 'SERVER', imageCount: 1 },
    });
    expect((await two.client.allImages()).map(({ id }) => id)).toEqual([payloads[0].image.id]);
    await Promise.all([one.stop(), two.stop()]);
  });

  it('refuse to start without migrations where SEMBLANCE_AUTO_MIGRATE=false, until `migrate` has run', async () => {
    const env = { ...store.environment(), SEMBLANCE_AUTO_MIGRATE: 'false' };
    const waiting = await spawnServer({ env });
    await waiting.answers('/readyz', 503);
    // Until the database was asked, its opening is what is waited for.
    await waitFor('the reason', async () => /migrat/i.test((await waiting.client.get('/readyz')).body.toString()));
    const run = await runProgram(['migrate'], { env });
    expect({ code: run.code, output: run.output }).toMatchObject({ code: 0 });
    await waiting.ready();
    await waiting.stop();
  });
});
