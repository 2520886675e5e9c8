import { Field, Int, ObjectType } from 'type-graphql';
import { EmbeddingSpaceType } from '../methods/methods.type.js';

@ObjectType('ActivateSpacePayload')
export class ActivateSpacePayload {
  @Field(() => EmbeddingSpaceType)
  readonly space!: EmbeddingSpaceType;

  @Field(() => String, {
    nullable: true,
    description:
      'The one that was active until now: it goes on being filled, and activating it takes the step back. Null where nothing changed.',
  })
  readonly former?: string | undefined;

  @Field(() => Int, { description: 'Stored images that are not found in it: 0 unless forced.' })
  readonly missing!: number;
}

@ObjectType('RetireSpacePayload')
export class RetireSpacePayload {
  @Field(() => EmbeddingSpaceType)
  readonly space!: EmbeddingSpaceType;
}

@ObjectType('RemoveSpacePayload')
export class RemoveSpacePayload {
  @Field(() => String)
  readonly removedName!: string;
}
