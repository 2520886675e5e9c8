import type { SearchMethods } from '../list-methods.js';
import type { RequestContext } from '../../api/context.js';

const answers = new WeakMap<RequestContext, Promise<SearchMethods>>();

/** One request asks once, however many aliases it has: counting is dear. */
export async function listMethodsOnce(context: RequestContext): Promise<SearchMethods> {
  const answer = answers.get(context) ?? context.operations.listMethods();
  answers.set(context, answer);
  return answer;
}
