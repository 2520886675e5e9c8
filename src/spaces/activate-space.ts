import type { OperationsContext } from './context.js';
import { requireEncodable, requireSpace } from './spaces.js';

export interface ActivateSpaceInput {
  readonly name: string;
  /** Also where stored images have no embedding in it: they are not found until backfillSpace has embedded them. */
  readonly force?: boolean | undefined;
}

export interface SpaceActivation {
  readonly space: string;
  /** The one that was active until now, which goes on being filled; undefined where this one was active already. */
  readonly former: string | undefined;
  /** Images without an embedding in it: 0 unless forced. */
  readonly missing: number;
}

/**
 * Makes a space the one that is searched where none is named, for all servers at once. Activating the former one takes it back.
 * @throws SemblanceError NOT_FOUND, CONFLICT where it lacks images or is retired, MODEL_UNAVAILABLE where its model is not here,
 * DATABASE_UNAVAILABLE
 */
export async function activateSpace(context: OperationsContext, input: ActivateSpaceInput): Promise<SpaceActivation> {
  const { store } = context;
  const { name, force = false } = input;
  const space = await requireSpace(store, name);
  // Who has no model for it would be blind from then on.
  if (space.state !== 'retired') await requireEncodable(context, [space]);
  const { former, missing } = await store.activateSpace(space.id, { force });
  return { space: space.name, former: former?.name, missing };
}

/**
 * Uploads are embedded for it no more, and no search finds it; what it holds stays until it is removed.
 * @returns its name
 * @throws SemblanceError NOT_FOUND, CONFLICT for the active one, DATABASE_UNAVAILABLE
 */
export async function retireSpace({ store }: OperationsContext, name: string): Promise<string> {
  const space = await requireSpace(store, name);
  await store.retireSpace(space.id);
  return space.name;
}
