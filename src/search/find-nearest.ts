import { SemblanceError } from '../base/errors.js';
import { createReranker, needsOf } from '../methods/rerank/create.js';
import { rerank } from '../methods/rerank/rerank.js';
import type { RerankCandidate, Reranker, RerankerName, RerankImage } from '../methods/rerank/reranker.js';
import { scorerFromJson } from '../methods/rerank/scorer.js';
import type { EmbeddingSpace, ScorerKind, Store } from '../database/store.js';
import type { SearchHit, SearchOptions, SearchResult } from '../database/types.js';
import type { CheckedSearch } from './check-search.js';
import type { OperationsContext } from '../spaces/context.js';
import { requireFound } from '../base/require-found.js';
import { readGreys } from '../images/read-greys.js';
import type { AnswerHit, SearchAnswer } from './search-answer.js';
import { areGone } from '../spaces/spaces.js';

export interface NearestQuery {
  /** Asks the store; `options` say how many it is to find. */
  readonly find: (options: SearchOptions) => Promise<SearchResult>;
  /** What is searched for as re-rankers see it, or the stored image of which that is read beside the candidates. */
  readonly image: RerankImage | { readonly imageId: string };
}

/** The k nearest in a space, re-ranked where that is asked for. What both searches do once they know their query. */
export async function findNearest(
  context: OperationsContext,
  search: CheckedSearch,
  space: EmbeddingSpace | undefined,
  { find, image }: NearestQuery,
): Promise<Omit<SearchAnswer, 'embedMs'>> {
  const { k, minSimilarity, filter, rerank: name, candidates, withoutMetadata, signal } = search;
  const options = { minSimilarity, filter, spaceId: space?.id, withoutMetadata };
  if (name === undefined || space === undefined) return { ...(await find({ ...options, k })), rerankMs: 0 };
  // Before the search: without its scorer it would be for nothing.
  const openedMs = performance.now();
  const reranker = await openReranker(context.store, name, space);
  const searchedMs = performance.now();
  const result = await find({ ...options, k: candidates });
  signal?.throwIfAborted();
  const startedMs = performance.now();
  const hits = await order(context, { name, reranker, space, hits: result.hits, image, k, signal });
  return { ...result, hits, rerank: name, rerankMs: performance.now() - startedMs + searchedMs - openedMs };
}

/**
 * Finds by the embedding of the query, among parts of images too where that is asked for.
 * @param except an image to leave out
 */
export function byEmbedding(
  { store }: OperationsContext,
  { searchRegions }: CheckedSearch,
  embedding: Float32Array,
  except?: string,
): NearestQuery['find'] {
  return (options) =>
    searchRegions
      ? store.searchRegions(embedding, { ...options, except })
      : store.searchByVector(embedding, { ...options, except });
}

interface Ordering {
  readonly name: RerankerName;
  readonly reranker: Reranker;
  readonly space: EmbeddingSpace;
  readonly hits: readonly SearchHit[];
  readonly image: NearestQuery['image'];
  readonly k: number;
  readonly signal: AbortSignal | undefined;
}

/** Hits that lack what the re-ranker compares stand behind all others, without a score; deleted ones fall out. */
async function order(context: OperationsContext, ordering: Ordering): Promise<readonly AnswerHit[]> {
  const { name, reranker, space, hits, image, k, signal } = ordering;
  const ids = [...hits.map((hit) => hit.image.id), ...('imageId' in image ? [image.imageId] : [])];
  const [embeddings, greys] = await Promise.all([
    context.store.readEmbeddings(space.id, ids),
    needsOf(name).grey ? readGreys(context, ids, signal) : undefined,
  ]);
  const imageOf = (id: string): RerankImage | undefined => {
    const embedding = embeddings.get(id);
    return embedding && { embedding, grey: greys?.get(id) };
  };
  // A space that is removed under a search has lost them all; an image that is deleted has lost one.
  if (ids.some((id) => !embeddings.has(id)) && (await areGone(context.store, [space]))) {
    throw new SemblanceError('NOT_FOUND', `The space ${JSON.stringify(space.name)} was removed meanwhile`);
  }
  const query = 'imageId' in image ? requireFound(imageOf(image.imageId), image.imageId) : image;
  if (greys !== undefined && query.grey === undefined) {
    throw new SemblanceError(
      'INVALID_IMAGE',
      'The stored image can no longer be decoded, so it has no pixels to compare',
    );
  }
  const candidates: (RerankCandidate & { readonly hit: SearchHit })[] = [];
  const unscored: SearchHit[] = [];
  for (const hit of hits) {
    const seen = imageOf(hit.image.id);
    if (seen === undefined) continue;
    if (greys !== undefined && seen.grey === undefined) unscored.push(hit);
    else candidates.push({ ...seen, similarity: hit.similarity, hit });
  }
  const ranked = await rerank({ query, candidates, reranker, k });
  const scored = ranked.flatMap(({ index, score }) => {
    const hit = candidates[index]?.hit;
    return hit === undefined ? [] : [{ ...hit, score }];
  });
  return [...scored, ...unscored].slice(0, k);
}

/** @throws SemblanceError BAD_USER_INPUT where it needs a scorer that was not trained for the space */
async function openReranker(store: Store, name: RerankerName, space: EmbeddingSpace): Promise<Reranker> {
  const { scorer: kind } = needsOf(name);
  if (kind === undefined) return createReranker(name);
  const json = await store.readScorer(space.id, kind);
  if (json === undefined || json === null) throw untrained(name, kind, space);
  return createReranker(name, { scorer: scorerFromJson(json, space.dimensions) });
}

function untrained(name: RerankerName, kind: ScorerKind, space: EmbeddingSpace): SemblanceError {
  return new SemblanceError(
    'BAD_USER_INPUT',
    `${name} has no scorer in the space ${JSON.stringify(space.name)}: \`semblance train-scorer --space ${space.name} --kind ${kind}\` trains one`,
  );
}
