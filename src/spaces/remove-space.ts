import type { OperationsContext } from './context.js';
import { requireSpace } from './spaces.js';

/**
 * Removes a space with its embeddings, regions and scorers; the images stay.
 * @returns its name
 * @throws SemblanceError NOT_FOUND, CONFLICT for the active one, DATABASE_UNAVAILABLE
 */
export async function removeSpace({ store, recipes }: OperationsContext, name: string): Promise<string> {
  const space = await requireSpace(store, name);
  await store.removeSpace(space.id);
  recipes.forget(space.id);
  return space.name;
}
