import { ArgsType, Field, Float, Int } from 'type-graphql';
import { defaultComparedImages, defaultK, defaultSampleImages } from '../../base/limits.js';
import type { ScorerKind } from '../../database/store.js';
import { ScorerKinds } from '../../spaces/graphql/methods.type.js';

/** Beyond GraphQL's Int: 0 to 4294967295, whole. */
const seedField = { nullable: true, description: 'A whole number from 0 to 4294967295; 1 unless given.' } as const;

@ArgsType()
export class CreateSpaceArgs {
  @Field(() => String, { description: '1 to 63 lower-case letters, digits and ._-' })
  readonly name!: string;

  @Field(() => String, { nullable: true, description: 'The notation of what it does, such as hog+bovw-400.' })
  readonly method?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'In place of method: the embedding of this model, which the server has.',
  })
  readonly model?: string | null;

  @Field(() => Int, { defaultValue: defaultSampleImages, description: 'Stored images to fit on: 1 to 20000.' })
  readonly sampleImages!: number;

  @Field(() => Float, seedField)
  readonly seed?: number | null;

  @Field(() => Boolean, { defaultValue: true, description: 'Embeds the stored images in it at once.' })
  readonly backfill!: boolean;
}

@ArgsType()
export class CompareSpacesArgs {
  @Field(() => String, { description: 'Name of the one space.' })
  readonly a!: string;

  @Field(() => String, { description: 'Name of the other. Differences are b minus a.' })
  readonly b!: string;

  @Field(() => Int, { defaultValue: defaultComparedImages, description: 'Images to search for: 2 to 5000.' })
  readonly sample!: number;

  @Field(() => Float, seedField)
  readonly seed?: number | null;

  @Field(() => Int, { defaultValue: defaultK, description: 'Results whose overlap is told: 1 to 1000.' })
  readonly k!: number;
}

@ArgsType()
export class TrainScorerArgs {
  @Field(() => ScorerKinds, { description: 'What to train it for.' })
  readonly kind!: ScorerKind;

  @Field(() => String, { nullable: true, description: 'The active one unless given.' })
  readonly space?: string | null;

  @Field(() => Float, seedField)
  readonly seed?: number | null;

  @Field(() => Int, { nullable: true, description: 'Passes over the pairs, 1 to 100; 5 unless given.' })
  readonly epochs?: number | null;
}
