import { Field, ID, ObjectType } from 'type-graphql';
import { Image } from './image.type.js';

@ObjectType('UpdateImagePayload', { description: 'What updateImage did.' })
export class UpdateImagePayload {
  @Field(() => Image, { description: 'As it is now.' })
  readonly image!: Image;
}

@ObjectType('DeleteImagePayload', { description: 'What deleteImage did.' })
export class DeleteImagePayload {
  @Field(() => ID, { description: 'Of the image that is gone.' })
  readonly deletedId!: string;
}
