import { Field, Float, Int, ObjectType } from 'type-graphql';
import type { SearchResult } from '../../store/types.js';
import { Image } from '../image/image.type.js';

@ObjectType('SimilarImage')
export class SimilarImage {
  @Field(() => Image)
  readonly image!: Image;

  @Field(() => Float, { description: 'Cosine similarity of the two embeddings, -1 to 1.' })
  readonly similarity!: number;

  @Field(() => Int, { description: '1 for the nearest.' })
  readonly rank!: number;
}

export function toSimilarImages({ hits }: SearchResult): readonly SimilarImage[] {
  return hits.map(({ image, similarity }, index) => ({ image, similarity, rank: index + 1 }));
}
