import { Ctx, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../context.js';
import { SearchMethodsType } from './methods.type.js';

/** One request asks once, however many aliases it has: counting is dear. */
const answers = new WeakMap<RequestContext, Promise<SearchMethodsType>>();

@Resolver()
export class MethodsResolver {
  @Query(() => SearchMethodsType, { description: 'The spaces and re-rankers that a search may name.' })
  async methods(@Ctx() context: RequestContext): Promise<SearchMethodsType> {
    const answer = answers.get(context) ?? context.operations.listMethods();
    answers.set(context, answer);
    return answer;
  }
}
