import { describe, expect, it } from 'vitest';
import type { ModelInfo } from '../../../src/models/embedder/embedder.js';
import { activeSpace } from '../../../src/spaces/active-space.js';
import { fittedFromJson } from '../../../src/methods/fitted.js';
import { describeFitted } from '../../../src/methods/notation.js';
import type { EmbeddingSpace, NewEmbeddingSpace } from '../../../src/database/store.js';

const model = {
  name: 'a-model',
  sha256: 'a'.repeat(64),
  preprocessingSha256: 'b'.repeat(64),
  dimensions: 768,
} as ModelInfo;

/** What an empty database is asked to make. */
async function firstSpace(dimensions: number): Promise<NewEmbeddingSpace> {
  const made: NewEmbeddingSpace[] = [];
  const store = {
    activeSpace: () => Promise.resolve(undefined),
    ensureSpace: (space: NewEmbeddingSpace) => {
      made.push(space);
      return Promise.resolve({ ...space, id: 1, state: 'active' } as EmbeddingSpace);
    },
  };
  const embedder = { state: { kind: 'ready', model: { ...model, dimensions } } };
  await activeSpace({ store, embedder } as never);
  return made[0] as NewEmbeddingSpace;
}

describe('the first space of an empty database', () => {
  it('is the model and nothing else where a space holds its numbers', async () => {
    expect(await firstSpace(768)).toEqual({
      name: 'a-model',
      model: 'a-model',
      modelSha256: model.sha256,
      preprocessingSha256: model.preprocessingSha256,
      dimensions: 768,
    });
  });

  it('projects a model of more numbers by drawn directions', async () => {
    const space = await firstSpace(1_024);
    expect(space).toMatchObject({ name: 'a-model', model: '@a-model.random-768', dimensions: 768 });
    expect(describeFitted(fittedFromJson(space.fitted))).toBe('@a-model.random-768');
  });
});
