import { Field, ID, ObjectType } from 'type-graphql';
import { Image } from './image.type.js';

@ObjectType('UpdateImagePayload')
export class UpdateImagePayload {
  @Field(() => Image)
  readonly image!: Image;
}

@ObjectType('DeleteImagePayload')
export class DeleteImagePayload {
  @Field(() => ID)
  readonly deletedId!: string;
}
