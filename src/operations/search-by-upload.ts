import { checkFilter, checkK, checkMinSimilarity } from './arguments.js';
import type { OperationsContext } from './context.js';
import { readUpload, type UploadBytes } from './read-upload.js';
import { requireModel } from './active-space.js';
import type { SearchAnswer } from './search-answer.js';
import type { SearchInput } from './search-input.js';

export interface UploadSearchInput extends SearchInput {
  readonly bytes: UploadBytes;
}

/**
 * The k nearest to an image that is not stored: the path of an upload without its transaction.
 * @throws SemblanceError as uploadImage, STORAGE_FULL apart
 */
export async function searchByUpload(context: OperationsContext, input: UploadSearchInput): Promise<SearchAnswer> {
  const { store, embedder, decoder } = context;
  const options = {
    k: checkK(input.k),
    minSimilarity: checkMinSimilarity(input.minSimilarity),
    filter: checkFilter(input.filter),
  };
  decoder.assertRoom('query');
  const { bytes } = await readUpload(input.bytes, context.maxUploadBytes);
  await requireModel(context);
  const startedMs = performance.now();
  const modelInput = await decoder.use(bytes, 'query', (image) => embedder.prepare(image, 'query'), input.signal);
  const embedding = await embedder.embed(modelInput, 'query', input.signal);
  const embedMs = performance.now() - startedMs;
  return { ...(await store.searchByVector(embedding, options)), embedMs, rerankMs: 0 };
}
