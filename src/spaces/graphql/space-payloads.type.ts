import { Field, Int, ObjectType } from 'type-graphql';
import { EmbeddingSpaceType } from './methods.type.js';

@ObjectType('ActivateSpacePayload', { description: 'What activateSpace did.' })
export class ActivateSpacePayload {
  @Field(() => EmbeddingSpaceType, { description: 'The one that is active now.' })
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

@ObjectType('RetireSpacePayload', { description: 'What retireSpace did.' })
export class RetireSpacePayload {
  @Field(() => EmbeddingSpaceType, { description: 'The one that is retired now.' })
  readonly space!: EmbeddingSpaceType;
}

@ObjectType('RemoveSpacePayload', { description: 'What removeSpace did.' })
export class RemoveSpacePayload {
  @Field(() => String, { description: 'Of the space that is gone.' })
  readonly removedName!: string;
}
