import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { metadataTextOf } from '../sql/image-rows.js';
import type { ImageRecord, Metadata } from '../../database/types.js';
import { JsonText } from '../../base/graphql/json-text.js';
import type { ResolverContext } from '../../base/graphql/resolver-context.js';
import type { ImageOperations } from '../image-operations.js';
import { ImageConnection } from './image-connection.type.js';
import { toImageFilter } from './image-filter.input.js';
import { DeleteImagePayload, UpdateImagePayload } from './image-payloads.type.js';
import { ImagesArgs, UpdateImageArgs } from './image.args.js';
import { Image } from './image.type.js';

type Context = ResolverContext<ImageOperations>;

@Resolver(() => Image)
export class ImageResolver {
  /** The type of `image` is an interface, so that it is not copied, which would read its metadata. */
  @FieldResolver()
  metadata(@Root() image: ImageRecord, @Ctx() { answer }: Context): Metadata | JsonText {
    const text = metadataTextOf(image);
    if (text === undefined) return image.metadata;
    answer.add(text.length);
    return new JsonText(text);
  }

  @FieldResolver(() => String, { description: 'Path on this server of the original bytes, exactly as uploaded.' })
  async url(@Root('id') id: string, @Ctx() { imagePaths }: Context): Promise<string> {
    return (await imagePaths(id)).original;
  }

  @FieldResolver(() => String, {
    description:
      'Path on this server of a full-size rendition that every browser shows: WebP, upright, without metadata.',
  })
  async renditionUrl(@Root('id') id: string, @Ctx() { imagePaths }: Context): Promise<string> {
    return (await imagePaths(id)).rendition;
  }

  @FieldResolver(() => String, {
    description: 'Path on this server of a WebP thumbnail, 320 pixels on its longer side.',
  })
  async thumbnailUrl(@Root('id') id: string, @Ctx() { imagePaths }: Context): Promise<string> {
    return (await imagePaths(id)).thumbnail;
  }

  @Query(() => Image, { nullable: true, description: 'Null where there is none.' })
  async image(
    @Arg('id', () => ID, { description: 'Of the image.' }) id: string,
    @Ctx() { operations }: Context,
  ): Promise<Image | undefined> {
    return operations.findImage(id);
  }

  @Query(() => ImageConnection, { description: 'Newest first; first is 1 to 100.' })
  async images(
    @Args(() => ImagesArgs) { first, after, filter: filterInput }: ImagesArgs,
    @Ctx() { operations }: Context,
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
    @Ctx() { operations }: Context,
  ): Promise<UpdateImagePayload> {
    return { image: await operations.updateImage({ id, metadata }) };
  }

  @Mutation(() => DeleteImagePayload, { description: 'Removes an image with its bytes and embeddings.' })
  async deleteImage(
    @Arg('id', () => ID, { description: 'Of the image.' }) id: string,
    @Ctx() { operations }: Context,
  ): Promise<DeleteImagePayload> {
    return { deletedId: await operations.deleteImage(id) };
  }
}
