import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { multipartBody, multipartType, preflight, type ImageNode, type TestClient } from '../support/client.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

afterAll(cleanUp);

const origin = 'https://gallery.example';
const otherOrigin = 'https://gallery.example.evil';

describe('who may ask', () => {
  let server: TestServer;
  let client: TestClient;
  let image: ImageNode;

  beforeAll(async () => {
    server = await startServer({
      env: {
        SEMBLANCE_CORS_ORIGINS: `${origin}, http://localhost:3000`,
        SEMBLANCE_ALLOWED_HOSTS: 'gallery.local',
      },
    });
    client = server.client;
    image = (await client.upload(await makeJpeg(1))).image;
  });
  afterAll(() => server.stop());

  const query = JSON.stringify({ query: '{ status { imageCount } }' });
  const json = { 'content-type': 'application/json' };

  describe('CORS', () => {
    it('answers the preflight of a listed origin, with the headers of an upload', async () => {
      for (const path of ['/graphql', image.url, image.thumbnailUrl]) {
        const answer = await client.ask('OPTIONS', path, {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'apollo-require-preflight,content-type',
        });
        expect(answer.status).toBe(204);
        expect(answer.headers['access-control-allow-origin']).toBe(origin);
        expect(String(answer.headers['access-control-allow-headers']).toLowerCase()).toContain(
          'apollo-require-preflight',
        );
        expect(String(answer.headers['access-control-allow-headers']).toLowerCase()).toContain('content-type');
        expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
      }
    });

    it('lets a listed origin read answers, and no other', async () => {
      for (const [sent, allowed] of [
        [origin, true],
        ['http://localhost:3000', true],
        [otherOrigin, false],
        ['http://gallery.example', false],
        ['https://gallery.example:8443', false],
        ['null', false],
        ['http://localhost:3001', false],
      ] as const) {
        for (const answer of [
          await client.ask('POST', '/graphql', { ...json, origin: sent }, query),
          await client.ask('GET', image.url, { origin: sent }),
          await client.ask('OPTIONS', '/graphql', { origin: sent, 'access-control-request-method': 'POST' }),
        ]) {
          expect(answer.headers['access-control-allow-origin'], sent).toBe(allowed ? sent : undefined);
          expect(String(answer.headers.vary).toLowerCase()).toContain('origin');
        }
      }
    });

    it('lets a listed origin read refusals too', async () => {
      const answer = await client.ask('POST', '/graphql', { 'content-type': multipartType, origin }, multipartBody([]));
      expect(answer.status).toBe(400);
      expect(answer.headers['access-control-allow-origin']).toBe(origin);
    });
  });

  describe('Host', () => {
    it.each(['127.0.0.1', 'localhost', '[::1]', 'gallery.local', 'GALLERY.local', '127.8.9.10'])(
      'as %s is served',
      async (host) => {
        for (const name of [host, `${host}:${server.port}`]) {
          expect((await client.ask('POST', '/graphql', { ...json, host: name }, query)).status, name).toBe(200);
          expect((await client.ask('GET', image.url, { host: name })).status, name).toBe(200);
        }
      },
    );

    it.each([
      'evil.example',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '192.168.0.7',
      'gallery.local.evil',
      ' ',
    ])('as "%s" is refused, whatever is asked', async (host) => {
      const asks = [
        client.ask('POST', '/graphql', { ...json, host }, query),
        client.ask('GET', '/graphql', { accept: 'text/html', host }),
        client.ask('GET', image.url, { host }),
        client.ask('POST', '/graphql', { ...preflight, 'content-type': multipartType, host }, multipartBody([])),
        client.ask('OPTIONS', '/graphql', { origin, host, 'access-control-request-method': 'POST' }),
      ];
      for (const answer of await Promise.all(asks)) {
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
        expect(answer.body.toString()).not.toContain('imageCount');
      }
    });
  });

  it('a page cannot write with a form or a simple request', async () => {
    const mutation = JSON.stringify({ query: `mutation { deleteImage(id: "${image.id}") { deletedId } }` });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '']) {
      const answer = await client.ask('POST', '/graphql', { 'content-type': type, origin: otherOrigin }, mutation);
      expect(answer.status).toBeGreaterThanOrEqual(400);
    }
    expect(await client.totalCount()).toBe(1);
  });
});

it('allows no origin unless told to', async () => {
  const server = await startServer();
  for (const sent of [origin, 'null', server.url]) {
    const answer = await server.client.ask('OPTIONS', '/graphql', {
      origin: sent,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'apollo-require-preflight',
    });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  }
  await server.stop();
});
