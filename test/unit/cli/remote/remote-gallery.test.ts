import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import express from 'express';
import { buildSchema, parse, validate, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { followJob } from '../../../../src/cli/remote/follow-job.js';
import { GraphqlClient } from '../../../../src/cli/remote/graphql-client.js';
import { openRemoteGallery } from '../../../../src/cli/remote/remote-gallery.js';
import type { Gallery, GallerySearch } from '../../../../src/cli/gallery.js';
import { packageRoot } from '../../../../src/base/paths.js';
import { serveHttp, type ServedHttp } from '../../../support/serve-http.js';

const imageId = '7e2f0000-0000-8000-8000-000000000000';
const hit = {
  similarity: 0.5,
  image: { id: imageId, filename: 'a.jpg', metadata: {} },
  score: 1.5,
  region: { x: 0, y: 0.5, width: 0.5, height: 0.5 },
};

/** Checks documents against a schema as Apollo does, and answers a valid one with one hit. */
function serveSchema(schema: GraphQLSchema): Promise<ServedHttp> {
  const app = express();
  app.use(express.json(), (request, response) => {
    const { query } = request.body as { readonly query: string };
    const errors = validate(schema, parse(query)).map(({ message }) => ({
      message,
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    }));
    if (errors.length > 0) response.status(400).json({ errors });
    else
      response.json({
        data: { similarImages: [hit] },
        extensions: { semblance: { space: 'compact', mode: 'exact' } },
      });
  });
  return serveHttp(app);
}

async function openWith(schemaFile: string): Promise<{ readonly served: ServedHttp; readonly gallery: Gallery }> {
  const schema = buildSchema(await readFile(join(packageRoot, schemaFile), 'utf8'));
  const served = await serveSchema(schema);
  return { served, gallery: openRemoteGallery(new URL(served.url)) };
}

const newOptions: readonly (readonly [string, Partial<GallerySearch>])[] = [
  ['--space', { space: 'words' }],
  ['--rerank', { rerank: 'SSIM' }],
  ['--candidates', { candidates: 50 }],
  ['--region', { region: hit.region }],
  ['--search-regions', { searchRegions: true }],
];

describe('a server that is older than the command', () => {
  let served: ServedHttp;
  let gallery: Gallery;

  beforeAll(async () => {
    ({ served, gallery } = await openWith('test/fixtures/contract.graphql'));
  });

  afterAll(() => served.close());

  it('answers what it knows', async () => {
    const answer = await gallery.similar({ imageId, k: 3, minSimilarity: 0.1 });
    expect(answer).toMatchObject({ space: 'compact', mode: 'exact', hits: [{ similarity: 0.5 }] });
  });

  it.each(newOptions)('does not know %s, and is said so', async (option, search) => {
    await expect(gallery.similar({ imageId, k: 3, ...search })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: `This server is older than the command and does not know ${option}: update it, or leave the option out.`,
    });
  });

  it('names all options that it may not know', async () => {
    await expect(gallery.similar({ imageId, k: 3, space: 'words', rerank: 'SSIM' })).rejects.toThrow(
      'does not know all of --space, --rerank: update it',
    );
  });

  it('lists no methods, and is said so', async () => {
    await expect(gallery.methods()).rejects.toThrow('lists no methods: update it');
  });
});

describe('a server of today', () => {
  let served: ServedHttp;
  let gallery: Gallery;

  beforeAll(async () => {
    ({ served, gallery } = await openWith('schema.graphql'));
  });

  afterAll(() => served.close());

  it.each(newOptions)('knows %s', async (_, search) => {
    const { hits } = await gallery.similar({ imageId, k: 3, ...search });
    expect(hits).toEqual([hit]);
  });
});

test('a server that is newer may name states, stores, modes and methods that the command does not know', async () => {
  const app = express();
  const space = {
    name: 's',
    model: 'm',
    description: 'd',
    dimensions: 1,
    state: 'FROZEN',
    imageCount: 1,
    regionCount: 0,
    scorers: ['CLICKS'],
  };
  const reranker = { name: 'BY_COLOUR', description: 'd', needs: { grey: false, scorer: 'CLICKS' } };
  app.use(express.json(), (request, response) => {
    const { query } = request.body as { readonly query: string };
    const status = { imageCount: 1, activeSpace: 's', model: 'm', dimensions: 1, store: 'CLUSTER' };
    response.json({
      data: { status, methods: { spaces: [space], rerankers: [reranker] }, similarImages: [hit] },
      ...(query.includes('similarImages') ? { extensions: { semblance: { space: 's', mode: 'tree' } } } : {}),
    });
  });
  const served = await serveHttp(app);
  try {
    const gallery = openRemoteGallery(new URL(served.url));
    expect(await gallery.stats()).toMatchObject({ store: 'cluster' });
    expect(await gallery.similar({ imageId, k: 1 })).toMatchObject({ mode: 'tree' });
    expect(await gallery.methods()).toMatchObject({
      spaces: [{ state: 'frozen', scorers: ['clicks'] }],
      rerankers: [{ name: 'BY_COLOUR', needs: { scorer: 'clicks' } }],
    });
  } finally {
    await served.close();
  }
});

test('a job in a state that the command does not know is followed to its end', async () => {
  const states = ['PAUSED', 'PAUSED', 'DONE'];
  const app = express();
  app.use(express.json(), (_request, response) => {
    const job = { id: imageId, stage: '', done: 0, total: 0, error: null, result: { space: 's' } };
    response.json({ data: { job: { ...job, state: states.shift() } } });
  });
  const served = await serveHttp(app);
  try {
    const document = { mutation: 'indexRegions', types: {}, variables: {}, fields: 'space' };
    const result = z.object({ space: z.string() });
    const client = new GraphqlClient(new URL(served.url));
    expect(await followJob(client, { ...document, result }, {})).toEqual({ space: 's' });
    expect(states).toEqual([]);
  } finally {
    await served.close();
  }
});
