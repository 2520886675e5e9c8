import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { RerankerName } from '../../methods/rerank/reranker.js';
import type { ScorerKind, SpaceState } from '../../database/store.js';
import { DateTimeScalar } from '../../base/graphql/scalars.js';
import { Rerank } from '../../methods/graphql/rerank.enum.js';

/** GraphQL's names. */
export const SpaceStates = {
  ACTIVE: 'active',
  READY: 'ready',
  BUILDING: 'building',
  RETIRED: 'retired',
} as const satisfies Record<string, SpaceState>;

registerEnumType(SpaceStates, {
  name: 'SpaceState',
  description: 'What a space is good for.',
  valuesConfig: {
    ACTIVE: { description: 'Searched where no space is named.' },
    READY: { description: 'Searched where it is named.' },
    BUILDING: { description: 'Images that were stored before it still lack an embedding in it.' },
    RETIRED: { description: 'Kept, and no longer up to date.' },
  },
});

export const ScorerKinds = { HEURISTIC: 'heuristic', LABELS: 'labels' } as const satisfies Record<string, ScorerKind>;

registerEnumType(ScorerKinds, {
  name: 'ScorerKind',
  description: 'What a learned similarity was trained for.',
  valuesConfig: {
    HEURISTIC: { description: 'To predict SSIM and distance of two embeddings.' },
    LABELS: { description: "To tell by the gallery's labels whether two images are of one class." },
  },
});

@ObjectType('EmbeddingSpace', { description: 'One way to turn images into vectors, which searches may name.' })
export class EmbeddingSpaceType {
  @Field(() => String, { description: 'As searches name it.' })
  readonly name!: string;

  @Field(() => String, { description: "A model's name, or the method's notation where it is more than a model." })
  readonly model!: string;

  @Field(() => String, { description: 'The notation of what was fitted.' })
  readonly description!: string;

  @Field(() => Int, { description: 'Of its embeddings.' })
  readonly dimensions!: number;

  @Field(() => SpaceStates, { description: 'What it is good for now.' })
  readonly state!: SpaceState;

  @Field(() => Int, { description: 'Images that have an embedding in it.' })
  readonly imageCount!: number;

  @Field(() => Int, { description: 'Stored images that have none. It is searchable once there is none of these.' })
  readonly missingCount!: number;

  @Field(() => Int, { description: 'Parts of images that have an embedding in it, which searchRegions compares.' })
  readonly regionCount!: number;

  @Field(() => [ScorerKinds], { description: 'Learned similarities that were trained for it.' })
  readonly scorers!: readonly ScorerKind[];

  @Field(() => DateTimeScalar, { description: 'To the millisecond.' })
  readonly createdAt!: Date;
}

@ObjectType('RerankNeeds', { description: 'What a re-ranker needs beside embeddings.' })
export class RerankNeeds {
  @Field(() => Boolean, {
    description: 'Grey renditions of the images. They are stored with them, so nothing is to be done for it.',
  })
  readonly grey!: boolean;

  @Field(() => ScorerKinds, {
    nullable: true,
    description: 'A learned similarity of that kind, trained for the space by `semblance train-scorer`.',
  })
  readonly scorer?: ScorerKind | undefined;
}

@ObjectType('RerankMethod', { description: 'One way to order the nearest by cosine anew, which searches may name.' })
export class RerankMethodType {
  @Field(() => Rerank, { description: 'As searches name it.' })
  readonly name!: RerankerName;

  @Field(() => String, { description: 'How it scores, in a sentence.' })
  readonly description!: string;

  @Field(() => RerankNeeds, { description: 'What must be there before a search can name it.' })
  readonly needs!: RerankNeeds;
}

@ObjectType('SearchMethods', { description: 'What a search may name.' })
export class SearchMethodsType {
  @Field(() => [EmbeddingSpaceType], { description: 'The active one first, then by name.' })
  readonly spaces!: readonly EmbeddingSpaceType[];

  @Field(() => [RerankMethodType], { description: 'Every way to order the nearest anew.' })
  readonly rerankers!: readonly RerankMethodType[];
}
