import type { ActivateSpaceInput, SpaceActivation } from '../../spaces/activate-space.js';
import type { BackfilledSpace, BackfillSpaceInput } from '../../spaces/backfill-space.js';
import type { CompareSpacesInput, SpaceComparison } from '../../spaces/compare/compare-spaces.js';
import type { CreateSpaceInput } from '../../spaces/create-space.js';
import type { IndexedRegions, IndexRegionsInput } from '../../search/index-regions.js';
import type { Operations } from '../../api/operations.js';
import type { FailedImage } from '../../base/progress.js';
import type { TrainedScorer, TrainScorerInput } from '../../search/train-scorer.js';

/** Images that were passed over. A server lists the first of them, and counts all. */
export interface Failures {
  readonly failed: readonly FailedImage[];
  readonly failedCount: number;
}

export interface MadeSpace extends Failures {
  readonly dimensions: number;
  readonly description: string;
  readonly sampled: number;
  readonly neighboursKept: number | undefined;
  readonly missing: number;
}

/**
 * The one door of the commands to what makes and changes spaces: operations in this process, or a server's over its public GraphQL.
 * Both throw SemblanceError; an aborted `signal` ends what is under way, as it does for the operations.
 */
export interface SpaceDoor {
  listSpaces(): Promise<readonly { readonly name: string; readonly description: string }[]>;
  createSpace(input: CreateSpaceInput): Promise<MadeSpace>;
  backfillSpace(
    input: BackfillSpaceInput,
  ): Promise<Failures & Pick<BackfilledSpace, 'state' | 'embedded' | 'missing' | 'interrupted'>>;
  compareSpaces(input: CompareSpacesInput): Promise<SpaceComparison>;
  activateSpace(input: ActivateSpaceInput): Promise<SpaceActivation>;
  retireSpace(name: string): Promise<string>;
  removeSpace(name: string): Promise<string>;
  trainScorer(input: TrainScorerInput): Promise<TrainedScorer>;
  indexRegions(input: IndexRegionsInput): Promise<Failures & Pick<IndexedRegions, 'space' | 'indexed' | 'interrupted'>>;
  /** Undefined where there is none. */
  findImage(id: string): Promise<{ readonly filename: string } | undefined>;
  readThumbnail(id: string): Promise<Buffer | undefined>;
}

export function openLocalSpaces(operations: Operations): SpaceDoor {
  return {
    listSpaces: async () => (await operations.listMethods()).spaces,
    createSpace: async (input) => {
      const { space, ...made } = await operations.createSpace(input);
      const neighboursKept = made.narrowed?.neighboursKept;
      return { ...made, dimensions: space.dimensions, neighboursKept, failedCount: made.failed.length };
    },
    backfillSpace: async (input) => {
      const filled = await operations.backfillSpace(input);
      return { ...filled, failedCount: filled.failed.length };
    },
    compareSpaces: (input) => operations.compareSpaces(input),
    activateSpace: (input) => operations.activateSpace(input),
    retireSpace: (name) => operations.retireSpace(name),
    removeSpace: (name) => operations.removeSpace(name),
    trainScorer: (input) => operations.trainScorer(input),
    indexRegions: async (input) => {
      const indexed = await operations.indexRegions(input);
      return { ...indexed, failedCount: indexed.failed.length };
    },
    findImage: (id) => operations.findImage(id),
    readThumbnail: (id) => operations.readThumbnail(id),
  };
}
