import express from 'express';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { GraphqlClient } from '../../../../src/cli/remote/graphql-client.js';
import { serveHttp, type ServedHttp } from '../../../support/serve-http.js';

const requests: string[] = [];
let served: ServedHttp;

beforeAll(async () => {
  const app = express();
  app.use((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.json({ data: { answer: 42 } });
  });
  served = await serveHttp(app);
});

afterAll(() => served.close());

beforeEach(() => {
  requests.length = 0;
});

test.each([
  ['', ''],
  ['/', ''],
  ['/prefix', '/prefix'],
  ['/prefix/', '/prefix'],
  ['/a/b?c=d#e', '/a/b'],
])('a server at "%s" is asked below that path', async (path, prefix) => {
  const client = new GraphqlClient(new URL(served.url + path));
  expect(client.address).toBe(served.url + prefix);
  const { data } = await client.query(z.object({ answer: z.number() }), '{ answer }', {});
  // As a server that knows of no prefix gives links, and one that does.
  await client.readBytes('/images/1/thumbnail');
  await client.readBytes(`${prefix}/images/2/thumbnail`);
  expect(data).toEqual({ answer: 42 });
  expect(requests).toEqual([
    `POST ${prefix}/graphql`,
    `GET ${prefix}/images/1/thumbnail`,
    `GET ${prefix}/images/2/thumbnail`,
  ]);
});
