import { SemblanceError } from '../base/errors.js';
import type { SearchOptions } from '../database/types.js';
import { checkId } from '../base/arguments.js';
import { checkSearch, type CheckedSearch } from './check-search.js';
import type { OperationsContext } from '../spaces/context.js';
import { encodeQuery } from './encode-query.js';
import { byEmbedding, findNearest } from './find-nearest.js';
import { requireFound } from '../base/require-found.js';
import type { SearchAnswer } from './search-answer.js';
import type { SearchInput } from './search-input.js';
import { searchIn } from '../spaces/spaces.js';

export interface SimilarImagesInput extends SearchInput {
  readonly imageId: string;
}

/**
 * The k nearest to a stored image, itself left out. Starts from the stored embedding and touches no model, unless `region`
 * asks for a part of the image. Without any choice of method it is one round trip to the database.
 * @throws SemblanceError BAD_USER_INPUT, NOT_FOUND, DATABASE_UNAVAILABLE; with `region` as searchByUpload
 */
export async function similarImages(context: OperationsContext, input: SimilarImagesInput): Promise<SearchAnswer> {
  const imageId = checkId(input.imageId, 'imageId');
  const search = checkSearch(input);
  return similarTo(context, imageId, search).catch(async (error: unknown) => {
    throw await explainNotFound(context, imageId, search, error);
  });
}

async function similarTo(context: OperationsContext, imageId: string, search: CheckedSearch): Promise<SearchAnswer> {
  const { store } = context;
  const { region, rerank, searchRegions } = search;
  if (region !== undefined) return similarToRegion(context, imageId, search);
  const byImage = (options: SearchOptions) => store.searchByImage(imageId, options);
  if (search.space === undefined && rerank === undefined && !searchRegions) {
    return { ...(await findNearest(context, search, undefined, { find: byImage, image: { imageId } })), embedMs: 0 };
  }
  return searchIn(context, search.space, async (space) => {
    let find = byImage;
    if (searchRegions) {
      const stored = await store.readEmbeddings(space.id, [imageId]);
      find = byEmbedding(context, search, requireFound(stored.get(imageId), imageId), imageId);
    }
    return { ...(await findNearest(context, search, space, { find, image: { imageId } })), embedMs: 0 };
  });
}

/** The image may be stored, and lack the embedding that the search starts from: after a move or an activation that did not wait for it. */
async function explainNotFound(
  { store }: OperationsContext,
  imageId: string,
  { space: name }: CheckedSearch,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof SemblanceError) || error.code !== 'NOT_FOUND') return error;
  const [spaces, stored] = await Promise.all([store.liveSpaces(), store.existingIds([imageId])]);
  const space = spaces.find((live) => (name === undefined ? live.state === 'active' : live.name === name));
  if (space === undefined || !stored.has(imageId)) return error;
  if ((await store.heldIn(space.id, [imageId])).has(imageId)) return error;
  return new SemblanceError(
    'NOT_FOUND',
    `The image ${imageId} has no embedding in the space ${JSON.stringify(space.name)}: \`semblance spaces backfill ${space.name}\` embeds what is missing`,
    { cause: error },
  );
}

/** The image itself is left out here, too, whichever part of it is searched for. */
async function similarToRegion(
  context: OperationsContext,
  imageId: string,
  search: CheckedSearch,
): Promise<SearchAnswer> {
  const { store, decoder } = context;
  decoder.assertRoom('query');
  const { bytes } = requireFound(await store.readOriginal(imageId), imageId);
  return searchIn(context, search.space, async (space) => {
    const startedMs = performance.now();
    const image = await encodeQuery(context, { imageId, bytes }, space, search);
    const embedMs = performance.now() - startedMs;
    const find = byEmbedding(context, search, image.embedding, imageId);
    return { ...(await findNearest(context, search, space, { find, image })), embedMs };
  });
}
