import { Args, Ctx, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../context.js';
import { toImageFilter } from '../image/image-filter.input.js';
import { openFile } from '../upload/uploaded-file.js';
import { SearchByUploadArgs, SimilarImagesArgs } from './search.args.js';
import { SimilarImage, toSimilarImages } from './similar-image.type.js';

@Resolver()
export class SearchResolver {
  @Query(() => [SimilarImage], {
    description:
      'The k stored images nearest to a stored one, nearest first, itself left out; k is 1 to 1000. With a filter, still k of those that pass it; all of them where there are fewer.',
  })
  async similarImages(
    @Args(() => SimilarImagesArgs) { imageId, k, minSimilarity, filter }: SimilarImagesArgs,
    @Ctx() { operations, searches }: RequestContext,
  ): Promise<readonly SimilarImage[]> {
    const options = { k, minSimilarity: minSimilarity ?? undefined, filter: toImageFilter(filter) };
    return toSimilarImages(await searches.run(k, () => operations.similarImages({ imageId, ...options })));
  }

  @Query(() => [SimilarImage], {
    description: 'The k stored images nearest to an uploaded one, nearest first. The upload is not stored.',
  })
  async searchByUpload(
    @Args(() => SearchByUploadArgs) { file, k, minSimilarity, filter }: SearchByUploadArgs,
    @Ctx() { operations, searches, signal }: RequestContext,
  ): Promise<readonly SimilarImage[]> {
    const { bytes } = await openFile(file);
    const options = { k, minSimilarity: minSimilarity ?? undefined, filter: toImageFilter(filter), signal };
    return toSimilarImages(await searches.run(k, () => operations.searchByUpload({ bytes, ...options })));
  }
}
