import { Ctx, FieldResolver, Int, Resolver, Root } from 'type-graphql';
import type { ResolverContext } from '../../base/graphql/resolver-context.js';
import type { ImageOperations } from '../image-operations.js';
import { ImageConnection } from './image-connection.type.js';

@Resolver(() => ImageConnection)
export class ImageConnectionResolver {
  @FieldResolver(() => Int, { description: 'Images that pass the filter, on all pages.' })
  totalCount(
    @Root() connection: ImageConnection,
    @Ctx() { operations }: ResolverContext<ImageOperations>,
  ): Promise<number> {
    return operations.countImages(connection.filter);
  }
}
