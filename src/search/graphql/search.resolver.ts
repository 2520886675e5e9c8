import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, Info, Query, Resolver } from 'type-graphql';
import type { SearchContext } from './search-context.js';
import { withFile } from '../../base/graphql/uploaded-file.js';
import { QueryFileArgs, QueryImageArgs, SearchArgs, toSearchInput } from './search.args.js';
import { selectsMetadata } from './selects-metadata.js';
import { SimilarImage, toSimilarImages } from './similar-image.type.js';

/** type-graphql lists arguments from the last parameter to the first: the query stands first, as in the contract. */
@Resolver()
export class SearchResolver {
  @Query(() => [SimilarImage], {
    description:
      'The k stored images nearest to a stored one, nearest first, itself left out; k is 1 to 1000. With a filter, still k of those that pass it; all of them where there are fewer.',
  })
  async similarImages(
    @Args(() => SearchArgs) args: SearchArgs,
    @Args(() => QueryImageArgs) { imageId }: QueryImageArgs,
    @Ctx() { operations, searches, signal }: SearchContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<readonly SimilarImage[]> {
    const input = { ...toSearchInput(args), imageId, withoutMetadata: !selectsMetadata(info), signal };
    const cost = { ...input, decodesStored: input.region !== undefined };
    return toSimilarImages(await searches.run(cost, () => operations.similarImages(input)));
  }

  @Query(() => [SimilarImage], {
    description: 'The k stored images nearest to an uploaded one, nearest first. The upload is not stored.',
  })
  async searchByUpload(
    @Args(() => SearchArgs) args: SearchArgs,
    @Args(() => QueryFileArgs) { file }: QueryFileArgs,
    @Ctx() { operations, searches, signal }: SearchContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<readonly SimilarImage[]> {
    return withFile(file, async ({ bytes }) => {
      const input = { ...toSearchInput(args), bytes, withoutMetadata: !selectsMetadata(info), signal };
      return toSimilarImages(await searches.run(input, () => operations.searchByUpload(input)));
    });
  }
}
