import type { OperationsContext } from '../spaces/context.js';
import { indexRegions, type IndexedRegions, type IndexRegionsInput } from './index-regions.js';
import type { SearchAnswer } from './search-answer.js';
import { searchByUpload, type UploadSearchInput } from './search-by-upload.js';
import { similarImages, type SimilarImagesInput } from './similar-images.js';
import { trainScorer, type TrainedScorer, type TrainScorerInput } from './train-scorer.js';

export interface SearchOperations {
  similarImages(input: SimilarImagesInput): Promise<SearchAnswer>;
  searchByUpload(input: UploadSearchInput): Promise<SearchAnswer>;
  trainScorer(input: TrainScorerInput): Promise<TrainedScorer>;
  /** Embeds parts of every stored image that has none. Run again, it goes on. */
  indexRegions(input: IndexRegionsInput): Promise<IndexedRegions>;
}

export function createSearchOperations(context: OperationsContext): SearchOperations {
  return {
    similarImages: (input) => similarImages(context, input),
    searchByUpload: (input) => searchByUpload(context, input),
    trainScorer: (input) => trainScorer(context, input),
    indexRegions: (input) => indexRegions(context, input),
  };
}
