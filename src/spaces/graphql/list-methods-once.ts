import type { SearchMethods } from '../list-methods.js';
import type { SpaceContext } from './space-context.js';

const answers = new WeakMap<SpaceContext, Promise<SearchMethods>>();

/** One request asks once, however many aliases it has: counting is dear. */
export async function listMethodsOnce(context: SpaceContext): Promise<SearchMethods> {
  const answer = answers.get(context) ?? context.operations.listMethods();
  answers.set(context, answer);
  return answer;
}
