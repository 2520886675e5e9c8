import { SemblanceError } from '../base/errors.js';
import { needsOf } from '../methods/rerank/create.js';
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

/** One sentence each, the same wherever re-rankers are listed. */
export const rerankerDescriptions: Readonly<Record<RerankerName, string>> = {
  EUCLIDEAN: 'Minus the Euclidean distance of the two embeddings as the space gives them.',
  INNER_PRODUCT: 'The inner product of the two embeddings as the space gives them.',
  SSIM: 'Structural similarity (Wang et al. 2004) of the two embeddings as one-dimensional signals, -1 to 1.',
  SSIM_OVER_EUCLIDEAN: 'SSIM divided by the squared Euclidean distance of the two embeddings; infinite at distance 0.',
  PIXEL_EUCLIDEAN: 'Minus the Euclidean distance of the two images as 64 × 64 greys from 0 to 1.',
  PIXEL_SSIM: 'Structural similarity (Wang et al. 2004, 11 × 11 Gaussian window) of the two images as 64 × 64 greys.',
  PIXEL_SSIM_OVER_EUCLIDEAN:
    'PIXEL_SSIM divided by the squared Euclidean distance of the greys from 0 to 1; infinite at distance 0.',
  LEARNED_HEURISTIC:
    'What a small network, trained on SSIM and distance of image pairs, predicts. Needs `semblance train-scorer --kind heuristic`.',
  LEARNED_LABELS:
    "What a small network, trained on the gallery's labels, predicts of two images being of one class. Needs `semblance train-scorer --kind labels`.",
  QUERY_EXPANSION:
    'Cosine to the query and its first 10 candidates together (alpha query expansion, Radenović et al. 2018, alpha 3).',
};

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
