import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, dataOf, type Headers } from '../support/client.js';
import { makeJpeg } from '../support/make-image.js';
import { serveHttp, type ServedHttp } from '../support/serve-http.js';
import {
  cleanUp,
  freePort,
  makeFolder,
  runProgram,
  spawnServer,
  startServer,
  type TestServer,
} from '../support/server.js';

afterAll(cleanUp);

type LogLine = Readonly<Record<string, unknown>>;

function linesOf(server: TestServer): readonly LogLine[] {
  return server.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LogLine);
}

const bearer = (credential: string): Headers => ({ authorization: `Bearer ${credential}` });

describe('the log of a server beyond loopback', () => {
  /** Everything that opens something, by what it is. */
  const secrets = new Map<string, string>();
  let issuer: ServedHttp;
  let server: TestServer;
  let keyId: string;
  let imageId: string;
  let requestIds: readonly (string | undefined)[];

  beforeAll(async () => {
    const keys = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
    issuer = await serveHttp((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
    const token = await new SignJWT({ scope: 'admin' })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer('issuer')
      .setAudience('semblance')
      .setSubject('ada@example.org')
      .setExpirationTime('5m')
      .sign(keys.privateKey);
    const folder = await makeFolder();
    const key = (await runProgram(['keys', 'create', 'web', '--scope', 'write'], { folder })).stdout.trim();
    keyId = key.slice(4, 20);
    const urlSecret = randomBytes(32).toString('hex');
    const metricsToken = randomBytes(32).toString('hex');
    server = await startServer({
      folder,
      env: {
        HOST: '0.0.0.0',
        SEMBLANCE_LOG_FORMAT: 'json',
        SEMBLANCE_LOG_LEVEL: 'debug',
        SEMBLANCE_JWKS_URL: issuer.url,
        SEMBLANCE_JWT_ISSUER: 'issuer',
        SEMBLANCE_JWT_AUDIENCE: 'semblance',
        SEMBLANCE_URL_SECRET: urlSecret,
        SEMBLANCE_METRICS_TOKEN: metricsToken,
        SEMBLANCE_API_KEY: 'smb_of-a-command-1',
      },
    });
    const { client } = server;

    const file = { bytes: await makeJpeg(1), filename: 'a.jpg' };
    const { uploadImage } = dataOf(
      await client.multipart<{ uploadImage: { image: { id: string; renditionUrl: string } } }>(
        'mutation Keep ($file: Upload!) { uploadImage(file: $file) { image { id renditionUrl } } }',
        { file: null },
        { 'variables.file': file },
        { 'Apollo-Require-Preflight': '1', ...bearer(key) },
      ),
    );
    imageId = uploadImage.image.id;
    const link = uploadImage.image.renditionUrl;
    const signature = new URL(link, server.url).searchParams.get('signature') ?? '';
    const query = '{ status { imageCount } }';
    dataOf(await client.graphql(query, {}, bearer(token)));
    expect((await client.get(link)).status).toBe(200);
    const forged = `${'A'.repeat(20)}${signature.slice(20)}`;
    expect((await client.get(link.replace(signature, forged))).status).toBe(401);
    const unknownKey = `smb_${'0'.repeat(16)}_${randomBytes(32).toString('base64url')}`;
    expect(codeOf(await client.graphql(query, {}, bearer(unknownKey)))).toBe('UNAUTHENTICATED');
    const foreignToken = `${token.slice(0, -10)}AAAAAAAAAA`;
    expect(codeOf(await client.graphql(query, {}, bearer(foreignToken)))).toBe('UNAUTHENTICATED');
    const basic = Buffer.from('ada:password-of-ada').toString('base64');
    expect(codeOf(await client.graphql(query, {}, { authorization: `Basic ${basic}` }))).toBe('UNAUTHENTICATED');
    // Where they do not belong.
    const stray = [`/images/${key}/thumbnail`, `/${token}`, `/graphql?apiKey=${key}&query=%7Ba%7D`];
    const strayed = await Promise.all(stray.map((path) => client.get(path, { headers: bearer(key) })));
    requestIds = strayed.map(({ headers }) => headers.get('x-request-id') ?? undefined);
    expect(codeOf(await client.graphql(`query x_${'y'.repeat(300)} { nonsense }`, {}, bearer(key)))).toBeDefined();
    expect((await client.get('/metrics', { headers: bearer(metricsToken) })).status).toBe(200);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    for (const [name, secret] of Object.entries({
      key: key.slice(21),
      token,
      signature,
      forged,
      urlSecret,
      metricsToken,
      unknownKey: unknownKey.slice(21),
      foreignToken,
      basic,
      ownKey: 'of-a-command-1',
    })) {
      secrets.set(name, secret);
    }
  });

  afterAll(() => issuer.close());

  it('is one JSON object a line, on standard output, and nothing else is printed', () => {
    expect(server.output).toBe(server.stdout);
    for (const line of linesOf(server)) {
      expect(line).toMatchObject({
        level: expect.stringMatching(/^(debug|info|warn|error)$/) as unknown,
        time: expect.stringMatching(/Z$/) as unknown,
        message: expect.any(String) as unknown,
      });
    }
  });

  it('holds no key, token, signature or configured secret', () => {
    expect(secrets.size).toBe(10);
    for (const [name, secret] of secrets) expect(server.output.includes(secret), name).toBe(false);
  });

  it('has a line for each request: who asked for what, and what came of it', () => {
    const requests = linesOf(server).filter(({ message }) => message === 'request');
    const first = (fields: LogLine) =>
      requests.find((line) => Object.entries(fields).every(([name, value]) => line[name] === value));
    expect(first({ operation: 'Keep' })).toMatchObject({
      method: 'POST',
      path: '/graphql',
      status: 200,
      field: 'uploadImage',
      caller: `key:${keyId}`,
      durationMs: expect.any(Number) as unknown,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
    });
    expect(first({ field: 'status', status: 200 })?.['caller']).toMatch(/^token:[0-9a-f]{16}$/);
    expect(first({ path: `/images/${imageId}/rendition`, status: 200 })?.['caller']).toMatch(/^address:/);
    expect(first({ path: `/images/${imageId}/rendition`, status: 401 })).toBeDefined();
    expect(first({ path: '/readyz', level: 'debug' })).toBeDefined();
    expect(first({ code: 'GRAPHQL_VALIDATION_FAILED' })).toBeDefined();
    for (const requestId of requestIds) expect(first({ requestId: requestId })).toBeDefined();
    expect(requests.map(({ path }) => String(path)).filter((path) => path.includes('?'))).toEqual([]);
  });

  it('begins with the configuration, secrets hidden', () => {
    expect(linesOf(server).find(({ message }) => message === 'listening')).toMatchObject({
      url: expect.stringContaining(':') as unknown,
      configuration: {
        HOST: '0.0.0.0',
        SEMBLANCE_ALLOW_ANONYMOUS: 'none',
        SEMBLANCE_URL_SECRET: '(hidden)',
        SEMBLANCE_METRICS_TOKEN: '(hidden)',
      },
    });
  });
});

it('the log of a server whose database refuses it holds no password', async () => {
  const port = await freePort();
  const passwords = { url: 'p4ssword-of-the-role', admin: 'p4ssword-of-the-owner', replica: 'p4ssword-of-the-replica' };
  const at = (user: string, password: string) => `postgres://${user}:${password}@127.0.0.1:${port}/nothing`;
  const server = await spawnServer({
    env: {
      SEMBLANCE_LOG_FORMAT: 'json',
      DATABASE_URL: at('app', passwords.url),
      SEMBLANCE_ADMIN_DATABASE_URL: at('owner', passwords.admin),
      SEMBLANCE_READ_DATABASE_URLS: at('reader', passwords.replica),
    },
  });
  await server.printed('Not ready');
  expect((await server.client.get('/readyz')).body.toString()).not.toContain('p4ssword');
  await server.stop();
  expect(linesOf(server).some(({ level }) => level === 'error')).toBe(true);
  expect(server.output).not.toContain('p4ssword');
});

describe('serve --check-config', () => {
  const check = (env: Readonly<Record<string, string>>) => runProgram(['serve', '--check-config'], { env });

  it('prints what the variables come to, and opens nothing', async () => {
    const run = await check({
      // Nobody listens there.
      DATABASE_URL: `postgres://app:hunter2@127.0.0.1:${await freePort()}/db`,
      SEMBLANCE_SCHEMA: 'gallery',
    });
    expect([run.code, run.output]).toEqual([0, run.stdout]);
    expect(run.stdout).toMatch(/^DATABASE_URL=postgres:\/\/app:\(hidden\)@127\.0\.0\.1:\d+\/db$/m);
    expect(run.stdout).toMatch(/^SEMBLANCE_SCHEMA=gallery$/m);
    expect(run.stdout).toMatch(/^PORT=4000$/m);
    expect(run.output).not.toContain('hunter2');
  });

  it('names every malformed variable, and every one that nothing reads', async () => {
    const malformed = await check({ PORT: 'x', SEMBLANCE_LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://root:hunter2@db' });
    expect(malformed.code).toBe(1);
    for (const name of ['PORT', 'SEMBLANCE_LOG_LEVEL', 'DATABASE_URL']) expect(malformed.output).toContain(name);
    expect(malformed.output).not.toMatch(/hunter2|^\s+at /m);
    const misspelt = await check({ SEMBLANCE_ALOW_ANONYMOUS: 'none' });
    expect(misspelt.code).toBe(1);
    expect(misspelt.output).toContain('SEMBLANCE_ALOW_ANONYMOUS is no variable of Semblance');
  });
});
