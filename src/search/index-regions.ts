import { SemblanceError } from '../base/errors.js';
import { cropToRegion } from '../pixels/region.js';
import { regionsOf } from './regions.js';
import type { FittedRecipe } from '../methods/recipe.js';
import type { RegionEmbedding } from '../database/types.js';
import type { OperationsContext } from '../spaces/context.js';
import type { FailedImage, OnProgress } from '../base/progress.js';
import { areGone, requireEncodable, searchableSpace } from '../spaces/spaces.js';
import { imagesPerPage, useStored, workOnPages } from '../spaces/stored-images.js';

export interface IndexRegionsInput {
  /** The active one unless given. */
  readonly space?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface IndexedRegions {
  readonly space: string;
  /** Images whose parts this run embedded. */
  readonly indexed: number;
  readonly failed: readonly FailedImage[];
  /** True where `signal` ended it; the next run goes on there. */
  readonly interrupted: boolean;
}

/**
 * Embeds parts of every stored image that has none in the space (see regionsOf), behind all queries. Images that are stored
 * later have none until it is run again.
 * @throws SemblanceError BAD_USER_INPUT as searchableSpace, NOT_FOUND once the space was retired or removed meanwhile,
 * MODEL_UNAVAILABLE, DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function indexRegions(context: OperationsContext, input: IndexRegionsInput): Promise<IndexedRegions> {
  const { store } = context;
  const { signal, onProgress } = input;
  const space = await searchableSpace(context, input.space);
  const recipes = await requireEncodable(context, [space]);
  const [stored, spaces] = await Promise.all([store.countImages(), store.listSpaces()]);
  const { regionCount = 0 } = spaces.find(({ id }) => id === space.id) ?? {};
  const total = Math.max(0, stored - Math.floor(regionCount / regionsOf().length));
  let done = 0;
  let indexed = 0;
  onProgress?.({ stage: 'regions', done, total });
  const worked = await workOnPages({
    next: (after) =>
      store.imagesWithoutRegions(space.id, { limit: imagesPerPage, ...(after !== undefined && { after }) }),
    work: async (imageId) => {
      const regions = await embedRegions(context, recipes, imageId, signal);
      if (await store.insertRegions(space.id, imageId, regions)) indexed += 1;
    },
    finishPage: async () => {
      // Every image of such a space answers as a deleted one does.
      if (await areGone(store, [space])) {
        throw new SemblanceError(
          'NOT_FOUND',
          `The space ${JSON.stringify(space.name)} was retired or removed meanwhile`,
        );
      }
    },
    onImage: () => {
      done += 1;
      onProgress?.({ stage: 'regions', done, total: Math.max(total, done) });
    },
    signal,
  });
  return { space: space.name, indexed, ...worked };
}

/** A part in which the space finds nothing is left out. @throws SemblanceError INVALID_IMAGE where all are */
async function embedRegions(
  context: OperationsContext,
  recipes: readonly FittedRecipe[],
  imageId: string,
  signal: AbortSignal | undefined,
): Promise<readonly RegionEmbedding[]> {
  const { encoders } = context;
  const parts = await useStored(
    context,
    imageId,
    async (image) => {
      const prepared = [];
      for (const region of regionsOf())
        prepared.push({ region, prepared: await encoders.prepare(recipes, cropToRegion(image, region), 'bulk') });
      return prepared;
    },
    signal,
  );
  const embedded: RegionEmbedding[] = [];
  for (const { region, prepared } of parts) {
    try {
      const [embedding] = await encoders.encode(recipes, prepared, imageId, 'bulk', signal);
      if (embedding !== undefined) embedded.push({ region, embedding });
    } catch (error) {
      if (!(error instanceof SemblanceError && error.code === 'INVALID_IMAGE')) throw error;
    }
  }
  if (embedded.length > 0) return embedded;
  throw new SemblanceError('INVALID_IMAGE', 'The space finds nothing in any part of this image to compare it by');
}
