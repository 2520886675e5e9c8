import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, Info, Int, Resolver, Root } from 'type-graphql';
import { defaultK } from '../../base/limits.js';
import { Image } from '../../images/graphql/image.type.js';
import type { SearchContext } from './search-context.js';
import { selectsMetadata } from './selects-metadata.js';
import { SimilarImage, toSimilarImages } from './similar-image.type.js';

/** What searching adds to an image. */
@Resolver(() => Image)
export class ImageSearchResolver {
  @FieldResolver(() => [SimilarImage], { description: 'The k nearest other images, nearest first.' })
  async similarImages(
    @Root('id') imageId: string,
    @Arg('k', () => Int, { defaultValue: defaultK, description: 'How many images to find, 1 to 1000.' }) k: number,
    @Ctx() { operations, searches, signal }: SearchContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<readonly SimilarImage[]> {
    const input = { imageId, k, withoutMetadata: !selectsMetadata(info), signal };
    return toSimilarImages(await searches.run(input, () => operations.similarImages(input)));
  }
}
