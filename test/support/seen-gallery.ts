import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { App } from '../../src/app.js';

export type Seen = Awaited<ReturnType<typeof seen>>;

/** All that a client can see, searches of all spaces included. */
export async function seen(app: App) {
  const { operations, store } = app;
  const { edges } = await operations.listImages({ first: 100 });
  const ids = edges.map(({ node }) => node.id);
  const answers: { readonly id: string; readonly similarity: number; readonly region: unknown }[][] = [];
  for (const imageId of ids) {
    for (const search of [{}, { space: 'greys' }, { space: 'greys', searchRegions: true }]) {
      const { hits } = await operations.similarImages({ imageId, k: 4, ...search });
      answers.push(hits.map(({ image, similarity, region }) => ({ id: image.id, similarity, region })));
    }
  }
  const spaces = await store.listSpaces();
  const scorers = await store.listScorers();
  return {
    images: edges.map(({ node }) => node),
    originals: await Promise.all(ids.map(async (id) => digest((await operations.readOriginal(id))?.bytes))),
    thumbnails: await Promise.all(ids.map(async (id) => digest(await operations.readThumbnail(id)))),
    greys: [...(await store.readGreys(ids))].map(([id, grey]) => `${id} ${digest(grey)}`).sort(),
    answers,
    spaces: spaces
      .map(({ id: _id, createdAt: _at, jobId: _job, ...space }) => space)
      .sort((a, b) => a.name.localeCompare(b.name)),
    fitted: new Map(await Promise.all(spaces.map(async ({ id, name }) => [name, await store.readFitted(id)] as const))),
    scorers: await Promise.all(
      scorers.map(async ({ spaceId, kind }) => [
        spaces.find(({ id }) => id === spaceId)?.name,
        await store.readScorer(spaceId, kind),
      ]),
    ),
  };
}

/** The same answers in the same order; the two builds of pgvector round similarities in another way. */
export function alike(before: Seen): unknown {
  const answers = before.answers.map((hits) =>
    hits.map((hit) => ({ ...hit, similarity: expect.closeTo(hit.similarity, 5) as number })),
  );
  return { ...before, answers };
}

export function digest(bytes: Buffer | undefined): string {
  return createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');
}
