import { describe, expect, it } from 'vitest';
import { SemblanceError } from '../../../src/base/errors.js';
import { FittedRecipes } from '../../../src/spaces/fitted-recipes.js';
import { fittedToJson } from '../../../src/methods/fitted.js';
import type { EmbeddingSpace } from '../../../src/database/store.js';

const space: EmbeddingSpace = {
  id: 7,
  name: 'seven',
  model: 'a-model',
  modelSha256: 'a'.repeat(64),
  preprocessingSha256: 'b'.repeat(64),
  dimensions: 8,
  state: 'ready',
};

/** Answers in turn; counts how often it was asked. */
function recipesOver(...answers: readonly unknown[]) {
  const asked: number[] = [];
  const recipes = new FittedRecipes({
    readFitted: (id) => {
      const answer = answers[asked.push(id) - 1];
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
  return { recipes, asked };
}

describe('what was fitted', () => {
  it('is read once for each space, also by those who ask at the same time', async () => {
    const { recipes, asked } = recipesOver(fittedToJson({ kind: 'hog' }));
    await Promise.all([recipes.of(space), recipes.of(space)]);
    expect(await recipes.of(space)).toEqual({ kind: 'hog' });
    expect(asked).toEqual([7]);
  });

  it('is a model and no more where nothing was', async () => {
    expect(await recipesOver(undefined).recipes.of(space)).toEqual({
      kind: 'model',
      model: 'a-model',
      sha256: space.modelSha256,
      preprocessingSha256: space.preprocessingSha256,
      dimensions: 8,
    });
  });

  it('is asked for again after a failure, and after the space was removed', async () => {
    const away = new SemblanceError('DATABASE_UNAVAILABLE', 'away');
    const { recipes, asked } = recipesOver(away, fittedToJson({ kind: 'hog' }), undefined);
    await expect(recipes.of(space)).rejects.toBe(away);
    expect((await recipes.of(space)).kind).toBe('hog');
    recipes.forget(space.id);
    expect((await recipes.of(space)).kind).toBe('model');
    expect(asked).toHaveLength(3);
  });

  it('names the space where this version cannot read it', async () => {
    await expect(recipesOver({ version: 2 }).recipes.of(space)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: expect.stringContaining('"seven"') as string,
    });
  });
});
