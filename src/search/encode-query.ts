import { makeGrey } from '../pixels/grey.js';
import { cropToRegion } from '../pixels/region.js';
import { needsOf } from '../methods/rerank/create.js';
import type { RerankImage } from '../methods/rerank/reranker.js';
import type { EmbeddingSpace } from '../database/store.js';
import type { CheckedSearch } from './check-search.js';
import type { OperationsContext } from '../spaces/context.js';
import { requireEncodable } from '../spaces/spaces.js';

export interface QueryBytes {
  /** As imageIdOf their SHA-256, of the whole image also where a region is searched for. */
  readonly imageId: string;
  readonly bytes: Buffer;
}

/**
 * A query that has no embedding yet: the image, or the region of it, as the space and the re-ranker see it. One decode.
 * @throws SemblanceError as ImageDecoder.use and Encoders
 */
export async function encodeQuery(
  context: OperationsContext,
  { imageId, bytes }: QueryBytes,
  space: EmbeddingSpace,
  { region, rerank, signal }: CheckedSearch,
): Promise<RerankImage> {
  const { decoder, encoders } = context;
  const recipes = await requireEncodable(context, [space], 'short');
  const { prepared, grey } = await decoder.use(
    bytes,
    'query',
    async (image) => {
      const part = region === undefined ? image : cropToRegion(image, region);
      return {
        prepared: await encoders.prepare(recipes, part, 'query'),
        grey: rerank !== undefined && needsOf(rerank).grey ? await makeGrey(part) : undefined,
      };
    },
    signal,
  );
  const [embedding] = await encoders.encode(recipes, prepared, imageId, 'query', signal);
  if (embedding === undefined) throw new Error('One recipe gives one embedding');
  return { embedding, grey };
}
