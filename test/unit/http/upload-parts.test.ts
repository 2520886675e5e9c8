import express from 'express';
import type { Upload } from 'graphql-upload-ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileAtPath, withFile } from '../../../src/base/graphql/uploaded-file.js';
import { errorResponder } from '../../../src/http/error-responder.js';
import { uploadGuard } from '../../../src/http/upload-guard.js';
import type { Caller } from '../../../src/access/caller.js';
import { ByteBudget } from '../../../src/base/concurrency/byte-budget.js';
import { cleanFilename } from '../../../src/pixels/filename.js';
import { answerOf, multipartBody, TestClient, type Part } from '../../support/client.js';
import { serveHttp, type ServedHttp } from '../../support/serve-http.js';

const unexpected: unknown[] = [];
let served: ServedHttp;

/** What clients make of a part: read as an upload is, without a database or a model. */
beforeAll(async () => {
  const app = express();
  app.post(
    '/graphql',
    (_request, response, next) => {
      response.locals['caller'] = { kind: 'key', id: 'a', scope: 'write' } satisfies Caller;
      next();
    },
    ...uploadGuard({
      maxUploadBytes: 200_000,
      temporary: new ByteBudget({ maxBytes: 1e9, maxBytesOfOne: 1e9, what: 'uploads' }),
    }),
    async (request, response) => {
      const { variables } = request.body as { readonly variables: { readonly file: Upload } };
      await withFile(new FileAtPath(variables.file.promise), async ({ filename, bytes }) => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of bytes) chunks.push(chunk);
        response.json({ data: { filename: cleanFilename(filename), text: Buffer.concat(chunks).toString() } });
      });
    },
  );
  app.use(errorResponder((_message, error) => unexpected.push(error)));
  served = await serveHttp(app);
});
afterAll(() => served.close());

async function send(part: Partial<Part>) {
  const body = multipartBody([
    { name: 'operations', body: JSON.stringify({ query: '{ a }', variables: { file: null } }) },
    { name: 'map', body: '{"0":["variables.file"]}' },
    { name: '0', body: 'picture', ...part },
  ]);
  const { data, errors } = answerOf(await new TestClient(served.url).raw(body));
  expect(unexpected).toEqual([]);
  return data ?? { code: errors?.[0]?.extensions?.['code'], message: errors?.[0]?.message };
}

const nameless = ['form-data; name="0"', 'form-data; name="0"; filename=""'];

test.each(nameless)('a file of application/octet-stream in a part of %s is called unnamed', async (disposition) => {
  expect(await send({ disposition, contentType: 'application/octet-stream' })).toEqual({
    filename: 'unnamed',
    text: 'picture',
  });
});

test.each(nameless)('a part of %s and another type is refused, and told what it needs', async (disposition) => {
  for (const contentType of ['image/jpeg', 'text/plain', undefined]) {
    expect(await send({ disposition, ...(contentType === undefined ? {} : { contentType }) })).toEqual({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining(
        'A part is a file where it has a filename, or the type application/octet-stream',
      ) as string,
    });
  }
});

test.each(['\u001b', '\u0001', '\u007f', '\0'])(
  'the control character %j in a filename is told as the fault',
  async (character) => {
    expect(await send({ filename: `a${character}.jpg` })).toEqual({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('a filename, for one, may hold no control characters') as string,
    });
  },
);
