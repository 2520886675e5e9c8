import { activateSpace, retireSpace, type ActivateSpaceInput, type SpaceActivation } from './activate-space.js';
import { backfillSpace, type BackfilledSpace, type BackfillSpaceInput } from './backfill-space.js';
import { compareSpaces, type CompareSpacesInput, type SpaceComparison } from './compare/compare-spaces.js';
import type { OperationsContext } from './context.js';
import { createSpace, type CreatedSpace, type CreateSpaceInput } from './create-space.js';
import { listMethods, type SearchMethods } from './list-methods.js';
import { reindex, type Reindexed, type ReindexInput } from './reindex.js';
import { removeSpace } from './remove-space.js';

export interface SpaceOperations {
  /** The spaces that searches may name, and the re-rankers. */
  listMethods(): Promise<SearchMethods>;
  /** Fits a space on stored images. BAD_USER_INPUT says what is wrong; CONFLICT where the name is taken. */
  createSpace(input: CreateSpaceInput): Promise<CreatedSpace>;
  /** Embeds the stored images that a space lacks, and makes a `building` one `ready`. Run again, it goes on. */
  backfillSpace(input: BackfillSpaceInput): Promise<BackfilledSpace>;
  /** Makes it the one that is searched where none is named. CONFLICT where it lacks images, unless forced. */
  activateSpace(input: ActivateSpaceInput): Promise<SpaceActivation>;
  /** Uploads are embedded for it no more. NOT_FOUND where there is none, CONFLICT for the active one. Answers its name. */
  retireSpace(name: string): Promise<string>;
  /** NOT_FOUND where there is none, CONFLICT for the active one. Answers its name. */
  removeSpace(name: string): Promise<string>;
  /** How the results of two spaces differ, on a sample of the images that both hold. */
  compareSpaces(input: CompareSpacesInput): Promise<SpaceComparison>;
  /** Builds the vector indexes that are missing or invalid. Run again, it goes on. */
  reindex(input: ReindexInput): Promise<Reindexed>;
}

export function createSpaceOperations(context: OperationsContext): SpaceOperations {
  return {
    listMethods: () => listMethods(context),
    createSpace: (input) => createSpace(context, input),
    backfillSpace: (input) => backfillSpace(context, input),
    activateSpace: (input) => activateSpace(context, input),
    retireSpace: (name) => retireSpace(context, name),
    removeSpace: (name) => removeSpace(context, name),
    compareSpaces: (input) => compareSpaces(context, input),
    reindex: (input) => reindex(context, input),
  };
}
