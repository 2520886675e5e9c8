import { describe, expect, it } from 'vitest';
import { adviseModel } from '../../../../src/spaces/models/model-advice.js';
import { FittedRecipes } from '../../../../src/spaces/fitted-recipes.js';
import type { ListedSpace, SpaceState } from '../../../../src/database/store.js';

interface Row {
  readonly name: string;
  readonly model?: string;
  readonly state?: SpaceState;
  readonly fitted?: unknown;
}

/** A gallery of these spaces, the first of them active. */
function gallery(...rows: readonly Row[]) {
  const spaces = rows.map(({ name, model = name, state = 'ready' }, index): ListedSpace => ({
    id: index + 1,
    name,
    model,
    modelSha256: '0'.repeat(64),
    preprocessingSha256: '0'.repeat(64),
    dimensions: 768,
    state: index === 0 ? 'active' : state,
    imageCount: 0,
    missingCount: 0,
    regionCount: 0,
    createdAt: new Date(0),
    jobId: undefined,
  }));
  const store = {
    activeSpace: () => Promise.resolve(spaces[0]),
    listSpaces: () => Promise.resolve(spaces),
    readFitted: (id: number) => Promise.resolve(rows[id - 1]?.fitted),
  };
  return { store, recipes: new FittedRecipes(store), model: undefined };
}

const compact: Row = { name: 'semblance-compact' };
const features: Row = { name: 'features', model: 'color', fitted: { version: 1, recipe: { kind: 'color-histogram' } } };

describe('adviseModel', () => {
  it.each([
    ['an empty database', gallery()],
    ['a gallery of the default model', gallery({ name: 'semblance-hybrid' }, compact)],
    ['a gallery of another model', gallery({ name: 'dinov2-base' }, compact)],
    ['a gallery of features', gallery(features, compact)],
    ['whoever named the model', { ...gallery(compact), model: 'semblance-compact' }],
  ])('says nothing to %s', async (_, parts) => {
    expect(await adviseModel(parts)).toBeUndefined();
  });

  const create = 'spaces create semblance-hybrid --model semblance-hybrid --backfill';
  it.each<readonly [string, readonly Row[], readonly string[]]>([
    [
      'makes a space of the default model',
      [compact],
      [create, 'spaces compare semblance-compact semblance-hybrid', 'spaces activate semblance-hybrid'],
    ],
    [
      'goes on with one that is half filled',
      [compact, { name: 'new', model: 'semblance-hybrid', state: 'building' }],
      ['spaces backfill new', 'spaces compare semblance-compact new', 'spaces activate new'],
    ],
    [
      'goes on with one that is full',
      [{ name: 'photos', model: 'semblance-compact' }, { name: 'semblance-hybrid' }],
      ['spaces compare photos semblance-hybrid', 'spaces activate semblance-hybrid'],
    ],
    [
      'takes a name that is free',
      [compact, { name: 'semblance-hybrid', state: 'retired' }, { ...features, name: 'semblance-hybrid-2' }],
      [
        'spaces create semblance-hybrid-3 --model semblance-hybrid --backfill',
        'spaces compare semblance-compact semblance-hybrid-3',
        'spaces activate semblance-hybrid-3',
      ],
    ],
  ])('%s', async (_, rows, commands) => {
    const advice = await adviseModel(gallery(...rows));
    expect(advice?.commands).toEqual(commands);
    expect(advice?.message).toContain(`The active space "${rows[0]?.name ?? ''}" was made with semblance-compact,`);
    expect(advice?.otherwise).toContain('SEMBLANCE_MODEL=semblance-compact');
  });
});
