import { Ctx, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../api/context.js';
import { listMethodsOnce } from './list-methods-once.js';
import { SearchMethodsType } from './methods.type.js';

@Resolver()
export class MethodsResolver {
  @Query(() => SearchMethodsType, { description: 'The spaces and re-rankers that a search may name.' })
  async methods(@Ctx() context: RequestContext): Promise<SearchMethodsType> {
    return listMethodsOnce(context);
  }
}
