import { SemblanceError } from '../base/errors.js';
import { needsOf } from '../methods/rerank/create.js';
import { rerankerDescriptions } from '../methods/rerank/descriptions.js';
import { rerankers, type RerankerName, type RerankerNeeds } from '../methods/rerank/reranker.js';
import { describeFitted } from '../methods/notation.js';
import type { EmbeddingSpace, ListedSpace, ScorerKind } from '../database/store.js';
import type { OperationsContext } from './context.js';

export interface SpaceListing extends ListedSpace {
  /** The notation of what it fits and does: see parseRecipe. */
  readonly description: string;
  /** Learned similarities that were trained for it. */
  readonly scorers: readonly ScorerKind[];
}

export interface RerankMethod {
  readonly name: RerankerName;
  readonly description: string;
  readonly needs: RerankerNeeds;
}

export interface SearchMethods {
  /** The active one first, then by name. */
  readonly spaces: readonly SpaceListing[];
  readonly rerankers: readonly RerankMethod[];
}

/** @throws SemblanceError DATABASE_UNAVAILABLE */
export async function listMethods({
  store,
  recipes,
}: Pick<OperationsContext, 'store' | 'recipes'>): Promise<SearchMethods> {
  const [spaces, scorers] = await Promise.all([store.listSpaces(), store.listScorers()]);
  const listed = await Promise.all(
    spaces.map(async (space) => ({
      ...space,
      // One that this version cannot read is no reason to hide the others.
      description: await recipes.of(space).then(describeFitted, (error: unknown) => describeUnread(space, error)),
      scorers: scorers.filter(({ spaceId }) => spaceId === space.id).map(({ kind }) => kind),
    })),
  );
  return {
    spaces: listed.sort((a, b) => rankOf(a) - rankOf(b) || (a.name < b.name ? -1 : 1)),
    rerankers: rerankers.map((name) => ({ name, description: rerankerDescriptions[name], needs: needsOf(name) })),
  };
}

function describeUnread({ model }: EmbeddingSpace, error: unknown): string {
  if (error instanceof SemblanceError && error.code === 'MODEL_UNAVAILABLE') return model;
  throw error;
}

function rankOf({ state }: EmbeddingSpace): number {
  return state === 'active' ? 0 : 1;
}
