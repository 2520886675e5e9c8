import type { Patience } from '../models/embedder/embedders.js';
import { invalidArgument, messageOf, SemblanceError } from '../base/errors.js';
import { modelsOf } from '../methods/fitted.js';
import type { FittedRecipe } from '../methods/recipe.js';
import type { EmbeddingSpace, Store } from '../database/store.js';
import { activeSpace } from './active-space.js';
import type { OperationsContext } from './context.js';
import { modelProblem } from './models/model-problem.js';

/**
 * The spaces that an upload is embedded for. An empty database gets its first.
 * @param known as they were read a moment ago
 * @throws SemblanceError MODEL_UNAVAILABLE where there is none and no model to make one, DATABASE_UNAVAILABLE
 */
export async function liveSpaces(
  context: OperationsContext,
  known?: readonly EmbeddingSpace[],
): Promise<readonly EmbeddingSpace[]> {
  const spaces = known ?? (await context.store.liveSpaces());
  if (spaces.some(({ state }) => state === 'active')) return spaces;
  return [await requireActiveSpace(context), ...spaces];
}

/**
 * The space that a search names, or the active one.
 * @throws SemblanceError BAD_USER_INPUT for an unknown, retired or unfinished one, MODEL_UNAVAILABLE as liveSpaces
 */
export async function searchableSpace(context: OperationsContext, name: string | undefined): Promise<EmbeddingSpace> {
  const spaces = await liveSpaces(context);
  const searchable = spaces.filter(({ state }) => state === 'active' || state === 'ready');
  const [active] = searchable;
  const found = name === undefined ? active : searchable.find((space) => space.name === name);
  if (found !== undefined) return found;
  const building = spaces.find((space) => space.name === name);
  if (building !== undefined) {
    const missing = await countMissing(context.store, building);
    throw new SemblanceError(
      'BAD_USER_INPUT',
      `The space ${JSON.stringify(building.name)} is being built: ${missing} images have no embedding in it yet. \`semblance spaces backfill ${building.name}\` finishes it`,
    );
  }
  const names = searchable.map((space) => JSON.stringify(space.name)).join(', ');
  throw invalidArgument('space', `the name of a space that can be searched (${names})`, name);
}

/** Spaces change within a moment only when somebody makes them; more often than this is no accident. */
const maxAttempts = 5;

/**
 * Searches the space that is named, or the active one; that one again where the former was taken away meanwhile.
 * @throws SemblanceError as searchableSpace and `search`
 */
export async function searchIn<T>(
  context: OperationsContext,
  name: string | undefined,
  search: (space: EmbeddingSpace) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const space = await searchableSpace(context, name);
    try {
      return await search(space);
    } catch (error) {
      if (name !== undefined || attempt === maxAttempts || !(await areGone(context.store, [space]))) throw error;
    }
  }
}

/** Whether one of the spaces is live no more. */
export async function areGone(store: Store, spaces: readonly EmbeddingSpace[]): Promise<boolean> {
  const live = new Set((await store.liveSpaces()).map(({ id }) => id));
  return spaces.some(({ id }) => !live.has(id));
}

/** @throws SemblanceError NOT_FOUND */
export async function requireSpace(store: Store, name: string): Promise<EmbeddingSpace> {
  return requireSpaceOf(await store.listSpaces(), name);
}

/** @throws SemblanceError NOT_FOUND */
export function requireSpaceOf<S extends EmbeddingSpace>(spaces: readonly S[], name: string): S {
  const found = spaces.find((space) => space.name === name);
  if (found !== undefined) return found;
  const names = spaces.map((space) => JSON.stringify(space.name)).join(', ');
  throw new SemblanceError(
    'NOT_FOUND',
    `There is no space ${JSON.stringify(name)}${names === '' ? '' : `; there are ${names}`}`,
  );
}

/**
 * What was fitted for each space, its models at hand.
 * @param patience see Embedders.get
 * @throws SemblanceError MODEL_UNAVAILABLE naming the first space that cannot embed, DATABASE_UNAVAILABLE
 */
export async function requireEncodable(
  context: OperationsContext,
  spaces: readonly EmbeddingSpace[],
  patience: Patience = 'any',
): Promise<readonly FittedRecipe[]> {
  return Promise.all(
    spaces.map(async (space) => {
      const recipe = await context.recipes.of(space);
      const problem = await encodingProblem(context, space, recipe, patience);
      if (problem === undefined) return recipe;
      throw new SemblanceError(
        'MODEL_UNAVAILABLE',
        `The model of the embedding space ${JSON.stringify(space.name)} is not available; what needs none goes on working`,
        { cause: new Error(problem) },
      );
    }),
  );
}

/** Why images cannot be embedded in the space, for the operator; undefined where they can. */
export async function encodingProblem(
  { embedder, embedders, homeSpaceId }: Pick<OperationsContext, 'embedder' | 'embedders' | 'homeSpaceId'>,
  space: EmbeddingSpace,
  recipe: FittedRecipe,
  patience: Patience = 'any',
): Promise<string | undefined> {
  const models = modelsOf(recipe);
  // A model of the same name elsewhere is not put in the place of the one that the operator chose.
  if (models.length > 0 && space.id === homeSpaceId()) {
    const problem = modelProblem(embedder.state, space, models);
    if (problem !== undefined) return problem;
  }
  for (const { model, sha256, preprocessingSha256 } of models) {
    try {
      const { state } = (await embedders.get(model, { sha256, preprocessingSha256 }, patience)).embedder;
      if (state.kind === 'failed')
        return `the model failed: ${state.reason}${state.remedy === undefined ? '' : `; ${state.remedy}`}`;
      if (state.kind !== 'ready') return `the model is ${state.kind}`;
    } catch (error) {
      return messageOf(error);
    }
  }
  return undefined;
}

/** Stored images that have no embedding in the space. */
export async function countMissing(store: Store, { id }: EmbeddingSpace): Promise<number> {
  const [stored, spaces] = await Promise.all([store.countImages(), store.listSpaces()]);
  return Math.max(0, stored - (spaces.find((space) => space.id === id)?.imageCount ?? 0));
}

async function requireActiveSpace(context: OperationsContext): Promise<EmbeddingSpace> {
  const space = await activeSpace(context);
  if (space !== undefined) return space;
  throw new SemblanceError(
    'MODEL_UNAVAILABLE',
    'The embedding model is not available; what needs none goes on working',
  );
}
