import { imageIdOf } from '../base/identity.js';
import { checkSearch } from './check-search.js';
import type { ByteHold } from '../base/concurrency/byte-budget.js';
import type { OperationsContext } from '../spaces/context.js';
import { encodeQuery } from './encode-query.js';
import { byEmbedding, findNearest } from './find-nearest.js';
import { readUpload, type UploadBytes } from '../images/read-upload.js';
import type { SearchAnswer } from './search-answer.js';
import type { SearchInput } from './search-input.js';
import { searchIn } from '../spaces/spaces.js';

export interface UploadSearchInput extends SearchInput {
  readonly bytes: UploadBytes;
}

/**
 * The k nearest to an image that is not stored, or to a region of it: the path of an upload without its transaction.
 * @throws SemblanceError as uploadImage, STORAGE_FULL apart
 */
export function searchByUpload(context: OperationsContext, input: UploadSearchInput): Promise<SearchAnswer> {
  return context.uploads.use((hold) => searchFor(context, input, hold));
}

async function searchFor(context: OperationsContext, input: UploadSearchInput, hold: ByteHold): Promise<SearchAnswer> {
  const { decoder, maxUploadBytes } = context;
  const search = checkSearch(input);
  decoder.assertRoom('query');
  const { bytes, sha256 } = await readUpload(input.bytes, { maxUploadBytes, hold });
  return searchIn(context, search.space, async (space) => {
    const startedMs = performance.now();
    const image = await encodeQuery(context, { imageId: imageIdOf(sha256), bytes }, space, search);
    const embedMs = performance.now() - startedMs;
    const find = byEmbedding(context, search, image.embedding);
    return { ...(await findNearest(context, search, space, { find, image })), embedMs };
  });
}
