import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { defaultK } from '../../base/limits.js';
import { metadataTextOf } from '../sql/image-rows.js';
import type { ImageRecord, Metadata } from '../../database/types.js';
import { JsonText } from '../../base/graphql/json-text.js';
import type { RequestContext } from '../../api/context.js';
import { selectsMetadata } from '../../search/graphql/selects-metadata.js';
import { SimilarImage, toSimilarImages } from '../../search/graphql/similar-image.type.js';
import { ImageConnection } from './image-connection.type.js';
import { toImageFilter } from './image-filter.input.js';
import { DeleteImagePayload, UpdateImagePayload } from './image-payloads.type.js';
import { ImagesArgs, UpdateImageArgs } from './image.args.js';
import { Image } from './image.type.js';

@Resolver(() => Image)
export class ImageResolver {
  /** The type of `image` is an interface, so that it is not copied, which would read its metadata. */
  @FieldResolver()
  metadata(@Root() image: ImageRecord, @Ctx() { answer }: RequestContext): Metadata | JsonText {
    const text = metadataTextOf(image);
    if (text === undefined) return image.metadata;
    answer.add(text.length);
    return new JsonText(text);
  }

  @FieldResolver(() => String, { description: 'Path on this server of the original bytes, exactly as uploaded.' })
  async url(@Root('id') id: string, @Ctx() { imagePaths }: RequestContext): Promise<string> {
    return (await imagePaths(id)).original;
  }

  @FieldResolver(() => String, {
    description:
      'Path on this server of a full-size rendition that every browser shows: WebP, upright, without metadata.',
  })
  async renditionUrl(@Root('id') id: string, @Ctx() { imagePaths }: RequestContext): Promise<string> {
    return (await imagePaths(id)).rendition;
  }

  @FieldResolver(() => String, {
    description: 'Path on this server of a WebP thumbnail, 320 pixels on its longer side.',
  })
  async thumbnailUrl(@Root('id') id: string, @Ctx() { imagePaths }: RequestContext): Promise<string> {
    return (await imagePaths(id)).thumbnail;
  }

  @FieldResolver(() => [SimilarImage], { description: 'The k nearest other images, nearest first.' })
  async similarImages(
    @Root('id') imageId: string,
    @Arg('k', () => Int, { defaultValue: defaultK, description: 'How many images to find, 1 to 1000.' }) k: number,
    @Ctx() { operations, searches, signal }: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<readonly SimilarImage[]> {
    const input = { imageId, k, withoutMetadata: !selectsMetadata(info), signal };
    return toSimilarImages(await searches.run(input, () => operations.similarImages(input)));
  }

  @Query(() => Image, { nullable: true, description: 'Null where there is none.' })
  async image(
    @Arg('id', () => ID, { description: 'Of the image.' }) id: string,
    @Ctx() { operations }: RequestContext,
  ): Promise<Image | undefined> {
    return operations.findImage(id);
  }

  @Query(() => ImageConnection, { description: 'Newest first; first is 1 to 100.' })
  async images(
    @Args(() => ImagesArgs) { first, after, filter: filterInput }: ImagesArgs,
    @Ctx() { operations }: RequestContext,
  ): Promise<ImageConnection> {
    const filter = toImageFilter(filterInput);
    const { edges, hasNextPage, hasPreviousPage } = await operations.listImages({
      first,
      after: after ?? undefined,
      filter,
    });
    const pageInfo = { hasNextPage, hasPreviousPage, startCursor: edges[0]?.cursor, endCursor: edges.at(-1)?.cursor };
    return { edges, pageInfo, filter };
  }

  @Mutation(() => UpdateImagePayload, { description: "Replaces the image's metadata." })
  async updateImage(
    @Args(() => UpdateImageArgs) { id, metadata }: UpdateImageArgs,
    @Ctx() { operations }: RequestContext,
  ): Promise<UpdateImagePayload> {
    return { image: await operations.updateImage({ id, metadata }) };
  }

  @Mutation(() => DeleteImagePayload, { description: 'Removes an image with its bytes and embeddings.' })
  async deleteImage(
    @Arg('id', () => ID, { description: 'Of the image.' }) id: string,
    @Ctx() { operations }: RequestContext,
  ): Promise<DeleteImagePayload> {
    return { deletedId: await operations.deleteImage(id) };
  }
}
