import { checkFilter, checkId, checkK, checkMinSimilarity } from './arguments.js';
import type { OperationsContext } from './context.js';
import type { SearchAnswer } from './search-answer.js';
import type { SearchInput } from './search-input.js';

export interface SimilarImagesInput extends SearchInput {
  readonly imageId: string;
}

/**
 * The k nearest to a stored image, itself left out. Touches no model: it starts from the stored embedding.
 * @throws SemblanceError BAD_USER_INPUT, NOT_FOUND, DATABASE_UNAVAILABLE
 */
export async function similarImages({ store }: OperationsContext, input: SimilarImagesInput): Promise<SearchAnswer> {
  const result = await store.searchByImage(checkId(input.imageId, 'imageId'), {
    k: checkK(input.k),
    minSimilarity: checkMinSimilarity(input.minSimilarity),
    filter: checkFilter(input.filter),
  });
  return { ...result, embedMs: 0, rerankMs: 0 };
}
