import { Field, Float, Int, ObjectType } from 'type-graphql';
import type { SearchAnswer } from '../search-answer.js';
import type { RerankerName } from '../../methods/rerank/reranker.js';
import { Turns } from './turns.js';
import { Image } from '../../images/graphql/image.type.js';
import { RegionType } from './region.type.js';
import { Rerank } from '../../methods/graphql/rerank.enum.js';

@ObjectType('SimilarImage', { description: 'An image that a search found.' })
export class SimilarImage {
  @Field(() => Image, { description: 'The image that was found.' })
  readonly image!: Promise<Image>;

  @Field(() => Float, { description: 'Cosine similarity of the two embeddings, -1 to 1.' })
  readonly similarity!: number;

  @Field(() => Int, { description: '1 for the nearest.' })
  readonly rank!: number;

  @Field(() => String, { description: 'Name of the embedding space that was searched.' })
  readonly space!: string;

  @Field(() => Rerank, { nullable: true, description: 'What ordered the hits; null where their similarity did.' })
  readonly rerank?: RerankerName | undefined;

  @Field(() => Float, {
    nullable: true,
    description:
      "The re-ranker's score, the higher the nearer: null without one, and where the image's pixels can no longer be read. An infinite one is 1.7976931348623157e308.",
  })
  readonly score?: number | undefined;

  @Field(() => RegionType, {
    nullable: true,
    description: 'With searchRegions, the part that matched best; null where the whole image did.',
  })
  readonly region?: RegionType | undefined;
}

export function toSimilarImages({ hits, space, rerank }: SearchAnswer): readonly SimilarImage[] {
  const turns = new Turns();
  return hits.map(({ image, similarity, score, region }, index) => ({
    get image() {
      return turns.wait(image);
    },
    similarity,
    rank: index + 1,
    space,
    rerank,
    score: score === undefined ? undefined : finite(score),
    region,
  }));
}

/** GraphQL's Float has no infinity. */
function finite(score: number): number {
  return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, score));
}
