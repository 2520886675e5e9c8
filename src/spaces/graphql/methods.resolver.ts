import { Ctx, Query, Resolver } from 'type-graphql';
import type { SpaceContext } from './space-context.js';
import { listMethodsOnce } from './list-methods-once.js';
import { SearchMethodsType } from './methods.type.js';

@Resolver()
export class MethodsResolver {
  @Query(() => SearchMethodsType, { description: 'The spaces and re-rankers that a search may name.' })
  async methods(@Ctx() context: SpaceContext): Promise<SearchMethodsType> {
    return listMethodsOnce(context);
  }
}
