import { Ctx, FieldResolver, Int, Resolver, Root } from 'type-graphql';
import type { RequestContext } from '../../api/context.js';
import { ImageConnection } from './image-connection.type.js';

@Resolver(() => ImageConnection)
export class ImageConnectionResolver {
  @FieldResolver(() => Int, { description: 'Images that pass the filter, on all pages.' })
  totalCount(@Root() connection: ImageConnection, @Ctx() { operations }: RequestContext): Promise<number> {
    return operations.countImages(connection.filter);
  }
}
